"""A thread behind a bounded queue: nobody waits for a disk or a server, and what finds no room is counted.

The bound is in samples, not in entries, because entries differ by a factor of 100,000.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

__all__ = ["Worker"]

T = TypeVar("T")

_logger = logging.getLogger(__name__)

#: Seconds between looks whether there is room again, while somebody waits for it.
_LOOK_EVERY_S = 0.002


class Worker(Generic[T]):
    """Gives `work` whatever has been offered, oldest first, in lots of at most `lot` samples (one entry at least).

    Less than `least` samples wait for more, `tick_s` at most. `tick` is called after each lot, and every `tick_s` while
    nothing comes. An OSError out of either stops the worker for good: `fault` says why, and everything offered later is
    dropped. All counts are in samples.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[T]], None],
        *,
        capacity: int,
        lot: int,
        least: int = 1,
        tick: Callable[[], None] = lambda: None,
        tick_s: float = 1.0,
    ) -> None:
        self.name = name
        self.fault = ""
        self.offered = self.dropped = 0
        #: Set by `work` while it cannot get on, so that nobody waits for it.
        self.stuck = False
        #: Raised by `work` whenever part of a lot is done: a sign of life while a large one lasts.
        self.beats = 0
        self._work, self._tick, self._tick_s = work, tick, tick_s
        self._capacity, self._lot, self._least = capacity, lot, least
        self._entries: deque[tuple[T, int]] = deque()
        self._held = 0
        self._changed = threading.Condition()
        self._closing = self._abandoned = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def held(self) -> int:
        """Samples that wait or are being worked on."""
        return self._held

    def start(self) -> None:
        self._thread.start()

    def offer(self, entry: T, samples: int) -> bool:
        """Hand over an entry if there is room for it, else drop and count it; an empty queue takes any one entry."""
        with self._changed:
            self.offered += samples
            if self.fault or self._closing or not self._fits(samples):
                self.dropped += samples
                return False
            self._entries.append((entry, samples))
            self._held += samples
            if self._held >= self._least:
                self._changed.notify_all()
            return True

    async def offer_patiently(self, entry: T, samples: int, patience_s: float) -> bool:
        """The same, but wait for room as long as the worker gets on, at most `patience_s`."""
        deadline = time.monotonic() + patience_s
        while not self._fits(samples) and not self.stuck and not self.fault and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_EVERY_S)
        return self.offer(entry, samples)

    def pause(self, seconds: float) -> bool:
        """For `work`: wait, unless nobody waits for the result any more; whether to go on trying."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not self._abandoned and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            return not self._abandoned

    def close(self, quiet_s: float, most_s: float) -> bool:
        """Let the worker finish what was offered; False when it is not done and is left to itself.

        That is when it has finished nothing for `quiet_s`, and after `most_s` in any case.
        """
        deadline = time.monotonic() + most_s
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        while self._thread.is_alive() and time.monotonic() < deadline:
            done = (self._held, self.beats)
            self._thread.join(min(quiet_s, deadline - time.monotonic()))
            if done == (self._held, self.beats):
                break
        if not self._thread.is_alive():
            return True
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()
        self._thread.join(1.0)
        return False

    def _fits(self, samples: int) -> bool:
        return not self._held or self._held + samples <= self._capacity

    def _run(self) -> None:
        try:
            while (lot := self._next_lot()) is not None:
                if lot:
                    self._work([entry for entry, _ in lot])
                    with self._changed:
                        self._held -= sum(samples for _, samples in lot)
                        self._changed.notify_all()
                self._tick()
        except OSError as error:
            self.stop(f"{error.strerror or error}")
        except Exception as error:
            _logger.exception("%s", self.name)
            self.stop(f"{type(error).__name__}: {error}")

    def stop(self, why: str) -> None:
        """Give up: the run goes on without this store."""
        with self._changed:
            self.fault = why
            self._entries.clear()
            self._held = 0
        _logger.error("%s stops, the run goes on without it: %s", self.name, why)

    def _next_lot(self) -> list[tuple[T, int]] | None:
        """Entries to work on; none after `tick_s` without any, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._held >= self._least or self._closing or self.fault, self._tick_s)
            if self.fault or self._abandoned or (self._closing and not self._entries):
                return None
            lot: list[tuple[T, int]] = []
            samples = 0
            while self._entries and (not lot or samples + self._entries[0][1] <= self._lot):
                lot.append(self._entries.popleft())
                samples += lot[-1][1]
            return lot
