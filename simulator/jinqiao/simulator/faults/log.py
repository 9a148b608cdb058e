"""The labels of a run: what truly happened, to which vehicle, when; numbered, so that a reader can go on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from jinqiao.base.telemetry import Label

__all__ = ["LabelLog", "Labelled"]

#: Labels of single vehicles that are kept; beyond them the oldest go.
MOST_KEPT = 1_000_000


class Labelled(NamedTuple):
    """One label of one vehicle, a row of the fleet; None where it strikes no vehicle, such as an empty station."""

    number: int
    label: Label
    vehicle: int | None


class LabelLog:
    """Every label from second 0 on; `dropped` counts those that had to go, `last` is the number of the newest."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.last = self.dropped = 0
        self._most = most
        #: The number of a label's first vehicle, and the label.
        self._labels: deque[tuple[int, Label]] = deque()

    def add(self, label: Label) -> None:
        self._labels.append((self.last + 1, label))
        self.last += max(1, len(label))
        while self.last - self.dropped > self._most and len(self._labels) > 1:
            _, oldest = self._labels.popleft()
            self.dropped += max(1, len(oldest))

    def since(self, number: int) -> Iterator[Labelled]:
        """The labels behind this number, oldest first."""
        for first, label in self._labels:
            if first + max(1, len(label)) - 1 <= number:
                continue
            vehicles = label.vehicles.tolist() or [None]
            yield from (
                Labelled(place, label, vehicle) for place, vehicle in enumerate(vehicles, first) if place > number
            )
