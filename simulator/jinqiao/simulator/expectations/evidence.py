"""What is known of faults and of what the product under test did about them: the evidence that judges read.

All of it is bounded. What came when a log was full is counted and changes no verdict.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinqiao.base.telemetry import Label

__all__ = ["Detection", "Evidence", "Reaction", "Span"]

#: Of each log; a product that reports more has said enough.
MOST_DETECTIONS = 100_000
MOST_REACTIONS = 200_000
MOST_REPLIES = 200_000
MOST_SPANS = 500_000
#: Characters of a fault's name or a VIN that are kept.
LONGEST_NAME = 64

#: What a product did about a vehicle: a service called, a property set, a cloud call that names it, or a publish on one
#: of its custom topics.
Reaction = Literal["command", "set", "call", "topic"]


@dataclass(slots=True)
class Span:
    """A fault in one vehicle, as its labels say: from `begin_ms` to `end_ms`, None while it goes on.

    One that happens once ends when it begins.
    """

    fault: str
    row: int
    begin_ms: int
    end_ms: int | None
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Detection:
    """What the product said: a fault in vehicle `row` (-1: no vehicle has this VIN) at `time_ms`."""

    vin: str
    row: int
    fault: str
    time_ms: int
    arrived_ms: int
    via: str


class Evidence:
    """The logs of one run."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.detections: list[Detection] = []
        #: What came when a log was full, by its name.
        self.dropped: Counter[str] = Counter()
        #: Rises with everything that may change a verdict.
        self.version = 0
        self._of_fault: dict[str, list[Span]] = {}
        self._open: dict[tuple[str, int], list[Span]] = {}
        self._reactions: dict[tuple[str, str], dict[int, list[int]]] = {}
        self._count = 0
        self._replies: dict[str, list[tuple[float, int]]] = {}

    def label(self, labels: Collection[Label]) -> None:
        """Note when faults begin and end."""
        for label in labels:
            self.version += 1
            for row in label.vehicles.tolist():
                if label.phase == "end":
                    self._end(label, row)
                elif len(self.spans) >= MOST_SPANS:
                    self.dropped["labels"] += 1
                else:
                    end_ms = label.time_ms if label.phase == "once" else None
                    span = Span(label.kind, row, label.time_ms, end_ms, label.parameters)
                    self.spans.append(span)
                    self._of_fault.setdefault(label.kind, []).append(span)
                    if label.phase == "begin":
                        self._open.setdefault((label.kind, row), []).append(span)

    def _end(self, label: Label, row: int) -> None:
        """An end is that of the oldest fault of its kind in this vehicle that has its parameters."""
        going_on = self._open.get((label.kind, row), [])
        span = next((span for span in going_on if span.parameters == label.parameters), None)
        if span is not None:
            span.end_ms = label.time_ms
            going_on.remove(span)

    def of_fault(self, fault: str) -> list[Span]:
        """The spans of one kind of fault, in the order in which they began."""
        return self._of_fault.get(fault, [])

    def detected(self, vin: str, row: int, fault: str, time_ms: int, arrived_ms: int, via: str) -> None:
        """The product detected a fault."""
        if len(self.detections) >= MOST_DETECTIONS:
            self.dropped["detections"] += 1
            return
        self.version += 1
        self.detections.append(Detection(vin[:LONGEST_NAME], row, fault[:LONGEST_NAME], time_ms, arrived_ms, via))

    def reacted(self, row: int, kind: Reaction, name: str, time_ms: int) -> None:
        """The product did something about a vehicle."""
        if self._count >= MOST_REACTIONS:
            self.dropped["reactions"] += 1
            return
        self._count += 1
        self.version += 1
        self._reactions.setdefault((kind, name), {}).setdefault(row, []).append(time_ms)

    def first_reaction_ms(self, kind: Reaction, name: str, row: int, since_ms: int) -> int | None:
        """When it did this about a vehicle first, from a moment on. Reactions come in the order of time."""
        times = self._reactions.get((kind, name), {}).get(row, [])
        place = bisect_left(times, since_ms)
        return times[place] if place < len(times) else None

    def replied(self, service: str, after_s: float | None, code: int) -> None:
        """A vehicle answered a service call after so long; None: not at all."""
        replies = self._replies.setdefault(service, [])
        if len(replies) >= MOST_REPLIES:
            self.dropped["replies"] += 1
            return
        self.version += 1
        replies.append((float("inf") if after_s is None else after_s, code))

    def replies(self, service: str) -> list[tuple[float, int]]:
        """Seconds and code of each call of a service; infinite where nobody answered."""
        return self._replies.get(service, [])
