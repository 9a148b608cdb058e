"""The judgement of a run: what is expected of it and of the product under test, and what came of that."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import BodyError, Problem, ScenarioError
from jinqiao.base.telemetry import Batch, Step
from jinqiao.base.words import Refused
from jinqiao.device.outbound import Sent
from jinqiao.simulator.census import rows_together
from jinqiao.simulator.check import Checker
from jinqiao.simulator.expectations import Verdict
from jinqiao.simulator.expectations.bench import Bench
from jinqiao.simulator.expectations.building import Setting, build
from jinqiao.simulator.expectations.evidence import Evidence, Reaction
from jinqiao.simulator.expectations.judge import Judge, Now
from jinqiao.simulator.scenario import Scenario
from jinqiao.simulator.world import World

from .summary import Summary

__all__ = ["Judgement", "Reaction", "Via"]

Via = Literal["http", "mqtt"]

#: Memory for the past over which a question is judged; the oldest of it goes first.
MOST_PAST_BYTES = 256 << 20


class Past:
    """The steps of a run that are kept for questions, by reference, as many as fit."""

    def __init__(self, start_ms: int, most_bytes: int = MOST_PAST_BYTES) -> None:
        self._steps: deque[tuple[Step, int]] = deque()
        self._bytes, self._most = 0, most_bytes
        #: From when it is kept, simulated UTC, ms; the start unless something had to go.
        self.since_ms = start_ms

    def add(self, step: Step) -> None:
        """Keep one more."""
        size = sum(_size(batch) for batch in _true_batches(step)) + 200 * len(step.events) + 200
        self._steps.append((step, size))
        self._bytes += size
        while self._bytes > self._most and len(self._steps) > 1:
            gone, size = self._steps.popleft()
            self._bytes -= size
            self.since_ms = gone.until_ms

    def __iter__(self) -> Iterator[Step]:
        return (step for step, _ in self._steps)


def _true_batches(step: Step) -> Sequence[Batch]:
    return getattr(step, "true_batches", step.batches)


def _size(batch: Batch) -> int:
    return batch.time_ms.nbytes + batch.vehicles.nbytes + sum(column.nbytes for column in batch.signals.values())


class _Traffic:
    """Messages as the run counts them."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def said(self, kind: str) -> int:
        return self._sent.published[kind]

    def arrived(self, kind: str) -> int:
        return self._sent.published[kind] - (self._sent.not_sent if kind == "" else 0)

    def latencies_ms(self) -> Sequence[float]:
        return list(self._summary.latencies_ms)

    @property
    def _sent(self) -> Sent:
        return self._summary.sent


class _Meters:
    """The counters of a world's vehicles, from the start of the run."""

    def __init__(self, world: World, fleets: Mapping[str, slice | NDArray[np.intp]]) -> None:
        self._fleet, self._rows = world.fleet, {"": slice(None), **fleets}
        self._from_m = world.fleet.odometer_m.copy()
        self._from_kwh = self._used()

    def _used(self) -> NDArray[np.float64]:
        return self._fleet.energy_discharged_kwh - self._fleet.energy_regenerated_kwh

    def energy_kwh(self, fleet: str) -> float:
        return float((self._used() - self._from_kwh)[self._rows[fleet]].sum())

    def distance_km(self, fleet: str) -> float:
        return float((self._fleet.odometer_m - self._from_m)[self._rows[fleet]].sum()) / 1000.0


