"""Simulated time against the wall clock: `--speed 1` is real time, `10` ten times as fast, `max` as fast as it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from jinqiao.base.errors import InputError

__all__ = ["FASTEST", "SLOWEST", "Pace", "parse_speed"]

#: What a speed may be, simulated seconds per second.
SLOWEST, FASTEST = 0.001, 100_000.0


def parse_speed(text: str) -> float | None:
    """`1`, `0.5`, `10` or `max`; None means as fast as possible. Raises InputError for anything else."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not SLOWEST <= speed <= FASTEST:
        raise InputError(f"--speed: found {text!r}, expected a number from {SLOWEST:g} to {FASTEST:g} or 'max'")
    return speed


class Pace:
    """Holds a loop over simulated seconds to `speed` simulated seconds per second of the wall clock (None: no limit).

    A run that falls behind goes on without pauses until the clock is caught up with; `behind_s` keeps the largest lag
    that was seen. While it is `free` the wall clock is not followed, whatever the speed.
    """

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self.free = False
        self.behind_s = 0.0
        self._start = 0.0
        #: Seconds for which the clock was held before, since when it is now, if it is, and by how many.
        self._held_s = 0.0
        self._held_since: float | None = None
        self._holders = 0
        #: A second of the simulation, and what the clock said then: what follows is counted from there.
        self._from_s = self._from_clock_s = 0.0
        self._nap: asyncio.Task[Literal[True]] | None = None

    def start(self) -> None:
        """Count from now on, or from when the clock is let go."""
        self._start = time.perf_counter()
        self._held_s, self._from_clock_s = 0.0, 0.0
        if self._holders:
            self._held_since = self._start

    @property
    def started(self) -> bool:
        return self._start > 0.0

    def wall_s(self) -> float:
        """Seconds of the wall clock since `start`."""
        return time.perf_counter() - self._start

    def clock_s(self) -> float:
        """The same without the time for which the clock was held: what simulated time follows."""
        now = time.perf_counter() if self._held_since is None else self._held_since
        return now - self._start - self._held_s

    @property
    def limited(self) -> bool:
        """Whether the wall clock is followed at present."""
        return self.speed is not None and not self.free

    @property
    def present_s(self) -> float | None:
        """The second of the simulation that the clock has come to; None while nothing follows it."""
        if self.speed is None or self.free:
            return None
        return self._from_s + (self.clock_s() - self._from_clock_s) * self.speed

    def follow(self, speed: float | None, simulated_s: float) -> None:
        """Another speed, from this second of the simulation on; a lag is forgotten."""
        self.speed = speed
        self._from_s, self._from_clock_s = simulated_s, self.clock_s()
        self.nudge()

    def nudge(self) -> None:
        """Let whoever waits in `until` look again."""
        if self._nap is not None:
            self._nap.cancel()

    @property
    def is_held(self) -> bool:
        return self._held_since is not None

    def hold(self) -> None:
        """Let the clock stand until it is let go as often as it was held."""
        if not self._holders:
            self._held_since = time.perf_counter()
        self._holders += 1

    def let_go(self) -> None:
        self._holders -= 1
        if not self._holders and self._held_since is not None:
            self._held_s += time.perf_counter() - self._held_since
            self._held_since = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile the clock stands."""
        self.hold()
        try:
            yield
        finally:
            self.let_go()

    async def until(self, simulated_s: float, stop: asyncio.Event) -> bool:
        """Wait until the wall clock has reached `simulated_s` seconds of the simulation.

        Always lets other tasks run. Answers whether it was reached: not when `stop` was set, or somebody nudged.
        """
        present_s = self.present_s
        ahead_s = 0.0
        if present_s is not None and self.speed is not None:
            ahead_s = (simulated_s - present_s) / self.speed
            self.behind_s = max(self.behind_s, -ahead_s)
        if ahead_s <= 0.0:
            await asyncio.sleep(0)
            return not stop.is_set()
        nap = self._nap = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({nap}, timeout=ahead_s)
            return not nap.done()
        finally:
            self._nap = None
            nap.cancel()
