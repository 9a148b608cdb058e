"""What a vehicle will do by itself, in simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from itertools import count

from .car import Outgoing

__all__ = ["Later"]

Act = Callable[[], Iterable[Outgoing]]


class Later:
    """Acts by the simulated millisecond they are due; those of one moment in the order they were asked for."""

    def __init__(self) -> None:
        self._acts: list[tuple[int, int, Act]] = []
        self._order = count()

    def at(self, due_ms: int, act: Act) -> None:
        """Do this at `due_ms`, or at the first look after it."""
        heapq.heappush(self._acts, (due_ms, next(self._order), act))

    @property
    def next_ms(self) -> int | None:
        """When the next one is due; None when there is none."""
        return self._acts[0][0] if self._acts else None

    def run(self, now_ms: int) -> Iterable[Outgoing]:
        """Do all that is due, and what becomes due by that."""
        while self._acts and self._acts[0][0] <= now_ms:
            yield from heapq.heappop(self._acts)[2]()
