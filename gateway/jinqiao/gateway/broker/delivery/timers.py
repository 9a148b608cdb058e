"""Things to do later, on the broker's coarse clock: sessions and messages that expire, wills that wait."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

__all__ = ["Timer", "Timers"]


#: Cancelled timers that may stay until their time comes, however few the others are.
_FEW = 64


class Timer:
    """Something to do at a time."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], object]) -> None:
        self.function: Callable[[], object] | None = function


class Timers:
    """A heap of timers, next one first."""

    __slots__ = ("_cancelled", "_heap", "_number")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._number = count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap)

    def at(self, when: float, function: Callable[[], object]) -> Timer:
        """Call `function` once `run` is called with a time not before `when`, seconds."""
        timer = Timer(function)
        heapq.heappush(self._heap, (when, next(self._number), timer))
        return timer

    def cancel(self, timer: Timer) -> None:
        """Let it be. A client that comes and goes leaves one each time, due in days: they are cleared out in bulk."""
        if timer.function is None:
            return
        timer.function = None
        self._cancelled += 1
        if self._cancelled > _FEW and 2 * self._cancelled > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].function is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def run(self, now: float) -> None:
        """Do what is due."""
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            function, timer.function = timer.function, None
            if function is not None:
                function()
            else:
                self._cancelled -= 1