class Judgement:
    """There in every run; it costs an attribute test a step where nothing is expected.

    With `remembering` it keeps the past, so that a question can be judged over it (`ask`). `checker` is the physics
    self-check of the run, if there is one: what is expected of physics is then read from it. Raises ScenarioError for
    an expectation about a vehicle that there is not.
    """

    def __init__(
        self,
        scenario: Scenario,
        world: World,
        summary: Summary,
        *,
        checker: Checker | None = None,
        remembering: bool = False,
        file: str = "",
    ) -> None:
        self._world, self._summary, self._checker = world, summary, checker
        self.evidence = Evidence()
        fleets = _rows_of_fleets(world)
        self._row_of: dict[str, int] | None = None
        self._setting = Setting(
            start_ms=scenario.start_ms,
            vins=world.fleet.vins,
            fleets=fleets,
            phases=_phases(scenario),
            evidence=self.evidence,
            traffic=_Traffic(summary),
            meters=_Meters(world, fleets),
            checker=self._physics,
        )
        self._bench = Bench(self._judges(scenario, file), world.fleet.n)
        self._past = Past(scenario.start_ms) if remembering else None
        self._active = bool(self._bench) or remembering

    def _judges(self, scenario: Scenario, file: str) -> list[Judge]:
        judges, problems = [], []
        lines = scenario.expect_lines or [None] * len(scenario.expect)
        for index, (expectation, line) in enumerate(zip(scenario.expect, lines, strict=True)):
            try:
                judges.append(build(expectation, self._setting, line))
            except Refused as refused:
                problems.append(Problem(file, line or 0, (refused.at or 0) + 1, f"expect.{index}", str(refused)))
        if problems:
            raise ScenarioError(problems)
        return judges

    def _physics(self) -> tuple[Checker, bool]:
        if self._checker is not None:
            return self._checker, True
        return self._fresh_checker(), False

    def _fresh_checker(self) -> Checker:
        fleet = self._world.fleet
        return Checker(fleet.models, fleet.model_of, fleet.vins)

    def __bool__(self) -> bool:
        """Whether anything is expected or may be asked, so that `take` has work to do."""
        return self._active

    def take(self, step: Step) -> None:
        """Look at a step; called by the loop after each."""
        if step.labels:
            self.evidence.label(step.labels)
        self._bench.take(step)
        if self._past is not None:
            self._past.add(step)

    # The product under test.

    def command_given(self, row: int, name: str, time_ms: int) -> None:
        """The product called a service of vehicle `row`."""
        self.evidence.reacted(row, "command", name, time_ms)

    def reacted(self, row: int, kind: Reaction, name: str, time_ms: int) -> None:
        """The product did something about vehicle `row`: called the service `name` ("command"), set the property
        `name` ("set"), made the cloud call `name` that names it ("call"), or published on its custom topic `name`,
        which is what follows `/user/` ("topic").
        """
        self.evidence.reacted(row, kind, name.rpartition("/user/")[2] if kind == "topic" else name, time_ms)

    def replied(self, _: int, service: str, after_s: float | None, code: int) -> None:
        """A vehicle answered a service call after `after_s` with `code`; None: not at all."""
        self.evidence.replied(service, after_s, code)

    def detect(self, vin: str, fault: str, time_ms: int | None, via: Via) -> None:
        """The product detected `fault` in a vehicle, at `time_ms` or now. A wrong one is scored, never refused."""
        now_ms = self._world.time_ms
        self.evidence.detected(vin, self._row(vin), fault, now_ms if time_ms is None else time_ms, now_ms, via)

    def _row(self, vin: str) -> int:
        if self._row_of is None:
            self._row_of = {one.decode(): row for row, one in enumerate(self._world.fleet.vins.tolist())}
        return self._row_of.get(vin, -1)

    # Verdicts.

    def ask(self, text: str) -> Verdict:
        """Judge an expectation over the past that is kept. Raises BodyError for what is not one."""
        from jinqiao.simulator.expectations.reading import parse_expectation

        try:
            judge = build(parse_expectation(text), self._setting)
        except Refused as refused:
            raise BodyError("/expect", text, str(refused)) from None
        return self._asked(judge)

    def _asked(self, judge: Judge) -> Verdict:
        now_ms = self.now_ms
        bench = Bench([judge], self._world.fleet.n)
        for step in self._past or ():
            bench.take(step)
        (verdict,) = bench.verdicts(Now(now_ms, final=True))
        return verdict

    def verdicts(self, *, final: bool = False) -> list[Verdict]:
        """What came of each expectation so far, in the order of the scenario; at the end with `final`."""
        return self._bench.verdicts(Now(self.now_ms, final))

    @property
    def phases(self) -> Mapping[str, tuple[float, float]]:
        """When each phase of the scenario begins and ends, s after the start."""
        return self._setting.phases

    @property
    def now_ms(self) -> int:
        """Simulated UTC, ms; at the end of a run in which nothing happened any more, that end."""
        return max(self._world.time_ms, self._setting.start_ms + round(self._summary.simulated_s * 1000))

    def as_json(self) -> dict[str, Any]:
        """The summary's entries, at the run's end."""
        evidence = self.evidence
        found: dict[str, Any] = {}
        if self._bench:
            found["expectations"] = [verdict.as_json() for verdict in self.verdicts(final=True)]
        if evidence.detections:
            told = Counter(one.fault for one in evidence.detections)
            found["detections"] = {
                "by_fault": dict(sorted(told.items())),
                "unknown_vehicle": sum(one.row < 0 for one in evidence.detections),
                "in_the_future": sum(one.time_ms > one.arrived_ms for one in evidence.detections),
                "dropped": evidence.dropped["detections"],
            }
        return found


def _rows_of_fleets(world: World) -> dict[str, slice | NDArray[np.intp]]:
    """The rows of each fleet, in all towns."""
    found: dict[str, list[slice]] = {}
    for name, rows, _ in world.fleets:
        found.setdefault(name, []).append(rows)
    return {name: rows_together(parts) for name, parts in found.items()}


def _phases(scenario: Scenario) -> dict[str, tuple[float, float]]:
    """When each phase begins and ends, s after the start."""
    begin_s = 0.0
    found = {}
    for phase in scenario.phases:
        found[phase.name] = begin_s, phase.until_s
        begin_s = phase.until_s
    return found
