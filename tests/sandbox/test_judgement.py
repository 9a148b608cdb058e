"""The judgement of a run: verdicts from its steps, questions over its past, what the product did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import BodyError, ScenarioError
from jinqiao.base.telemetry import Label, Step
from jinqiao.device.network.figures import NetworkFigures
from jinqiao.sandbox.run.counted import RunTraffic
from jinqiao.sandbox.run.judgement import Judgement
from jinqiao.sandbox.run.past import Past
from jinqiao.sandbox.run.summary import Summary
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World

SCENARIO = """
name: Judged
seed: 5
start: 2026-11-23T08:00+08:00
duration: 20 min
fleets:
  - name: taxis
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: UDDS}
  - name: commuters
    count: 3
    models: {bmw-i4-edrive40-2022: 1}
    agenda: commuter
phases: [{name: first, until: 2 min}, {name: second, until: 4 min}]
"""


def begun(*expect: str, towns: int = 1, remembering: bool = False) -> tuple[World, Judgement]:
    """A run at second 0."""
    lines = "".join(f"  - {json.dumps(text)}\n" for text in expect)
    scenario = parse_scenario(SCENARIO + (f"expect:\n{lines}" if expect else ""), name="s.yaml")
    world = World(scenario, seed=5, towns=towns)
    return world, Judgement(scenario, world, Summary("Judged", 5, 0.0), file="s.yaml", remembering=remembering)


def ran(world: World, judgement: Judgement, seconds: int, stretch: int = 1) -> list[Step]:
    """Let it run so far."""
    steps = []
    while world.elapsed_s < seconds:
        steps.append(world.advance(min(seconds, world.elapsed_s + stretch)))
        judgement.take(steps[-1])
    return steps


EXPECTED = (
    "never(battery:CellTemperatureMax > 60 degC)",
    "never(VehicleSpeed of taxis > 60 km/h)",
    "always(StateOfCharge of commuters > 5 %)",
    "eventually(driving and battery:CoolantTemperature > 1 degC of taxis)",
    "during second: count(driving of taxis) == 3",
    "at 3 min: mean(StateOfCharge) between 0 % and 100 %",
    "always(p90(VehicleSpeed of taxis) < 130 km/h)",
    "physics",
    "consumption of taxis between 5 kWh/100km and 40 kWh/100km",
)
WORDS = ["passed", "failed", *["passed"] * 7]


def test_a_run_is_judged_the_same_in_seconds_and_in_stretches() -> None:
    found = []
    for stretch in (1, 60):
        world, judgement = begun(*EXPECTED)
        ran(world, judgement, 300, stretch)
        found.append(
            [(one.verdict, one.measured, one.exercised, one.failures) for one in judgement.verdicts(final=True)]
        )
    assert found[0] == found[1]
    assert [one[0] for one in found[0]] == WORDS


def test_towns_are_judged_together() -> None:
    world, judgement = begun("always(count(driving of taxis) == 6)", "never(StateOfCharge < 0 %)", towns=2)
    ran(world, judgement, 120)
    assert [one.verdict for one in judgement.verdicts(final=True)] == ["passed", "passed"]


def test_a_question_is_judged_over_the_past_as_the_same_expectation_would_have_been() -> None:
    world, judgement = begun(*EXPECTED, remembering=True)
    ran(world, judgement, 300)
    asked = [judgement.ask(text) for text in EXPECTED]
    for mine, theirs in zip(asked, judgement.verdicts(final=True), strict=True):
        assert (mine.verdict, mine.measured, mine.failures) == (theirs.verdict, theirs.measured, theirs.failures)
        assert mine.line is None
        assert theirs.line is not None


def test_a_question_about_a_time_to_come_is_pending() -> None:
    world, judgement = begun(remembering=True)
    ran(world, judgement, 60)
    assert judgement.ask("at 3 min: max(VehicleSpeed) < 130 km/h").verdict == "pending"
    assert judgement.ask("during second: never(VehicleSpeed > 130 km/h)").verdict == "pending"
    assert judgement.ask("at 1 min: max(VehicleSpeed) < 130 km/h").verdict == "passed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("never(VehicelSpeed > 130 km/h)", "(did you mean 'VehicleSpeed'?)"),
        ("never(VehicleSpeed of taxsi > 130 km/h)", "(did you mean 'taxis'?)"),
        ("during thrid: never(driving)", "no phase 'thrid', expected first or second"),
        ("", "an expectation"),
        ("((((((((((((((((((((((((((((((((", "a simpler expectation"),
    ],
)
def test_a_question_that_is_none_is_refused(text: str, expected: str) -> None:
    _, judgement = begun(remembering=True)
    with pytest.raises(BodyError) as error:
        judgement.ask(text)
    assert error.value.pointer == "/expect"
    assert expected in error.value.expected


def test_without_a_past_a_question_about_it_is_not_answered() -> None:
    world, judgement = begun()
    ran(world, judgement, 5)
    verdict = judgement.ask("never(VehicleSpeed > 130 km/h)")
    assert verdict.verdict == "not exercised"
    assert "--paused" in verdict.measured


def test_the_past_is_bounded_and_begins_with_what_was_known() -> None:
    world, judgement = begun(remembering=True)
    steps = ran(world, judgement, 300)
    past = Past(world.fleet.n, world.scenario.start_ms, most_bytes=50_000)
    for step in steps:
        past.add(step)
    assert not past.whole
    assert sum(len(batch) for step in past for batch in step.batches) < 300
    opening, first = past.opening(), next(iter(past))
    assert opening is not None
    assert opening.until_ms == past.since_ms < first.until_ms
    core = next(batch for batch in opening.batches if batch.group == "core")
    assert core.vehicles.tolist() == list(range(world.fleet.n))
    last: dict[int, float] = {}
    for step in steps:
        for batch in step.batches:
            if batch.group == "core" and step.until_ms <= past.since_ms:
                last |= dict(zip(batch.vehicles.tolist(), batch.signals["odometer"].tolist(), strict=True))
    assert core.signals["odometer"].tolist() == [last[row] for row in range(world.fleet.n)]


def test_a_question_over_part_of_the_past_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.sandbox.run.judgement.Past", lambda n, start_ms: Past(n, start_ms, 50_000))
    world, judgement = begun(remembering=True)
    ran(world, judgement, 300)
    verdict = judgement.ask("always(count(driving of taxis) == 3)")
    assert verdict.verdict == "passed"
    assert "; looked at from 0:0" in verdict.measured


FAULTY = """
faults:
  - {at: 20 s, on: all, fault: thermal_runaway}
  - {at: 30 s, on: all, fault: tyre_leak, rate: 40 kPa/min}
