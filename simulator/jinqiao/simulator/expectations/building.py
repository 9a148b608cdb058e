"""From an `Expectation` to the judge that follows it: names looked up in the run that it is about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.words import Refused, did_you_mean, one_of

from ..check import Checker
from .aggregates import Aggregate, Count, EventCount, Statistic
from .detections import DetectionJudge
from .evidence import Evidence
from .figures import (
    ConsumptionJudge,
    DeliveredJudge,
    LatencyJudge,
    Meters,
    PhysicsJudge,
    PublishedJudge,
    Traffic,
)
from .fleets import FleetFormula, FleetJudge, TotalJudge
from .judge import FOREVER_MS, Judge, Window
from .product import ReactionJudge, ReplyJudge
from .states import Shown, VehicleJudge
from .stretch import Domain
from .tree import (
    After,
    And,
    Compared,
    Consumption,
    Delivered,
    Detects,
    Events,
    Expectation,
    Fleetwide,
    Formula,
    Held,
    Latency,
    Moment,
    Named,
    Not,
    Number,
    Or,
    Physics,
    Published,
    Reply,
    leaves,
)

__all__ = ["Setting", "VehicleCondition", "build"]

Rows = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Setting:
    """The run that expectations are about, of n vehicles with these `vins`, shape (n,).

    `fleets` maps names to their rows in all towns, `phases` to the seconds in which they begin and end. `checker` makes
    what judges physics, and says whether somebody else lets it read the steps.
    """

    start_ms: int
    vins: NDArray[np.bytes_]
    fleets: Mapping[str, Rows]
    phases: Mapping[str, tuple[float, float]]
    evidence: Evidence
    traffic: Traffic
    meters: Meters
    checker: Callable[[], tuple[Checker, bool]]

    def vin(self, row: int) -> str:
        """The VIN of a row."""
        return bytes(self.vins[row]).decode()

    def domain(self, owner: Named | None) -> Domain:
        """The vehicles of a fleet, or one of them by its VIN. Raises Refused with the nearest name."""
        n = len(self.vins)
        if owner is None or owner.name == "all":
            return Domain("", n)
        if owner.name in self.fleets:
            return Domain(owner.name, n, self.fleets[owner.name])
        rows = np.flatnonzero(self.vins == owner.name.encode(errors="replace"))
        if len(rows):
            return Domain(owner.name, n, rows)
        near = did_you_mean(owner.name, self.fleets)
        raise Refused(
            f"no fleet {owner.name!r}, expected {one_of([*list(self.fleets)[:5], 'a VIN'])}{near}", at=owner.at
        )

    def window(self, expectation: Expectation) -> Window:
        """When it is to be looked at. Raises Refused where there is no such phase."""
        when = expectation.when
        if when is None:
            return Window(self.start_ms)
        if isinstance(when, Moment):
            moment_ms = self.start_ms + round(when.second * 1000)
            return Window(moment_ms, moment_ms + 1, moment=True)
        name, at = when.phase.name, when.phase.at
        if name not in self.phases:
            known = one_of(list(self.phases)) if self.phases else "one that the scenario has under phases:"
            raise Refused(f"no phase {name!r}, expected {known}{did_you_mean(name, self.phases)}", at=at)
        begin_s, end_s = self.phases[name]
        return Window(self.start_ms + round(begin_s * 1000), self.start_ms + round(end_s * 1000), name)


class VehicleCondition:
    """A formula about single vehicles, on columns."""

    def __init__(self, formula: Formula) -> None:
        self._formula = formula
        self.signals = frozenset(leaf.signal for leaf in leaves(formula) if isinstance(leaf, Compared))

    def holds(self, values: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
        """Where it holds, shape (m,), with the columns of its signals, (m,) each."""
        return _holds(self._formula, values)


def _holds(formula: Formula, values: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    if isinstance(formula, Compared):
        return formula.bound.holds(values[formula.signal])
    if isinstance(formula, Not):
        return ~_holds(formula.part, values)
    parts = formula.parts if isinstance(formula, And | Or) else ()
    found = [_holds(part, values) for part in parts]
    reduce = np.logical_and.reduce if isinstance(formula, And) else np.logical_or.reduce
    together: NDArray[np.bool_] = reduce(found)
    return together


def build(expectation: Expectation, setting: Setting, line: int | None = None) -> Judge:
    """The judge of an expectation in a run. Raises Refused for a name that the run does not know."""
    judge = _judge(expectation, setting)
    judge.expect, judge.line = expectation.text, line
    return judge


def _judge(expectation: Expectation, setting: Setting) -> Judge:
    body, traffic, evidence = expectation.body, setting.traffic, setting.evidence
    window = setting.window(expectation)
    match body:
        case Held():
            return _held(body, window, setting)
        case Delivered():
            return DeliveredJudge(body.kind, body.bound, traffic)
        case Published():
            return PublishedJudge(body.kind, body.bound, traffic)
        case Latency():
            return LatencyJudge(body.statistic, body.bound, traffic)
        case Reply():
            return ReplyJudge(body.service, body.within_s, body.wanted, evidence)
        case Consumption():
            setting.domain(body.owner)
            return ConsumptionJudge(body.owner.name if body.owner else "", body.bound, setting.meters)
        case Physics():
            checker, elsewhere = setting.checker()
            return PhysicsJudge(checker, read_elsewhere=elsewhere)
        case After():
            within_ms = round(body.within_s * 1000)
            return ReactionJudge(body.fault.name, body.deed, within_ms, body.wanted, evidence, window, setting.vin)
        case Detects():
            return DetectionJudge(body.fault.name, body.demands, evidence, setting.vin, setting.start_ms)


def _held(body: Held, window: Window, setting: Setting) -> Judge:
    within_ms = None if body.within_s is None else window.begin_ms + round(body.within_s * 1000)
    found = list(leaves(body.formula))
    if not isinstance(found[0], Fleetwide):
        shown = None
        if isinstance(body.formula, Compared) and not SIGNALS[body.formula.signal].values:
            bound = body.formula.bound
            shown = Shown(body.formula.signal, bound.worst if body.mode == "always" else bound.best)
        return VehicleJudge(
            body.mode,
            VehicleCondition(body.formula),
            setting.domain(body.owner),
            window,
            setting.vin,
            setting.start_ms,
            shown,
            within_ms,
        )
    comparisons = [one for one in found if isinstance(one, Fleetwide)]
    formula = FleetFormula(
        tuple(_aggregate(one.number, window, setting) for one in comparisons),
        tuple(one.bound for one in comparisons),
        _combination(body.formula),
        isinstance(body.formula, Fleetwide),
    )
    if body.mode == "always" and all(isinstance(one.number, Events) for one in comparisons):
        return TotalJudge(formula, window, setting.start_ms)
    return FleetJudge(body.mode, formula, window, setting.start_ms, within_ms)


def _aggregate(number: Number | Events, window: Window, setting: Setting) -> Aggregate:
    domain, n = setting.domain(number.owner), len(setting.vins)
    if isinstance(number, Events):
        span_ms = (window.begin_ms, window.end_ms) if window.name else (0, FOREVER_MS)
        return EventCount(number.text, number.identifier, domain, span_ms, number.output, number.unit)
    if number.condition is not None:
        return Count(number.text, VehicleCondition(number.condition), domain, n)
    return Statistic(number.text, number.kind, number.signal, domain, n)


def _combination(formula: Formula) -> Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.bool_]]:
    """How the comparisons of a formula, from left to right, make the whole."""
    count = 0

    def part(one: Formula) -> Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.bool_]]:
        nonlocal count
        if isinstance(one, Not):
            inner = part(one.part)
            return lambda found: ~inner(found)
        if isinstance(one, And | Or):
            parts = [part(each) for each in one.parts]
            reduce = np.logical_and.reduce if isinstance(one, And) else np.logical_or.reduce
            return lambda found: reduce([each(found) for each in parts])
        place, count = count, count + 1
        return lambda found: found[place]

    return part(formula)
