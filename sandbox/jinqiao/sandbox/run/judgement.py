"""The judgement of a run: what is expected of it and of the product under test, and what came of that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import BodyError, Problem, ScenarioError
from jinqiao.base.telemetry import Step
from jinqiao.base.words import Refused
from jinqiao.device.network.figures import NetworkFigures
from jinqiao.simulator.census import rows_together
from jinqiao.simulator.check import Checker
from jinqiao.simulator.expectations import Verdict
from jinqiao.simulator.expectations.bench import Bench
from jinqiao.simulator.expectations.building import Setting, build
from jinqiao.simulator.expectations.evidence import Evidence, Reaction
from jinqiao.simulator.expectations.judge import Judge, Now
from jinqiao.simulator.expectations.shown import clock
from jinqiao.simulator.scenario import Scenario
from jinqiao.simulator.world import World

from .counted import RunMeters, RunTraffic
from .past import Past
from .summary import Summary

__all__ = ["Judgement", "Reaction", "Via"]

Via = Literal["http", "mqtt"]


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
        self._traffic = RunTraffic(summary)
        self._row_of: dict[str, int] | None = None
        self._setting = Setting(
            start_ms=scenario.start_ms,
            vins=world.fleet.vins,
            fleets=fleets,
            phases=_phases(scenario),
            evidence=self.evidence,
            traffic=self._traffic,
            meters=RunMeters(world, fleets),
            checker=self._physics,
        )
        self._built = False
        self._bench = Bench(self._judges(scenario, file), world.fleet.n)
        self._built = True
        self._past = Past(world.fleet.n, scenario.start_ms) if remembering else None
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
        """What judges physics; a question is judged by a fresh one."""
        if self._checker is not None and not self._built:
            return self._checker, True
        fleet = self._world.fleet
        return Checker(fleet.models, fleet.model_of, fleet.vins), False

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

    def through(self, network: NetworkFigures) -> None:
        """Messages take their way through this network from now on."""
        if self:
            self._traffic.through(network)

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
            message = str(refused)
            fits = message.partition("expected ")[2] if message.startswith("found ") else message
            raise BodyError("/expect", text, fits or message) from None
        return self._asked(judge)

    def _asked(self, judge: Judge) -> Verdict:
        past, now_ms = self._past, self.now_ms
        bench = Bench([judge], self._world.fleet.n)
        if past is not None:
            opening = past.opening()
            if opening is not None:
                bench.take(opening, carried=True)
            for step in past:
                bench.take(step)
        to_come = judge.window.begin_ms > now_ms
        (verdict,) = bench.verdicts(Now(now_ms, final=not to_come))
        if past is None and judge.follows:
            return replace(verdict, measured="nothing of the past is kept: start the run with --paused")
        if past is not None and not past.whole and judge.follows:
            since = clock(past.since_ms, self._setting.start_ms)
            return replace(verdict, measured=f"{verdict.measured}; looked at from {since} on")
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