"""


@pytest.mark.parametrize("most_bytes", [1 << 30, 100_000])
def test_physics_knows_the_faults_of_cars_also_those_whose_begin_is_no_longer_kept(
    monkeypatch: pytest.MonkeyPatch, most_bytes: int
) -> None:
    monkeypatch.setattr("jinqiao.sandbox.run.judgement.Past", lambda n, start_ms: Past(n, start_ms, most_bytes))
    scenario = parse_scenario(SCENARIO + FAULTY + "expect: [physics]\n")
    world = World(scenario, seed=5)
    judgement = Judgement(scenario, world, Summary("x", 5, 0.0), remembering=True)
    steps = ran(world, judgement, 200)
    hottest = max(float(one.signals["cell_temperature_max"].max()) for one in steps[-1].batches if one.group == "core")
    assert hottest > 25.0
    assert judgement.verdicts(final=True)[0].verdict == "passed"
    assert judgement.ask("physics").verdict == "passed"


def test_where_nothing_is_expected_nothing_is_done() -> None:
    _, judgement = begun()
    assert not judgement
    assert judgement.verdicts(final=True) == []
    assert judgement.as_json() == {}
    assert begun("physics")[1]
    assert begun(remembering=True)[1]


def test_an_expectation_about_a_vehicle_that_there_is_not_is_refused() -> None:
    with pytest.raises(ScenarioError) as error:
        begun("physics", "never(StateOfCharge of WBY00RD83M1100000 < 5 %)")
    (problem,) = error.value.problems
    assert (problem.file, problem.line) == ("s.yaml", 18)
    assert "no fleet 'WBY00RD83M1100000'" in problem.message


def test_one_vehicle_is_named_by_its_vin() -> None:
    vin = begun()[0].fleet.vins[1].decode()
    world, judgement = begun(f"always(VehicleSpeed of {vin} <= 130 km/h)", f"count(driving of {vin}) == 1")
    ran(world, judgement, 30)
    speeds, driving = judgement.verdicts(final=True)
    assert (speeds.verdict, speeds.exercised) == ("passed", 30)
    assert (driving.verdict, driving.exercised) == ("passed", 30)


def labelled(world: World, second: int, phase: Any, rows: list[int]) -> Step:
    """A step in which a fault begins or ends."""
    at_ms = world.scenario.start_ms + second * 1000
    return Step(at_ms + 1000, labels=(Label(at_ms, "dtc", phase, np.array(rows, np.int32)),))


@pytest.mark.parametrize(
    ("deed", "kind", "name"),
    [
        ("StopCharging", "command", "StopCharging"),
        ("set charging:ChargeLimit", "set", "charging:ChargeLimit"),
        ("call(InvokeThingService)", "call", "InvokeThingService"),
        ("topic(alarm)", "topic", "alarm"),
        ("topic(alarm)", "topic", "/jq_ev/V1/user/alarm"),
        ("topic(user/alarm)", "topic", "/jq_ev/V1/user/alarm"),
    ],
)
def test_a_product_reacts_to_a_fault_in_time_or_too_late(deed: str, kind: Any, name: str) -> None:
    def word(*after_s: tuple[int, float], share: str = "") -> str:
        world, judgement = begun(f"after dtc: {deed} within 60 s{share}")
        judgement.take(labelled(world, 10, "begin", [0, 1]))
        for row, seconds in after_s:
            judgement.reacted(row, kind, name, world.scenario.start_ms + 10_000 + round(seconds * 1000))
        judgement.take(Step(world.scenario.start_ms + 300_000))
        world.idle_until(0)
        world.elapsed_s = 300
        return judgement.verdicts(final=True)[0].verdict

    assert word((0, 0.0), (1, 60.0)) == "passed"
    assert word((0, 5.0), (1, 60.001)) == "failed"
    assert word((0, 5.0)) == "failed"
    assert word((0, 5.0), share=" for 50 %") == "passed"
    assert word((0, -1.0), (1, 5.0)) == "failed"  # before the fault
    assert word((0, 5.0), (2, 5.0)) == "failed"  # another vehicle


def test_another_deed_is_no_reaction() -> None:
    world, judgement = begun("after dtc: StopCharging within 60 s")
    judgement.take(labelled(world, 10, "begin", [0]))
    judgement.command_given(0, "Lock", world.scenario.start_ms + 12_000)
    judgement.reacted(0, "set", "StopCharging", world.scenario.start_ms + 12_000)
    world.elapsed_s = 300
    (verdict,) = judgement.verdicts(final=True)
    assert (verdict.verdict, verdict.measured) == ("failed", "0 of 1 in time (0 %)")
    assert verdict.failures[0].text == "dtc: no reaction"


def test_a_fault_whose_time_is_not_over_is_not_counted() -> None:
    world, judgement = begun("after dtc: StopCharging within 60 s")
    assert judgement.verdicts(final=True)[0].verdict == "not exercised"
    judgement.take(labelled(world, 10, "begin", [0]))
    world.elapsed_s = 40
    (verdict,) = judgement.verdicts(final=True)
    assert (verdict.verdict, verdict.measured) == ("not exercised", "no dtc, 1 whose time is not over")


def test_calls_are_answered_in_time() -> None:
    _, judgement = begun(
        "reply(StartClimate) within 2 s for 60 %", "reply(StartClimate) within 2 s", "reply(Lock) within 2 s"
    )
    for after_s, code in ((0.5, 200), (1.9, 6000), (None, 0)):
        judgement.replied(0, "StartClimate", after_s, code)
    some, all_of_them, other = judgement.verdicts(final=True)
    assert (some.verdict, all_of_them.verdict, other.verdict) == ("passed", "failed", "not exercised")
    assert some.measured == "2 of 3 in time (66.67 %), 1 without a reply"


def test_a_detection_counts_for_the_time_it_names_or_for_now() -> None:
    world, judgement = begun("detects dtc: precision == 100 %, latency p100 == 5 s")
    vin = world.fleet.vins[0].decode()
    judgement.take(labelled(world, 10, "begin", [0]))
    world.elapsed_s = 15
    judgement.detect(vin, "dtc", None, "mqtt")
    judgement.detect(vin, "dtc", world.scenario.start_ms + 12_000, "http")
    (verdict,) = judgement.verdicts(final=True)
    assert verdict.verdict == "failed"
    assert verdict.measured == "precision 100 %, latency p100 2 s (1 of 1 detected, 0 false, 1 repeated)"


def test_odd_detections_are_scored_and_counted_and_none_is_refused() -> None:
    world, judgement = begun("detects dtc: precision >= 90 %")
    judgement.detect("NOBODY", "dtc", None, "http")
    judgement.detect(world.fleet.vins[0].decode(), "dtc", world.scenario.start_ms + 10**9, "http")
    judgement.detect("\x00🚗" * 1000, "no such fault" * 1000, -(1 << 62), "mqtt")
    found = judgement.as_json()
    assert found["detections"]["unknown_vehicle"] == 2
    assert found["detections"]["in_the_future"] == 1
    assert found["detections"]["by_fault"]["dtc"] == 2
    (verdict,) = found["expectations"]
    assert verdict["verdict"] == "failed"
    texts = [one["text"] for one in verdict["failures"]]
    assert texts == [
        "false: dtc detected in a vehicle that does not exist",
        "false: dtc detected for a time yet to come",
    ]


def test_without_a_network_everything_that_was_sent_is_delivered_and_latency_is_measured() -> None:
    summary = Summary("x", 1, 0.0)
    summary.sent.add("property_post", 40, 4000)
    summary.latencies_ms.extend([1.0, 9.0])
    traffic = RunTraffic(summary)
    assert (traffic.said("property_post"), traffic.arrived("property_post")) == (40, 40)
    assert (traffic.latency().percentile(50), traffic.latency().max()) == (1.0, 9.0)
    summary.sent.not_sent = 3
    assert (traffic.said("property_post"), traffic.arrived("property_post")) == (40, 37)


def test_with_a_network_what_vehicles_said_counts_and_how_long_it_took() -> None:
    summary = Summary("x", 1, 0.0)
    traffic = RunTraffic(summary)
    summary.sent.add("property_post", 10, 1000)  # before somebody brought a network
    network = NetworkFigures()
    traffic.through(network)
    assert len(traffic.latency()) == 0
    network.said["property_post"] += 30
    summary.sent.add("property_post", 20, 2000)
    summary.sent.add("service_reply", 2, 200)
    assert (traffic.said("property_post"), traffic.arrived("property_post")) == (40, 30)
    assert (traffic.said("service_reply"), traffic.arrived("service_reply")) == (2, 2)
    summary.sent.add("property_post", 15, 2000)  # duplicates
    assert (traffic.said("property_post"), traffic.arrived("property_post")) == (45, 45)
    assert network.took is not None
    network.took.add(np.array([2000, 4000], np.int64))
    assert (len(traffic.latency()), traffic.latency().mean(), traffic.latency().max()) == (2, 3.0, 4.0)


@pytest.mark.program
def test_a_network_is_judged_in_simulated_time(start: Any, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(
        SCENARIO + "network:\n"
        "  - {on: all, latency: 80 ms}\n"
        "  - {on: taxis, outage: {at: 30 s, for: 1 min}, backlog: none}\n"
        "expect:\n"
        "  - latency p50 between 80 ms and 80.1 ms\n"
        "  - delivered(property_post) < 70 %\n"
        "  - delivered(property_post) > 20 %\n"
        "  - delivered(property_post) >= 99.9 %\n"
    )
    summary = tmp_path / "summary.json"
    options = ("--speed", "max", "--for", "2 min", "--mqtt-port", "0", "--summary", str(summary))
    code, _, _ = start("run", str(file), *options).finish()
    assert code == 1
    found = json.loads(summary.read_text())["expectations"]
    assert [one["verdict"] for one in found] == ["passed", "passed", "passed", "failed"], found


@pytest.mark.program
def test_a_run_writes_its_verdicts_into_its_summary(start: Any, tmp_path: Path) -> None:
    """The whole way: scenario, steps, summary, exit code."""
    file = tmp_path / "s.yaml"
    file.write_text(
        SCENARIO + "expect:\n  - never(VehicleSpeed of taxis > 60 km/h)\n  - delivered(property_post) >= 100 %\n"
    )
    summary = tmp_path / "summary.json"
    options = ("--speed", "max", "--for", "2 min", "--mqtt-port", "0", "--summary", str(summary))
    code, _, _ = start("run", str(file), *options).finish()
    assert code == 1
    speed, delivered = json.loads(summary.read_text())["expectations"]
    assert (speed["verdict"], speed["line"]) == ("failed", 17)
    assert delivered["verdict"] == "passed"
