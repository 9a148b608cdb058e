"""Expectations of what a run counts anyway: traffic, its latency, energy per distance, the physics self-check."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np

from ..check import Checker
from .aggregates import percentile
from .bounds import Bound
from .judge import KEPT_FAILURES, Judge, Now, Outcome
from .shown import number, share
from .stretch import Stretch
from .verdict import Failure, Word

__all__ = [
    "ConsumptionJudge",
    "DeliveredJudge",
    "Latency",
    "LatencyJudge",
    "Meters",
    "PhysicsJudge",
    "PublishedJudge",
    "Samples",
    "Traffic",
]


class Latency(Protocol):
    """How long messages took, ms; figures of none are not asked for."""

    def __len__(self) -> int: ...

    def mean(self) -> float: ...

    def min(self) -> float: ...

    def max(self) -> float: ...

    def percentile(self, percent: float) -> float:
        """The least time that so many percent of all do not exceed."""


class Samples:
    """Latencies that are few enough to be kept, ms."""

    def __init__(self, samples_ms: Iterable[float]) -> None:
        self._samples_ms = np.fromiter(samples_ms, np.float64)

    def __len__(self) -> int:
        return len(self._samples_ms)

    def mean(self) -> float:
        return float(self._samples_ms.mean())

    def min(self) -> float:
        return float(self._samples_ms.min())

    def max(self) -> float:
        return float(self._samples_ms.max())

    def percentile(self, percent: float) -> float:
        return percentile(percent)(self._samples_ms)


class Traffic(Protocol):
    """What a run counts of its messages."""

    def said(self, kind: str) -> int:
        """Messages of a kind that vehicles meant to send so far."""

    def arrived(self, kind: str) -> int:
        """Those of them that the platform has received."""

    def latency(self) -> Latency:
        """How long messages took to the platform, or a sample of them."""


class Meters(Protocol):
    """The counters of the vehicles themselves."""

    def energy_kwh(self, fleet: str) -> float:
        """What the packs of a fleet gave since the start beyond what braking returned; of all with ""."""

    def distance_km(self, fleet: str) -> float:
        """How far they have driven since the start."""


def _judged(bound: Bound, found: float, now: Now) -> Word:
    if not now.final:
        return "pending"
    return "passed" if bound.admits(found) else "failed"


class PublishedJudge(Judge):
    """How many messages of a kind vehicles sent."""

    follows = False

    def __init__(self, kind: str, bound: Bound, traffic: Traffic) -> None:
        self._kind, self._bound, self._traffic = kind, bound, traffic

    def outcome(self, now: Now) -> Outcome:
        found = self._traffic.said(self._kind)
        return Outcome(_judged(self._bound, found, now), number(found, "messages"), 1)


class DeliveredJudge(Judge):
    """Which share of the messages of a kind arrived."""

    follows = False

    def __init__(self, kind: str, bound: Bound, traffic: Traffic) -> None:
        self._kind, self._bound, self._traffic = kind, bound, traffic

    def outcome(self, now: Now) -> Outcome:
        said, arrived = self._traffic.said(self._kind), self._traffic.arrived(self._kind)
        if not said:
            return Outcome("not exercised" if now.final else "pending", "none was sent")
        found = arrived / said
        measured = f"{share(found)} ({arrived:,} of {said:,})"
        return Outcome(_judged(self._bound, found, now), measured, said)


class LatencyJudge(Judge):
    """A statistic of how long messages take to the platform, ms."""

    follows = False

    def __init__(self, statistic: str, bound: Bound, traffic: Traffic) -> None:
        self._statistic, self._bound, self._traffic = statistic, bound, traffic

    def outcome(self, now: Now) -> Outcome:
        took, statistic = self._traffic.latency(), self._statistic
        if not len(took):
            return Outcome("not exercised" if now.final else "pending", "nothing was measured")
        named = {"mean": took.mean, "min": took.min, "max": took.max}.get(statistic)
        found = took.percentile(float(statistic[1:])) if named is None else named()
        measured = f"{statistic} {number(found, 'ms', 2)} of {len(took):,} measurements"
        return Outcome(_judged(self._bound, found, now), measured, len(took))


class ConsumptionJudge(Judge):
    """Energy per distance of a fleet, kWh/100km."""

    follows = False

    def __init__(self, fleet: str, bound: Bound, meters: Meters) -> None:
        self._fleet, self._bound, self._meters = fleet, bound, meters

    def outcome(self, now: Now) -> Outcome:
        km, kwh = self._meters.distance_km(self._fleet), self._meters.energy_kwh(self._fleet)
        if km <= 0.0:
            return Outcome("not exercised" if now.final else "pending", "nobody drove")
        found = 100.0 * kwh / km
        measured = f"{number(found, 'kWh/100km', 2)} over {number(km, 'km', 1)}"
        return Outcome(_judged(self._bound, found, now), measured, 1)


class PhysicsJudge(Judge):
    """No report of any vehicle is impossible. `checker` reads the steps here unless it is `read_elsewhere`."""

    def __init__(self, checker: Checker, *, read_elsewhere: bool = False) -> None:
        self._checker, self._elsewhere = checker, read_elsewhere

    def take(self, stretch: Stretch) -> None:
        if not self._elsewhere:
            self._checker.read(stretch.batches)

    def outcome(self, now: Now) -> Outcome:
        checker = self._checker
        rules = ", ".join(f"{count:,} {rule}" for rule, count in sorted(checker.by_rule.items()))
        measured = f"{checker.total:,} violations in {checker.checked:,} checked values" + (
            f": {rules}" if rules else ""
        )
        failures = tuple(
            Failure(one.time_ms, one.vin, f"{one.rule}: {one.meaning}") for one in checker.violations[:KEPT_FAILURES]
        )
        word: Word = "pending"
        if checker.total:
            word = "failed"
        elif now.final:
            word = "passed" if checker.checked else "not exercised"
        return Outcome(word, measured, checker.checked, failures)
