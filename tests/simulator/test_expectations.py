"""The language of expectations: every form is understood, every mistake is told with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.errors import ScenarioError
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Event
from jinqiao.base.words import Refused
from jinqiao.simulator.conditions import parse_condition
from jinqiao.simulator.expectations.building import VehicleCondition, build
from jinqiao.simulator.expectations.forms import FORMS
from jinqiao.simulator.expectations.page import expectations_page
from jinqiao.simulator.expectations.reading import parse_expectation
from jinqiao.simulator.expectations.tree import Held
from jinqiao.simulator.scenario import parse_scenario
from support.examples import examples
from support.judging import START_MS, FakeTraffic, Report, judged, setting_of, step_of

#: The forms that the reference fixes, as it writes them.
FIXED = """
delivered(property_post) >= 99.9 %
latency p99 < 50 ms
reply(StartClimate) within 2 s for 99 %
eventually(count(charging) > 20)
never(battery:CellTemperatureMax > 60 degC)
always(StateOfCharge of taxis > 5 %)
at 30 min: mean(StateOfCharge of commuters) between 40 % and 80 %
during rush: count(queueing) <= 15
consumption of commuters between 13 kWh/100km and 24 kWh/100km
physics
after cell_overheat: StopCharging within 60 s for 95 %
detects cell_overheat: precision >= 90 %, recall >= 80 %, latency p90 <= 60 s
"""
#: And what else the language has.
MORE = """
after dtc: set charging:ChargeLimit within 5 min
after dtc: call(InvokeThingService) within 5 min for 50 %
after dtc: topic(user/alarm) within 5 min
after dtc: topic(alarm) within 5 min
count(event ChargingFinished) >= 5
count(event charging:ChargingFinished of taxis) >= 5
sum(event ChargingFinished.EnergyKwh of taxis) >= 10 kWh
sum(charging:EnergyCharged of taxis) > 10 kWh
published(event_post) >= 3
always(StateOfCharge of WBY00RD83M1100368 > 5 %)
never(count(StateOfCharge < 20 % of "my taxis") > 3 or p95(VehicleSpeed) > 130 km/h)
eventually(charging and StateOfCharge >= 80 % of taxis) within 2 h
during rush: never(not climate:Active and VehicleSpeed between 60 km/h and 120 km/h)
never(charging:ChargingState == suspended of taxis)
count(charging of all) < 3
"""
FLEETS: dict[str, Any] = {"taxis": slice(0, 2), "commuters": slice(2, 4), "my taxis": slice(1, 3)}


@pytest.mark.parametrize("text", [line for line in (FIXED + MORE).splitlines() if line])
def test_a_form_is_understood_and_judged(text: str) -> None:
    setting = setting_of(4, fleets=FLEETS, phases={"rush": (5.0, 10.0)})
    if "WBY00RD83M1100368" in text:
        setting.vins[0] = b"WBY00RD83M1100368"
    if text == "physics":
        assert parse_expectation(text).text == text  # needs cars: tests/sandbox/test_judgement.py
        return
    judge = build(parse_expectation(text), setting, 7)
    assert (judge.expect, judge.line) == (text, 7)
    assert judged(setting, text, [], final=False).verdict == "pending"


def test_every_form_of_the_table_is_understood_as_its_example_says() -> None:
    for form in FORMS:
        assert parse_expectation(form.example).text == form.example


def test_the_page_is_that_of_the_forms() -> None:
    page = Path(__file__).parents[2] / "docs" / "expectations.md"
    assert page.read_text(encoding="utf-8") == expectations_page()


@pytest.mark.parametrize(
    ("text", "at", "message"),
    [
        ("never(VehicleSpeed > 130)", 21, "found 130 without a unit, expected VehicleSpeed in km/h or m/s"),
        ("never(VehicleSpeed > 130 kW)", 21, "found 130 kW, expected VehicleSpeed in km/h or m/s"),
        ("never(VehicelSpeed > 130 km/h)", 6, "(did you mean 'VehicleSpeed'?)"),
        ("never(CellTemperatureMax > 60 degC)", 6, "(did you mean 'battery:CellTemperatureMax'?)"),
        ("nevr(VehicleSpeed > 130 km/h)", 0, "found 'nevr', expected a word of this language (did you mean 'never'?)"),
        ("countt(charging) > 3", 0, "found 'countt', expected a statistic (did you mean 'count'?)"),
        ("always(never(charging))", 7, "found 'never'"),
        ("latency p99 <", 13, "found the end, expected a number with its unit"),
        ("latency q99 < 5 ms", 8, "found 'q99', expected a statistic"),
        ("latency p99 < 5 degC", 14, "expected a latency in ms or s"),
        ("delivered(propertypost) > 5 %", 10, "(did you mean 'property_post'?)"),
        ("reply(StartClimat) within 2 s", 6, "expected a service (did you mean 'StartClimate'?)"),
        ("reply(StartClimate) within 2 s for 120 %", 35, "expected a share from 0 % to 100 %"),
        ("after dtcc: StopCharging within 60 s", 6, "expected a kind of fault (did you mean 'dtc'?)"),
        ("after dtc: StopChargin within 60 s", 11, "(did you mean 'StopCharging'?)"),
        ("after dtc: set ChargeLimit within 60 s", 15, "(did you mean 'charging:ChargeLimit'?)"),
        ("detects dtc: latency mean < 5 s", 21, "found 'mean', expected a statistic"),
        ("count(charging)", 15, "found the end, expected a comparison"),
        ("always(StateOfCharge = 5 %)", 21, "found '=', expected a comparison"),
        ("mean(VehicleState) > 3", 5, "VehicleState is one of several names"),
        ("mean(VehicleSpeed > 3 km/h) > 3 km/h", 5, "found a condition in mean(…), expected a signal"),
        ("count(count(charging) > 3) > 3", 6, "found a number of a fleet in count(…)"),
        ("never(charging and count(charging) > 3)", 6, "found a condition on vehicles beside a number of a fleet"),
        ("never(charging of a and driving of b)", 35, "found 'of b' beside 'of a'"),
        ("never(VehicleSpeed)", 6, "found 'VehicleSpeed' alone, expected a comparison"),
        ("never(VehicleSpeed > fast)", 21, "found 'fast', expected a number in km/h"),
        ("never(VehicleState == drivin)", 22, "(did you mean 'driving'?)"),
        ("never(VehicleSpeed between 9 km/h and 8 km/h)", 27, "a range whose end is below its beginning"),
        ("at 5 min: physics", 0, "found 'at' before what is about the whole run"),
        ("at 5 min: eventually(charging)", 0, "found 'at' before eventually(…)"),
        ("at 5 min: count(event TripFinished) > 3", 0, "found 'at' before a count of events"),
        ("at 5 km: count(charging) > 3", 3, "expected a time after the start"),
        ("during rush: latency p99 < 5 ms", 0, "found 'during' before what is about the whole run"),
        ("count(event TripFinishd) > 3", 12, "expected an event (did you mean 'TripFinished'?)"),
        ("sum(event TripFinished) > 3", 0, "expected count(event NAME) or sum(event NAME.Output)"),
        ("sum(event TripFinished.EnergyKw) > 3 kWh", 10, "(did you mean 'EnergyKwh'?)"),
        ("sum(event ChargingFinished.EnergyKwh) > 3", 40, "found 3 without a unit"),
        ("consumption of taxis < 20 kWh", 23, "expected a consumption in kWh/100km"),
        ("", None, "expected an expectation"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, at: int | None, message: str) -> None:
    with pytest.raises(Refused) as refused:
        parse_expectation(text)
    assert message in str(refused.value)
    assert refused.value.at == at


_WORDS = [
    *(FIXED + MORE).replace("(", " ( ").replace(")", " ) ").replace(":", " : ").split(),
    *("StateOfCharge", '"', "'", "🚗", "((", "=", "=>", "1e999", "of", "not", "and", "between", "\x00", "%"),
]


@settings(max_examples=examples(600))
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join)))
def test_whatever_is_written_is_understood_or_refused(text: str) -> None:
    place = 0
    try:
        parse_expectation(text)
    except Refused as refused:
        place = refused.at or 0
    assert 0 <= place <= len(text)


_NUMBERS = st.sampled_from(
    ["StateOfCharge < 20 %", "VehicleSpeed >= 0.5 m/s", "battery:PackCurrent between -5 A and 9 A"]
)
_NAMED = st.sampled_from(
    ["charging", "VehicleState == queueing", "charging:ChargingState != 'idle'", "GearPosition == 3"]
)
_CONDITIONS = st.recursive(
    st.one_of(_NUMBERS, _NAMED),
    lambda parts: st.one_of(
        st.lists(parts, min_size=2, max_size=3).map(" and ".join),
        st.lists(parts, min_size=2, max_size=3).map(" or ".join),
        parts.map(lambda part: f"not ({part})"),
        parts.map(lambda part: f"({part})"),
    ),
    max_leaves=6,
)


@settings(max_examples=examples(200))
@given(_CONDITIONS, st.integers(0, 2**32 - 1))
def test_a_condition_means_the_same_as_what_a_trigger_waits_for(text: str, seed: int) -> None:
    condition = parse_condition(text)
    body = parse_expectation(f"never({text})").body
    assert isinstance(body, Held)
    mine = VehicleCondition(body.formula)
    assert mine.signals == condition.signals
    draw = np.random.default_rng(seed)
    values = {}
    for name in mine.signals:
        row = SIGNALS[name]
        edges = [0.0, 1.8, 2.0, 3.0, 9.0, 20.0, -5.0]
        values[name] = draw.choice([one for one in edges if row.low <= one <= row.high], 40).astype(row.dtype)
    assert (mine.holds(values) == condition.holds(values)).all()


# What a run is judged by.


def test_verdicts_before_the_end_are_pending_unless_nothing_can_change_them() -> None:
    setting = setting_of(1)
    fast = [step_of(5, [Report(3, 0, {"speed": 90.0})])]
    for text, now, at_the_end in (
        ("never(VehicleSpeed > 60 km/h)", "failed", "failed"),
        ("never(VehicleSpeed > 100 km/h)", "pending", "passed"),
        ("always(VehicleSpeed > 60 km/h)", "pending", "passed"),
        ("eventually(VehicleSpeed > 60 km/h)", "passed", "passed"),
        ("eventually(VehicleSpeed > 100 km/h)", "pending", "failed"),
        ("eventually(VehicleSpeed > 100 km/h) within 4 s", "failed", "failed"),
        ("eventually(VehicleSpeed > 60 km/h) within 2 s", "failed", "failed"),
        ("eventually(count(VehicleSpeed > 60 km/h) > 0) within 3 s", "passed", "passed"),
        ("never(StateOfCharge > 60 %)", "pending", "not exercised"),
        ("at 4 s: VehicleSpeed > 60 km/h", "passed", "passed"),
        ("at 4 s: max(VehicleSpeed) > 90 km/h", "failed", "failed"),
        ("at 9 s: max(VehicleSpeed) > 60 km/h", "pending", "not exercised"),
    ):
        if "StateOfCharge" in text:
            continue
        assert judged(setting, text, fast, final=False).verdict == now, text
        assert judged(setting, text, fast).verdict == at_the_end, text


def test_what_no_vehicle_of_it_reported_is_not_exercised() -> None:
    setting = setting_of(3, fleets={"taxis": slice(1, 3)})
    steps = [step_of(5, [Report(3, 0, {"speed": 90.0})])]
    for text in (
        "never(VehicleSpeed of taxis > 60 km/h)",
        "always(VehicleSpeed of taxis > 60 km/h)",
        "eventually(VehicleSpeed of taxis > 60 km/h)",
        "mean(VehicleSpeed of taxis) > 60 km/h",
        "at 4 s: VehicleSpeed of taxis > 60 km/h",
    ):
        verdict = judged(setting, text, steps)
        assert (verdict.verdict, verdict.exercised) == ("not exercised", 0), text


def test_a_number_of_a_fleet_counts_from_when_all_of_it_have_reported() -> None:
    setting = setting_of(2)
    steps = [
        step_of(5, [Report(1, 0, {"speed": 90.0}), Report(4, 1, {"speed": 10.0})]),
        step_of(9, [Report(9, 0, {"speed": 20.0})]),
    ]
    verdict = judged(setting, "mean(VehicleSpeed) <= 50 km/h", steps)
    assert (verdict.verdict, verdict.exercised) == ("passed", 2)
    assert "from 15 km/h to 50 km/h" in verdict.measured


def test_a_phase_that_does_not_come_is_not_exercised() -> None:
    setting = setting_of(1, phases={"late": (100.0, 200.0)})
    steps = [step_of(5, [Report(3, 0, {"speed": 90.0})])]
    for text in (
        "during late: max(VehicleSpeed) < 5 km/h",
        "during late: never(VehicleSpeed > 5 km/h)",
        "during late: count(event TripFinished) < 5",
    ):
        assert judged(setting, text, steps).verdict == "not exercised", text


def test_a_phase_ends_before_its_last_moment() -> None:
    setting = setting_of(1, phases={"rush": (5.0, 10.0)})
    for second, looked in ((4, 0), (5, 1), (9, 1), (10, 0)):
        steps = [step_of(20, [Report(second, 0, {"speed": 90.0})])]
        assert judged(setting, "during rush: never(VehicleSpeed > 60 km/h)", steps).exercised == looked


def test_failures_name_vehicle_time_and_value_and_are_few() -> None:
    setting = setting_of(20)
    steps = [step_of(9, [Report(second, row, {"speed": 61.25}) for second in (2, 3) for row in range(20)])]
    verdict = judged(setting, "never(VehicleSpeed > 60 km/h)", steps)
    assert verdict.measured.startswith("40 of 40 samples, first V0000000000000000 at 0:00:02: VehicleSpeed 61.25 km/h")
    assert [(one.vin, one.time_ms, one.text) for one in verdict.failures] == [
        (f"V{row:016}", START_MS + 2000, "VehicleSpeed 61.25 km/h") for row in range(5)
    ]


def test_the_worst_value_is_what_was_measured_and_plotted() -> None:
    setting = setting_of(2)
    steps = [step_of(5, [Report(2, 0, {"speed": 50.0}), Report(3, 1, {"speed": 70.5}), Report(4, 1, {"speed": 60.0})])]
    verdict = judged(setting, "never(VehicleSpeed > 80 km/h)", steps)
    assert verdict.measured == "highest 70.5 km/h (V0000000000000001 at 0:00:03) in 3 samples"
    assert verdict.series is not None
    assert (verdict.series.unit, verdict.series.values) == ("km/h", (70.5,))


def test_a_long_run_is_plotted_with_some_hundred_points() -> None:
    setting = setting_of(1)
    steps = [step_of(second, [Report(second, 0, {"speed": float(second % 97)})]) for second in range(1, 2000)]
    for text, keep in (("never(VehicleSpeed > 150 km/h)", max), ("never(VehicleSpeed < 0 km/h)", min)):
        series = judged(setting, text, steps).series
        assert series is not None
        assert 100 <= len(series.values) <= 400
        assert list(series.times_ms) == sorted(series.times_ms)
        spans: dict[int, list[float]] = {}
        for second in range(1, 2000):
            spans.setdefault((START_MS + second * 1000) // 8000, []).append(float(second % 97))
        plotted = {time_ms // 8000: value for time_ms, value in zip(series.times_ms, series.values, strict=True)}
        assert plotted == {span: keep(values) for span, values in spans.items()}


def _events(*seconds: int, kwh: float = 1.5) -> list[Event]:
    return [Event(START_MS + one * 1000, one % 2, "ChargingFinished", {"EnergyKwh": kwh}) for one in seconds]


def test_events_are_counted_and_summed_until_the_end_or_within_a_phase() -> None:
    setting = setting_of(2, fleets={"odd": slice(1, 2)}, phases={"calm": (0.0, 4.0), "rush": (4.0, 8.0)})
    steps = [step_of(5, [], _events(2, 3, 4)), step_of(9, [], _events(7, 8))]
    for text, word in (
        ("count(event ChargingFinished) == 5", "passed"),
        ("count(event ChargingFinished) > 5", "failed"),
        ("count(event charging:ChargingFinished of odd) == 2", "passed"),
        ("during rush: count(event ChargingFinished) == 2", "passed"),
        ("sum(event ChargingFinished.EnergyKwh) == 7.5 kWh", "passed"),
        ("sum(event ChargingFinished.EnergyKwh of odd) < 3 kWh", "failed"),
        ("eventually(count(event ChargingFinished) >= 3) within 4 s", "passed"),
        ("eventually(count(event ChargingFinished) >= 4) within 4 s", "failed"),
        ("count(event TripFinished) == 0", "passed"),
    ):
        assert judged(setting, text, steps).verdict == word, text
    early = steps[:1]
    assert judged(setting, "count(event ChargingFinished) >= 3", early, final=False).verdict == "passed"
    assert judged(setting, "count(event ChargingFinished) <= 2", early, final=False).verdict == "failed"
    assert judged(setting, "not count(event ChargingFinished) >= 4", early, final=False).verdict == "pending"


@pytest.mark.parametrize(
    ("text", "traffic", "word"),
    [
        ("delivered(property_post) >= 99.9 %", FakeTraffic({"property_post": 1000}, {"property_post": 999}), "passed"),
        ("delivered(property_post) >= 99.9 %", FakeTraffic({"property_post": 1000}, {"property_post": 998}), "failed"),
        ("delivered(property_post) >= 99.9 %", FakeTraffic({"event_post": 5}), "not exercised"),
        ("published(event_post) >= 5", FakeTraffic({"event_post": 5}), "passed"),
        ("published(event_post) >= 5", FakeTraffic(), "failed"),
        ("latency p99 < 50 ms", FakeTraffic(latencies=[10.0] * 99 + [80.0]), "passed"),
        ("latency p100 < 50 ms", FakeTraffic(latencies=[10.0] * 99 + [80.0]), "failed"),
        ("latency mean < 10.5 ms", FakeTraffic(latencies=[10.0] * 99 + [80.0]), "failed"),
        ("latency p99 < 50 ms", FakeTraffic(), "not exercised"),
        ("consumption between 13 kWh/100km and 24 kWh/100km", FakeTraffic(kwh=2.4, km=10.0), "passed"),
        ("consumption between 13 kWh/100km and 24 kWh/100km", FakeTraffic(kwh=2.5, km=10.0), "failed"),
        ("consumption < 24 kWh/100km", FakeTraffic(kwh=1.0), "not exercised"),
    ],
)
def test_what_a_run_counts_is_judged_at_its_end(text: str, traffic: FakeTraffic, word: str) -> None:
    setting = setting_of(1, traffic=traffic)
    assert judged(setting, text, []).verdict == word
    assert judged(setting, text, [], final=False).verdict == "pending"


SCENARIO = """
name: x
start: 2026-11-23T08:00+08:00
duration: 20 min
fleets:
  - {name: taxis, count: 2, models: {bmw-ix3-2021: 1}, agenda: {cycle: UDDS}}
