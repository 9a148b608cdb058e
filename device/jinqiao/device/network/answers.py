"""What vehicles answer, or say by themselves, on its way through the network: single messages, few and never columns.

When somebody asks is a matter of the wall clock, so answers are no part of what is the same in every run. They wait for
no telemetry: where both are on their way an answer may overtake it, as it may on a real car with a task for each.
"""

from __future__ import annotations

import heapq
from itertools import count

import numpy as np

from jinqiao.base.keyed import purpose_number

from ..agent.car import Outgoing
from .absences import NEVER_US, Absences
from .paths import Paths

__all__ = ["Answers"]

_ANSWER = purpose_number("network answer")
#: What a vehicle keeps of them while it is offline: a T-Box has some twenty messages unacknowledged at most.
_MOST_KEPT = 20
#: Bytes of a message that is small: the latency of a larger one differs by less than its jitter.
_SMALL = 300


class Answers:
    """Of the vehicles of `paths`, of which `absences` knows who is offline. Times are us since the run's start."""

    def __init__(self, paths: Paths, absences: Absences) -> None:
        self._paths, self._absences = paths, absences
        self._waiting: list[tuple[int, int, Outgoing]] = []
        self._kept: dict[int, list[Outgoing]] = {}
        self._order = count()
        self._sent: dict[int, int] = {}
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting) + sum(map(len, self._kept.values()))

    @property
    def next_us(self) -> int | None:
        """When the next one arrives."""
        return self._waiting[0][0] if self._waiting else None

    def take(self, message: Outgoing, now_us: int, *, asked: bool = True) -> None:
        """A vehicle says this now; if it was `asked` the question has had its way, too."""
        online_us = int(self._absences.online_us[message.row])
        if online_us >= NEVER_US:
            kept = self._kept.setdefault(message.row, [])
            kept.append(message)
            if len(kept) > _MOST_KEPT:
                del kept[0]
                self.dropped += 1
            return
        ways = 2 if asked else 1
        delay_us = sum(self._latency_us(message.row) for _ in range(ways))
        heapq.heappush(self._waiting, (max(now_us, online_us) + delay_us, next(self._order), message))

    def back(self, row: int) -> None:
        """A vehicle has a network again: what it kept goes as soon as it is online."""
        for message in self._kept.pop(row, ()):
            self.take(message, 0, asked=False)

    def give(self, before_us: int) -> list[Outgoing]:
        """What arrives before this."""
        given = []
        while self._waiting and self._waiting[0][0] < before_us:
            given.append(heapq.heappop(self._waiting)[2])
        return given

    def _latency_us(self, row: int) -> int:
        number = self._sent[row] = self._sent.get(row, 0) + 1
        words = np.array([number], np.uint64) + np.uint64(_ANSWER)
        return int(self._paths.latency_us(np.array([row], np.int32), words, np.array([_SMALL]))[0])
