"""How a product's detections score against the labels of what truly happened.

A detection is true when its vehicle has that fault at its time: from the fault's begin to `GRACE_MS` after its end.
The first one of a fault is its detection; a further one is a repeat, neither true nor false. All others are false: of
another vehicle, of one that does not exist, of another fault, or too early or too late.

Detections are taken in the order of their times, at the same time in the order in which they came. Where a vehicle has
several faults of this kind at that time, the one that began first and is not yet detected counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from .aggregates import percentile
from .bounds import Bound
from .evidence import Detection, Evidence, Span
from .judge import KEPT_FAILURES, Judge, Now, Outcome
from .shown import clock, number, share
from .states import Vins
from .verdict import Failure, Word

__all__ = ["GRACE_MS", "DetectionJudge", "Score", "score"]

#: A detector may say so a while after the fault has ended: it looks back at what it was sent.
GRACE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Score:
    """`latencies_ms` of the detected faults, from their begin; `wrong` and `missed` are what was not right."""

    true: int
    repeats: int
    latencies_ms: tuple[int, ...]
    wrong: tuple[Detection, ...]
    missed: tuple[Span, ...]

    @property
    def false(self) -> int:
        return len(self.wrong)

    @property
    def labels(self) -> int:
        return self.true + len(self.missed)

    @property
    def precision(self) -> float | None:
        """true / (true + false); None where nothing was detected."""
        told = self.true + self.false
        return self.true / told if told else None

    @property
    def recall(self) -> float | None:
        """Detected faults of all; None where there was no fault."""
        return self.true / self.labels if self.labels else None


def score(spans: Sequence[Span], detections: Sequence[Detection]) -> Score:
    """Score the detections of one kind of fault against its spans."""
    of_row: dict[int, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.begin_ms):
        of_row.setdefault(span.row, []).append(span)
    found: dict[int, int] = {}
    wrong: list[Detection] = []
    repeats = 0
    for told in sorted(detections, key=lambda told: told.time_ms):
        active = [span for span in of_row.get(told.row, ()) if _has(span, told.time_ms)]
        fresh = next((span for span in active if id(span) not in found), None)
        if fresh is not None:
            found[id(fresh)] = told.time_ms - fresh.begin_ms
        elif active:
            repeats += 1
        else:
            wrong.append(told)
    missed = tuple(span for span in spans if id(span) not in found)
    return Score(len(found), repeats, tuple(found.values()), tuple(wrong), missed)


def _has(span: Span, time_ms: int) -> bool:
    return span.begin_ms <= time_ms and (span.end_ms is None or time_ms <= span.end_ms + GRACE_MS)


Figure = Literal["precision", "recall", "latency"]


@dataclass(frozen=True, slots=True)
class Demand:
    """One figure of a detector and its bound: a share from 0 to 1, or the percentile `percent` of its latency, s."""

    figure: Figure
    bound: Bound
    percent: float = 0.0

    @property
    def name(self) -> str:
        return f"latency p{self.percent:g}" if self.figure == "latency" else self.figure

    def of(self, found: Score) -> float | None:
        """The figure; None where there is none."""
        if self.figure == "precision":
            return found.precision
        if self.figure == "recall":
            return found.recall
        if not found.latencies_ms:
            return None
        return percentile(self.percent)(np.array(found.latencies_ms, np.float64)) / 1000.0

    def shown(self, value: float | None) -> str:
        if value is None:
            return f"no {self.name}"
        return f"{self.name} {number(value, 's', 1) if self.figure == 'latency' else share(value)}"


class DetectionJudge(Judge):
    """Demands on how well the product detects `fault`."""

    follows = False

    def __init__(self, fault: str, demands: Sequence[Demand], evidence: Evidence, vins: Vins, start_ms: int) -> None:
        self._fault, self._demands, self._evidence = fault, tuple(demands), evidence
        self._vins, self._start_ms = vins, start_ms
        self._scored: tuple[int, Score] | None = None

    def score(self) -> Score:
        """The score so far."""
        if self._scored is None or self._scored[0] != self._evidence.version:
            told = [one for one in self._evidence.detections if one.fault == self._fault]
            self._scored = self._evidence.version, score(self._evidence.of_fault(self._fault), told)
        return self._scored[1]

    def outcome(self, now: Now) -> Outcome:
        found = self.score()
        values = [demand.of(found) for demand in self._demands]
        exercised = found.labels + found.false
        figures = ", ".join(demand.shown(value) for demand, value in zip(self._demands, values, strict=True))
        repeats = f", {found.repeats:,} repeated" if found.repeats else ""
        counts = f"{found.true:,} of {found.labels:,} detected, {found.false:,} false{repeats}"
        measured = f"{figures} ({counts})" if exercised else "no fault of this kind, and no detection"
        word = self._word(values, exercised, now)
        failures = self._failures(found) if word == "failed" else ()
        return Outcome(word, measured, exercised, failures)

    def _word(self, values: Sequence[float | None], exercised: int, now: Now) -> Word:
        if not now.final:
            return "pending"
        if not exercised:
            return "not exercised"
        pairs = list(zip(self._demands, values, strict=True))
        if any(value is not None and not demand.bound.admits(value) for demand, value in pairs):
            return "failed"
        return "not exercised" if any(value is None for value in values) else "passed"

    def _failures(self, found: Score) -> tuple[Failure, ...]:
        wrong = [
            Failure(one.time_ms, one.vin, f"false: {one.fault} detected{_early(one)}")
            for one in found.wrong[:KEPT_FAILURES]
        ]
        missed = [
            Failure(span.begin_ms, self._vins(span.row), f"missed: {span.fault} since {self._when(span.begin_ms)}")
            for span in found.missed[:KEPT_FAILURES]
        ]
        return tuple(sorted([*wrong, *missed], key=lambda one: one.time_ms)[:KEPT_FAILURES])

    def _when(self, time_ms: int) -> str:
        return clock(time_ms, self._start_ms)


def _early(one: Detection) -> str:
    """A note on what is odd about a detection."""
    if one.row < 0:
        return " in a vehicle that does not exist"
    return " for a time yet to come" if one.time_ms > one.arrived_ms else ""