phases: [{name: rush, until: 10 min}]
expect:
"""


def test_a_scenario_says_which_of_its_expectations_is_wrong_and_where() -> None:
    text = SCENARIO + (
        "  - never(VehicleSpeed of taxsi > 130 km/h)\n"
        "  - during rosh: count(charging) < 3\n"
        "  - at 5 min: mean(VehicleSpeed) > 3\n"
        "  - 12\n"
        "  - {a: b, c: d}\n"
    )
    with pytest.raises(ScenarioError) as error:
        parse_scenario(text, name="s.yaml")
    assert [str(problem) for problem in error.value.problems] == [
        "s.yaml:9:27: expect.0: no fleet 'taxsi', expected taxis or a VIN (did you mean 'taxis'?)",
        "s.yaml:10:12: expect.1: no phase 'rosh', expected rush (did you mean 'rush'?)",
        "s.yaml:11:36: expect.2: found 3 without a unit, expected mean(VehicleSpeed) in km/h or m/s",
        "s.yaml:12:5: expect.3: found 12, expected an expectation, such as never(battery:CellTemperatureMax > 60 degC)",
        "s.yaml:13:5: expect.4: found a mapping, expected an expectation, such as never(battery:CellTemperatureMax > "
        "60 degC)",
    ]


def test_an_expectation_knows_its_line() -> None:
    scenario = parse_scenario(SCENARIO + "  - physics\n  # a comment\n  - during rush: count(charging) < 3\n")
    assert [one.text for one in scenario.expect] == ["physics", "during rush: count(charging) < 3"]
    assert scenario.expect_lines == (9, 11)
