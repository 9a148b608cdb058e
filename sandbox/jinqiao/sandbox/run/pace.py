"""Simulated time against the wall clock: `--speed 1` is real time, `10` ten times as fast, `max` as fast as it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from jinqiao.base.errors import InputError

__all__ = ["Pace", "parse_speed"]


def parse_speed(text: str) -> float | None:
    """`1`, `0.5`, `10` or `max`; None means as fast as possible. Raises InputError for anything else."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 100_000:
        raise InputError(f"--speed: found {text!r}, expected a number from 0.001 to 100000 or 'max'")
    return speed


class Pace:
    """Holds a loop over simulated seconds to `speed` simulated seconds per second of the wall clock (None: no limit).

    A run that falls behind goes on without pauses until the clock is caught up with; `behind_s` keeps the largest lag
    that was seen.
    """

    def __init__(self, speed: float | None) -> None:
        self.speed = speed
        self.behind_s = 0.0
        self._start = 0.0
        #: Seconds for which the clock was held before, and since when it is now, if it is.
        self._held_s = 0.0
        self._held_since: float | None = None

    def start(self) -> None:
        self._start = time.perf_counter()

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
    def is_held(self) -> bool:
        return self._held_since is not None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile the clock stands."""
        since = self._held_since = time.perf_counter()
        try:
            yield
        finally:
            self._held_since = None
            self._held_s += time.perf_counter() - since

    async def until(self, simulated_s: float, stop: asyncio.Event) -> bool:
        """Wait until the wall clock has reached `simulated_s` seconds of the simulation, or until `stop` is set.

        Always lets other tasks run; answers whether to go on.
        """
        ahead_s = 0.0
        if self.speed is not None:
            ahead_s = simulated_s / self.speed - self.clock_s()
            self.behind_s = max(self.behind_s, -ahead_s)
        if ahead_s <= 0.0:
            await asyncio.sleep(0)
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), ahead_s)
        return not stop.is_set()
