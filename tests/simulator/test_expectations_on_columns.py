"""Expectations on columns: the same verdicts as from one sample after the other, however a run is cut into steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.telemetry import Step
from support.examples import examples
from support.judging import START_MS, Report, judged, setting_of, step_of

N = 5
TAXIS = np.array([1, 2, 4])
FLEETS: dict[str, Any] = {"taxis": TAXIS, "vans": slice(0, 2)}
PHASES = {"calm": (0.0, 7.0), "rush": (7.0, 15.0)}
END_S = 24
#: Values that cross the bounds below.
CORE = st.fixed_dictionaries(
    {
        "vehicle_state": st.integers(0, 3),
        "speed": st.sampled_from([0.0, 30.0, 60.0, 90.0]),
        "soc_displayed": st.sampled_from([10.0, 50.0, 90.0]),
    }
)
DETAIL = st.fixed_dictionaries({"coolant_temperature": st.sampled_from([10.0, 30.0, 50.0])})
ALL = range(N)

Values = Mapping[str, float]


@dataclass
class Naive:
    """A verdict as somebody would find it who reads a log, line by line."""

    mode: str
    looked: int = 0
    hits: list[tuple[int, int]] = field(default_factory=list)  # second, row

    def see(self, holds: bool, second: int, row: int) -> None:
        self.looked += 1
        if holds != (self.mode == "always"):
            self.hits.append((second, row))

    @property
    def word(self) -> str:
        if not self.looked:
            return "not exercised"
        return "passed" if bool(self.hits) == (self.mode == "eventually") else "failed"


def naive_vehicles(
    mode: str,
    reads: set[str],
    rows: Sequence[int],
    holds: Callable[[Values], bool],
    span: tuple[float, float] = (0, math.inf),
) -> Callable[[Sequence[Report]], Naive]:
    def judge(reports: Sequence[Report]) -> Naive:
        found, last = Naive(mode), {row: dict[str, float]() for row in ALL}
        for second in sorted({one.second for one in reports}):
            now = [one for one in reports if one.second == second]
            for one in now:
                last[one.row].update(one.values)
            for row in sorted({one.row for one in now if reads & one.values.keys()}):
                if row in rows and reads <= last[row].keys() and span[0] <= second < span[1]:
                    found.see(holds(last[row]), second, row)
        return found

    return judge


def naive_fleet(
    mode: str,
    reads: set[str],
    rows: Sequence[int],
    number: Callable[[list[Values]], float],
    holds: Callable[[float], bool],
    span: tuple[float, float] = (0, math.inf),
) -> Callable[[Sequence[Report]], Naive]:
    def judge(reports: Sequence[Report]) -> Naive:
        found, last = Naive(mode), {row: dict[str, float]() for row in ALL}

        def look(second: int) -> None:
            if all(reads <= last[row].keys() for row in rows):
                found.see(holds(number([last[row] for row in rows])), second, -1)

        begun = span[0] == 0
        seconds = sorted({one.second for one in reports if reads & one.values.keys() and one.row in rows})
        for second in seconds:
            if not begun and second > span[0]:
                begun = True
                look(int(span[0]))
            for one in reports:
                if one.second == second:
                    last[one.row].update(one.values)
            if span[0] <= second < span[1]:
                begun = True
                look(second)
        if not begun and span[0] <= END_S:
            look(int(span[0]))
        return found

    return judge


def naive_moment(
    reads: set[str], rows: Sequence[int], holds: Callable[[Values], bool], moment: int
) -> Callable[[Sequence[Report]], Naive]:
    def judge(reports: Sequence[Report]) -> Naive:
        found, last = Naive("always"), {row: dict[str, float]() for row in ALL}
        for one in sorted(reports, key=lambda one: one.second):
            if one.second <= moment:
                last[one.row].update(one.values)
        for row in rows:
            if reads <= last[row].keys():
                found.see(holds(last[row]), moment, row)
        return found

    return judge


def mean(name: str) -> Callable[[list[Values]], float]:
    return lambda cars: sum(car[name] for car in cars) / len(cars)


CASES: dict[str, Callable[[Sequence[Report]], Naive]] = {
    "never(VehicleSpeed > 60 km/h)": naive_vehicles("never", {"speed"}, ALL, lambda v: v["speed"] > 60),
    "always(StateOfCharge of taxis >= 50 %)": naive_vehicles(
        "always", {"soc_displayed"}, TAXIS.tolist(), lambda v: v["soc_displayed"] >= 50
    ),
    "eventually(charging and StateOfCharge < 20 %)": naive_vehicles(
        "eventually",
        {"vehicle_state", "soc_displayed"},
        ALL,
        lambda v: v["vehicle_state"] == 2 and v["soc_displayed"] < 20,
    ),
    "never(driving and battery:CoolantTemperature > 40 degC)": naive_vehicles(
        "never",
        {"vehicle_state", "coolant_temperature"},
        ALL,
        lambda v: v["vehicle_state"] == 1 and v["coolant_temperature"] > 40,
    ),
    "during rush: never(not parked or VehicleSpeed between 60 km/h and 90 km/h of vans)": naive_vehicles(
        "never",
        {"vehicle_state", "speed"},
        [0, 1],
        lambda v: v["vehicle_state"] != 0 or 60 <= v["speed"] <= 90,
        PHASES["rush"],
    ),
    "always(count(charging) < 3)": naive_fleet(
        "always",
        {"vehicle_state"},
        ALL,
        lambda cars: sum(car["vehicle_state"] == 2 for car in cars),
        lambda found: found < 3,
    ),
    "count(driving and battery:CoolantTemperature > 20 degC of taxis) <= 1": naive_fleet(
        "always",
        {"vehicle_state", "coolant_temperature"},
        TAXIS.tolist(),
        lambda cars: sum(car["vehicle_state"] == 1 and car["coolant_temperature"] > 20 for car in cars),
        lambda found: found <= 1,
    ),
    "eventually(mean(StateOfCharge) > 75 %)": naive_fleet(
        "eventually", {"soc_displayed"}, ALL, mean("soc_displayed"), lambda found: found > 75 + 1e-9
    ),
    "never(sum(VehicleSpeed of taxis) > 200 km/h)": naive_fleet(
        "never",
        {"speed"},
        TAXIS.tolist(),
        lambda cars: sum(car["speed"] for car in cars),
        lambda found: found > 200 + 1e-9,
    ),
    "during rush: max(VehicleSpeed of vans) < 90 km/h": naive_fleet(
        "always",
        {"speed"},
        [0, 1],
        lambda cars: max(car["speed"] for car in cars),
        lambda found: found < 90,
        PHASES["rush"],
    ),
    "at 9 s: VehicleSpeed <= 60 km/h and battery:CoolantTemperature < 40 degC of taxis": naive_moment(
        {"speed", "coolant_temperature"},
        TAXIS.tolist(),
        lambda v: v["speed"] <= 60 and v["coolant_temperature"] < 40,
        9,
    ),
    "at 9 s: p50(VehicleSpeed) <= 30 km/h": naive_fleet(
        "always",
        {"speed"},
        ALL,
        lambda cars: sorted(car["speed"] for car in cars)[2],
        lambda found: found <= 30,
        (9, 9),
    ),
}


@st.composite
def runs(draw: st.DrawFn) -> tuple[list[Report], list[list[int]]]:
    """Reports of some seconds, and three ways to cut them into steps."""
    reports = []
    for second in draw(st.lists(st.integers(1, END_S), unique=True, min_size=1, max_size=12)):
        for row in draw(st.lists(st.integers(0, N - 1), unique=True, max_size=N)):
            which = draw(st.sampled_from(["core", "detail", "both"]))
            if which != "detail":
                reports.append(Report(second, row, draw(CORE)))
            if which != "core":
                reports.append(Report(second, row, draw(DETAIL)))
    cuts = [sorted(draw(st.sets(st.integers(1, END_S - 1), max_size=8))) for _ in range(2)]
    return reports, [*cuts, list(range(1, END_S))]


def steps_of(reports: Sequence[Report], cuts: Sequence[int]) -> list[Step]:
    edges = [0, *cuts, END_S]
    return [step_of(until, [one for one in reports if since < one.second <= until]) for since, until in pairwise(edges)]


@pytest.mark.parametrize("text", CASES)
@settings(max_examples=examples(150))
@given(run=runs())
def test_columns_say_what_one_sample_after_the_other_says(text: str, run: tuple[list[Report], list[list[int]]]) -> None:
    reports, ways = run
    expected = CASES[text](reports)
    setting = setting_of(N, fleets=FLEETS, phases=PHASES)
    for cuts in ways:
        verdict = judged(setting, text, steps_of(reports, cuts))
        assert (verdict.verdict, verdict.exercised) == (expected.word, expected.looked)
        if verdict.failures:
            first = verdict.failures[0]
            second, row = expected.hits[0]
            assert first.time_ms == START_MS + second * 1000
            assert first.vin == (None if row < 0 else f"V{row:016}")
