"""Faults and commands that wait: `when:` a condition, an event, another step; how often, in how many vehicles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ScenarioError
from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Command, Label
from jinqiao.simulator.census import TownRows
from jinqiao.simulator.cities import place_of
from jinqiao.simulator.conditions.trigger import parse_trigger
from jinqiao.simulator.draws import VehicleDraws
from jinqiao.simulator.faults.kinds.control_units import TroubleCode
from jinqiao.simulator.scenario import Scenario, parse_scenario
from jinqiao.simulator.triggers import Triggers, Watch
from jinqiao.simulator.world import World

HEAD = """name: Waiting
seed: 4
start: 2026-11-23T08:00+08:00
duration: 30 min
towns: {towns}
fleets:
  - name: taxis
    count: 6
    models: {{bmw-i4-edrive40-2022: 1}}
    agenda: {{cycle: WLTC}}
    telemetry: {{driving: 1 s, detail: 1 s}}
  - name: sleepers
    count: 4
    models: {{bmw-ix3-2021: 1}}
    agenda: {{commuter: {{leaves_home: '20:00'}}}}
    initial_soc: 0.95
    telemetry: {{parked: 30 s}}
"""


def scenario(text: str, towns: int = 1) -> Scenario:
    return parse_scenario(HEAD.format(towns=towns) + text, name="s.yaml")


def run(world: World, seconds: int, stretch: int = 0) -> list[tuple[int, str, str, list[int]]]:
    """Its labels: second, kind, phase, vehicles."""
    found = []
    while world.next_busy_s() < seconds:
        for label in world.advance(min(seconds, world.elapsed_s + stretch)).labels:
            found.append(_shown(world, label))
    return found


def _shown(world: World, label: Label) -> tuple[int, str, str, list[int]]:
    return (label.time_ms - world.scenario.start_ms) // 1000, label.kind, label.phase, label.vehicles.tolist()


def speeds(world: World, seconds: int) -> Iterator[tuple[int, dict[int, float]]]:
    """What the cars report of their speed, second by second."""
    while world.next_busy_s() < seconds:
        for batch in world.advance().true_batches:
            if batch.group == "core":
                for one in batch.instants():
                    second = (int(one.time_ms[0]) - world.scenario.start_ms) // 1000
                    yield second, dict(zip(one.vehicles.tolist(), one.signals["speed"].tolist(), strict=True))


def rising(scene: Scenario, threshold: float, seconds: int) -> list[tuple[int, int]]:
    """By hand: the reports with which each car's speed comes to be above a threshold: second, row."""
    was: dict[int, bool] = {}
    found = []
    for second, now in speeds(World(scene, seed=4), seconds):
        for row, speed in now.items():
            if speed > threshold and not was.get(row):
                found.append((second, row))
            was[row] = speed > threshold
    return found


def struck(labels: list[tuple[int, str, str, list[int]]], phase: str = "once") -> list[tuple[int, int]]:
    return [(second, row) for second, _, found, rows in labels if found == phase for row in rows]


FAST = "faults:\n  - {when: VehicleSpeed > 20 km/h, on: taxis, fault: dtc, code: P0A80%s}\n"


def test_a_condition_acts_on_each_vehicle_whenever_it_becomes_true() -> None:
    scene = scenario(FAST % "")
    by_hand = rising(scenario(""), 20.0, 300)
    assert len({row for _, row in by_hand}) == 6
    assert len(by_hand) > 12
    assert sorted(struck(run(World(scene, seed=4), 301))) == sorted(by_hand)


def test_once_is_the_first_time_of_each_vehicle() -> None:
    by_hand: dict[int, int] = {}
    for second, row in rising(scenario(""), 20.0, 300):
        by_hand.setdefault(row, second)
    found = struck(run(World(scenario(FAST % ", once: true"), seed=4), 301))
    assert {row: second for second, row in found} == by_hand
    assert len(found) == 6


def test_times_are_counted_for_each_vehicle() -> None:
    found = struck(run(World(scenario(FAST % ", times: 2"), seed=4), 600))
    assert sorted(row for _, row in found) == sorted([*range(6)] * 2)


def test_what_repeats_acts_again_after_its_pause_where_it_is_still_true() -> None:
    labels = run(
        World(scenario(FAST.replace("VehicleSpeed > 20", "VehicleSpeed >= 0") % ", repeat: 1 min"), seed=4), 150
    )
    first = {row: second for second, row in reversed(struck(labels))}
    assert sorted(struck(labels)) == sorted(
        (second + pause, row) for row, second in first.items() for pause in (0, 60, 120) if second + pause < 150
    )


def test_how_long_a_condition_has_been_true_counts() -> None:
    scene = scenario(FAST.replace("km/h", "km/h for 10 s") % "")
    since: dict[int, int | None] = {}
    by_hand = []
    for second, now in speeds(World(scenario(""), seed=4), 300):
        for row, speed in now.items():
            if speed <= 20:
                since[row] = None
            elif since.get(row) is None:
                since[row] = second
            began = since[row]
            if began is not None and second - began == 10:
                by_hand.append((second, row))
    assert len(by_hand) > 3
    assert sorted(struck(run(World(scene, seed=4), 301))) == sorted(by_hand)


def test_a_fault_that_goes_on_does_not_begin_again_in_the_same_vehicle() -> None:
    text = "faults:\n  - {when: VehicleSpeed > 20 km/h, on: taxis, fault: ota_failure, step: -3%s}\n"
    labels = run(World(scenario(text % ""), seed=4), 400)
    assert sorted(row for _, row in struck(labels, "begin")) == [*range(6)]
    labels = run(World(scenario(text % ", for: 20 s"), seed=4), 400)
    begun, ended = struck(labels, "begin"), struck(labels, "end")
    assert len(begun) > 6
    assert [(second + 20, row) for second, row in begun if second + 20 < 400] == ended
    for row in range(6):
        moments = [second for second, of in begun if of == row]
        assert all(later - sooner >= 20 for sooner, later in pairwise(moments))


def test_a_number_of_vehicles_is_how_many_at_most_and_the_first_take_part() -> None:
    moments: dict[int, int] = {}
    for second, row in sorted(rising(scenario(""), 20.0, 300)):
        moments.setdefault(row, second)
    text = FAST.replace("on: taxis", "on: 2 of taxis") % ""
    found = struck(run(World(scenario(text), seed=4), 301))
    chosen = {row for _, row in found}
    assert len(chosen) == 2
    latest = sorted(moments.values())[1]
    assert all(moments[row] <= latest for row in chosen)
    assert len(found) > 2  # and again in these


def test_each_town_has_its_own_number_and_lots() -> None:
    text = "commands:\n  - {when: StateOfCharge > 10 %, on: any parked sleepers, service: Lock}\n"
    world = World(scenario(text, towns=4), seed=4)
    run(world, 60)
    (lock,) = (given.as_json() for given in world.commands_given)
    assert (lock["matched"], lock["when"], lock["asked"]) == (4, "StateOfCharge > 10 %", 4)
    code = "faults:\n  - {when: StateOfCharge > 10 %, on: 50 % of parked sleepers, fault: dtc, code: P0A80}\n"
    world = World(scenario(code, towns=3), seed=4)
    rows = sorted(row for _, row in struck(run(world, 60)))
    assert [row // 10 for row in rows] == [0, 0, 1, 1, 2, 2]
    assert all(row % 10 >= 6 for row in rows)


def test_a_town_of_many_does_as_it_does_alone() -> None:
    text = FAST.replace("on: taxis", "on: 2 of taxis") % ""
    alone = run(World(scenario(text), seed=4), 200)
    three = run(World(scenario(text), seed=4, towns=3), 200)
    assert [(s, r) for s, r in struck(three) if r < 10] == struck(alone)


def test_the_state_that_on_names_is_part_of_what_has_to_be_true() -> None:
    text = "commands:\n  - {when: StateOfCharge > 10 %, on: %s, service: Lock}\n"
    for state, matched in (("driving taxis", 6), ("charging taxis", 0), ("parked sleepers", 4)):
        world = World(scenario(text.replace("%s", state)), seed=4)
        run(world, 60)
        assert world.commands_given[0].matched == matched, state


def test_a_step_waits_for_events() -> None:
    text = "commands:\n  - {when: event %s, on: all, service: Lock, once: true}\n"
    world = World(scenario(text % "diagnostics:DtcReported" + FAST % ", once: true"), seed=4)
    heard: list[tuple[int, int]] = []
    locked: list[tuple[int, Any]] = []
    told = world._triggers.told
    world._commands.told = lambda name, row, outcome: (
        locked.append((world.town.clock.second, row)),
        told(name, row, outcome),
    )
    while world.next_busy_s() < 200:
        heard += [
            ((event.time_ms - world.scenario.start_ms) // 1000, event.vehicle)
            for event in world.advance().events
            if event.identifier == "diagnostics:DtcReported"
        ]
    assert len(heard) == 6
    assert [one for one in heard if one[0] < 200] == sorted(locked)


def test_a_step_comes_so_long_after_another() -> None:
    text = """faults:
  - {at: 10 s, on: 2 of sleepers, fault: ota_failure, step: -3, for: 40 s}
  - {when: after ota_failure, on: all, fault: dtc, code: P0A80}
  - {when: 30 s after ota_failure begins, on: all, fault: dtc, code: P0AA6}
  - {when: after ota_failure ends, on: all, fault: dtc, code: P0A7E}
  - {when: 1 min after dtc, on: taxis, fault: dtc, code: P0A80}
"""
    labels = run(World(scenario(text), seed=4), 200)
    rows = labels[0][3]
    assert len(rows) == 2
    assert labels == [
        (10, "ota_failure", "begin", rows),
        (11, "dtc", "once", rows),
        (40, "dtc", "once", rows),
        (50, "ota_failure", "end", rows),
        (51, "dtc", "once", rows),
    ]


def test_a_step_comes_after_a_command_of_the_scenario_or_of_the_cloud() -> None:
    text = """commands:
  - {at: 10 s, on: sleepers, service: Lock}
  - {at: 10 s, on: taxis, service: Unlock}
faults:
  - {when: 20 s after Lock, on: all, fault: dtc, code: P0A80}
  - {when: after Unlock refused, on: 3 of taxis, fault: dtc, code: P0AA6}
  - {when: after Unlock, on: all, fault: dtc, code: P0A7E}
  - {when: after charging:ChargeLimit, on: all, fault: dtc, code: P0A7E}
"""
    world = World(scenario(text), seed=4)
    labels = run(world, 40)
    assert (30, "dtc", "once", [6, 7, 8, 9]) in labels
    refused = [rows for second, _, _, rows in labels if second == 11]
    assert [len(rows) for rows in refused] == [3]  # who drives does not unlock
    assert len(labels) == 2
    assert world.execute(Command(7, "set", "", {"charging:ChargeLimit": 80})).code == 200
    told_s = world.elapsed_s
    assert run(world, told_s + 5) == [(told_s + 1, "dtc", "once", [7])]


def test_a_fault_of_the_buses_waits_for_those_that_send_can() -> None:
    text = HEAD.format(towns=1).replace("detail: 1 s}", "detail: 1 s, can: {vehicles: 2}}", 1)
    text += "faults:\n  - {when: VehicleSpeed > 5 km/h, on: all, fault: can_bus_off, node: BMS, for: 5 s}\n"
    world = World(parse_scenario(text), seed=4)
    rows = {row for _, row in struck(run(world, 200), "begin")}
    assert rows == set(world.buses.rows.tolist())
    assert len(rows) == 2


def test_what_waits_in_quiet_hours_is_due_with_the_next_second() -> None:
    """Nobody is awake: the world skips to the next report, and then does not."""
    text = """commands:
  - {at: 100 s, on: 1 of sleepers, set: {"charging:ChargeLimit": 70}}
faults:
  - {when: 15 s after charging:ChargeLimit, on: all, fault: dtc, code: P0A80}
"""
    quiet = HEAD.format(towns=1).replace("{cycle: WLTC}", "{commuter: {leaves_home: '20:00'}}\n    initial_soc: 0.95")
    world = World(parse_scenario(quiet + text), seed=4)
    labels, steps = [], 0
    while world.next_busy_s() < 300:
        labels += [_shown(world, label) for label in world.advance().labels]
        steps += 1
    assert [(second, kind) for second, kind, _, _ in labels] == [(115, "dtc")]
    assert steps < 100  # it did skip


SEVERAL = """commands:
  - {when: VehicleSpeed > 30 km/h for 3 s, on: 4 of taxis, service: HonkAndFlash, repeat: 40 s}
  - {between: [10 s, 2 min], on: any, service: Lock}
  - {at: 20 s, repeat: 30 s, times: 3, on: 2 of sleepers, service: Lock}
faults:
  - {when: VehicleSpeed > 20 km/h, on: 50 % of taxis, fault: ota_failure, step: -3, for: 15 s}
  - {when: 10 s after ota_failure ends, on: all, fault: dtc, code: P0A80}
  - {between: [5 s, 30 s], repeat: 50 s, on: 2 of sleepers, fault: dtc, code: P0AA6}
"""


def test_the_same_happens_at_any_stretch() -> None:
    found = []
    for stretch in (0, 7, 1_000):
        world = World(scenario(SEVERAL, towns=2), seed=4)
        labels = run(world, 240, stretch)
        found.append((labels, world.command_outcomes, [one.as_json() for one in world.faults.became]))
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) > 20


def test_commands_repeat_as_often_as_they_should() -> None:
    world = World(scenario(SEVERAL), seed=4)
    run(world, 240)
    flash, between, again = (given.as_json() for given in world.commands_given)
    assert flash["matched"] > 4
    assert 10 <= between["at_s"] <= 120
    assert between["matched"] == 1
    assert (again["at_s"], again["matched"]) == (20.0, 6)


def test_a_fault_that_repeats_chooses_anew_each_time() -> None:
    text = "faults:\n  - {at: 10 s, repeat: 20 s, times: 4, on: 2 of taxis, fault: dtc, code: P0A80}\n"
    labels = run(World(scenario(text), seed=4), 200)
    assert [second for second, _, _, _ in labels] == [10, 30, 50, 70]
    assert all(len(rows) == 2 for _, _, _, rows in labels)
    assert len({tuple(rows) for _, _, _, rows in labels}) > 1
    once = run(World(scenario(text.replace("repeat: 20 s, times: 4, ", "")), seed=4), 200)
    assert once == labels[:1]  # the first time is that of a fault that does not repeat


def test_true_values_count_whatever_a_sensor_tells() -> None:
    text = """faults:
  - {at: 1 s, on: taxis, fault: sensor_stuck, signal: VehicleSpeed}
  - {when: VehicleSpeed > 20 km/h, on: taxis, fault: dtc, code: P0A80}
"""
    by_hand = rising(scenario(""), 20.0, 200)
    labels = [label for label in run(World(scenario(text), seed=4), 201) if label[1] == "dtc"]
    assert sorted(struck(labels)) == sorted(by_hand)


# Vehicles by name.


def vins(world: World) -> list[str]:
    return [vin.decode() for vin in world.fleet.vins.tolist()]


@pytest.mark.parametrize("towns", [1, 3])
def test_a_vehicle_is_named_by_its_vin(towns: int) -> None:
    names = vins(World(scenario("", towns), seed=4))
    text = f"""commands:
  - {{at: 5 s, on: {names[-1]}, service: Lock}}
  - {{between: [5 s, 50 s], on: [{names[8]}, {names[7]}], service: Lock}}
faults:
  - {{at: 5 s, on: [{names[3]}, {names[1]}], fault: dtc, code: P0A80}}
  - {{when: VehicleSpeed > 20 km/h, on: {names[2]}, fault: dtc, code: P0A80, once: true}}
"""
    world = World(scenario(text, towns), seed=4)
    labels = run(world, 200)
    assert [label[3] for label in labels] == [[1, 3], [2]]
    assert [given.matched for given in world.commands_given] == [1, 2]


def test_a_vehicle_that_there_is_not_is_told_with_its_place_and_the_nearest() -> None:
    names = vins(World(scenario(""), seed=4))
    wrong = names[0][:-1] + ("1" if names[0][-1] != "1" else "2")
    scene = scenario(f"faults:\n  - {{at: 5 s, on: [{names[3]}, {wrong}], fault: dtc, code: P0A80}}\n")
    with pytest.raises(ScenarioError) as caught:
        World(scene, seed=4)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.path) == ("s.yaml", 19, "faults.0.on.1")
    assert problem.column == 20 + len(names[3]) + 2
    assert wrong in problem.message
    assert "did you mean" in problem.message


def test_towns_that_run_alone_need_not_have_all_named_vehicles() -> None:
    names = vins(World(scenario("", 2), seed=4))
    scene = scenario(f"faults:\n  - {{at: 5 s, on: [{names[3]}, {names[13]}], fault: dtc, code: P0A80}}\n", 2)
    assert struck(run(World(scene, seed=4), 10)) == [(5, 3), (5, 13)]
    assert struck(run(World(scene, seed=4, only=[1]), 10)) == [(5, 3)]


# What is refused, and where.


@pytest.mark.parametrize(
    ("entry", "column", "told"),
    [
        ("{when: StateOfCharg < 20 %, on: all, service: Lock}", 12, "did you mean 'StateOfCharge'?"),
        ("{when: parked and VehicleSpeed < 20 kW, on: all, service: Lock}", 38, "km/h or m/s"),
        ("{when: 'StateOfCharge < 20', on: all, service: Lock}", 29, "without a unit"),
        ("{when: event ChargingFinnished, on: all, service: Lock}", 18, "did you mean 'ChargingFinished'?"),
        ("{when: after cell_overhet, on: all, service: Lock}", 18, "expected a fault or a command"),
        ("{when: after Lok, on: all, service: Lock}", 18, "did you mean 'Lock'?"),
        ("{when: after Lock ends, on: all, service: Lock}", 23, "expected done, refused or the end"),
        ("{when: after dtc refused, on: all, service: Lock}", 22, "expected begins, ends or the end"),
        ("{when: 5 after dtc, on: all, service: Lock}", 12, "unit"),
        ("{when: 5 kW after dtc, on: all, service: Lock}", 12, "kW"),
        ("{when: StateOfCharge < 20 % for 5, on: all, service: Lock}", 37, "unit"),
        ("{when: 7, on: all, service: Lock}", 12, "found 7, expected a condition"),
        ("{when: parked, at: 5 s, on: all, service: Lock}", 5, "found at and when"),
        ("{on: all, service: Lock}", 5, "expected one of at:, between: and when:"),
        ("{at: 5 s, once: true, on: all, service: Lock}", 5, "once: without when:"),
        ("{when: parked, once: 1, on: all, service: Lock}", 26, "expected true or false"),
        ("{when: parked, once: true, times: 2, on: all, service: Lock}", 5, "once: beside repeat: or times:"),
        ("{at: 5 s, times: 2, on: all, service: Lock}", 5, "times: without repeat:"),
        ("{at: 5 s, repeat: 5, on: all, service: Lock}", 23, "unit"),
        ("{at: 5 s, on: [], service: Lock}", 19, "VIN"),
        ("{at: 5 s, on: [WBA], service: Lock}", 19, "expected the VIN of a vehicle"),
        ("{at: 5 s, on: [WBA12345678901234, WBA12345678901234], service: Lock}", 19, "each once"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(entry: str, column: int, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(f"commands:\n  - {entry}\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.column) == ("s.yaml", 19, column)
    assert told in problem.message


def test_a_mistake_on_a_later_line_of_a_text_has_that_line() -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(
            "commands:\n  - when: >\n      parked and\n      VehicleSped > 5 km/h\n    on: all\n    service: Lock\n"
        )
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (21, 7)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{when: StateOfCharge > 120 %, on: all, service: Lock}", "19:12: warning: commands.0.when: never comes true"),
        ("{when: after dtc, on: all, service: Lock}", "19:12: warning: commands.0.when: the scenario has no 'dtc'"),
        ("{between: [40 min, 50 min], on: all, service: Lock}", "19:15: warning: commands.0.between: never comes"),
    ],
)
def test_what_never_comes_is_worth_a_warning(entry: str, told: str) -> None:
    (problem,) = scenario(f"commands:\n  - {entry}\n").warnings
    assert told in problem.as_warning()


def test_a_fault_that_repeats_has_ended_before() -> None:
    fault = "faults:\n  - {at: 5 s, repeat: 10 s, on: all, fault: ota_failure, step: -3%s}\n"
    for more, told in (("", "without for:"), (", for: 10 s", "before it has ended")):
        with pytest.raises(ScenarioError, match=told):
            scenario(fault % more)
    assert scenario(fault % ", for: 9 s").faults


@given(st.text(max_size=60) | st.text("0123456789 afterventslockdbgi:_%<=", max_size=40))
def test_no_text_breaks_the_reader_of_triggers(text: str) -> None:
    try:
        assert parse_trigger(text).text == text
    except ValueError as refused:
        at = getattr(refused, "at", None)
        assert at is None or 0 <= at <= len(text)


# Columns, against one vehicle after the other.

N = 7


def _watch(text: str, on: str, planned: list[tuple[int, list[int]]], **more: Any) -> Triggers:
    spec = TroubleCode.model_validate({"when": text, "on": on, "fault": "dtc", "code": "P0A80", **more})
    town = TownRows(0, place_of(0), slice(0, N), {"cars": slice(0, N)})
    triggers = Triggers(np.zeros(N, np.uint8))
    names = np.array([f"{row:017d}" for row in range(N)], "S17")
    draws = VehicleDraws(1, [("cars", N)])
    triggers.add(
        Watch(spec, 0, 0.0, lambda _, rows, at_s: planned.append((at_s, rows.tolist())), [town], draws, "x", names)
    )
    return triggers


def _batch(second: int, values: Mapping[int, float]) -> Batch:
    rows = np.array(sorted(values), np.int32)
    speed = np.array([values[row] for row in sorted(values)], np.float32)
    return Batch.at(second * 1000, SIGNALS["speed"].group, rows, {"speed": speed})


@given(
    st.lists(st.dictionaries(st.integers(0, N - 1), st.integers(0, 3)), max_size=40),
    st.sampled_from([None, 1, 3, 10]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([0, 1, 4]),
)
def test_columns_act_as_each_vehicle_would(
    reports: list[dict[int, int]], repeat: int | None, times: int | None, held: int
) -> None:
    planned: list[tuple[int, list[int]]] = []
    more = {} if repeat is None else {"repeat": f"{repeat} s"}
    if times is not None:
        more["times"] = times
    triggers = _watch(f"VehicleSpeed >= 2 km/h{f' for {held} s' if held else ''}", "all", planned, **more)
    by_hand: list[tuple[int, list[int]]] = []
    since: dict[int, int | None] = dict.fromkeys(range(N))
    was, last, count = dict.fromkeys(range(N), False), {}, dict.fromkeys(range(N), 0)
    for second, values in enumerate(reports, 1):
        triggers.look([_batch(second, values)] if values else [], [], [], second)
        acts = []
        for row, value in sorted(values.items()):
            if value < 2:
                since[row] = None
            elif since[row] is None:
                since[row] = second
            began = since[row]
            holds = began is not None and second - began >= held
            again = repeat is not None and row in last and second - last[row] >= repeat
            first = not was[row] and (repeat is None or row not in last)
            if holds and (first or again) and (times is None or count[row] < times):
                acts.append(row)
                last[row] = second
                count[row] += 1
            was[row] = holds
        if acts:
            by_hand.append((second, acts))
    assert planned == by_hand


@given(st.lists(st.sets(st.integers(0, N - 1)), max_size=20), st.integers(1, N))
def test_no_more_than_the_named_number_take_part(rounds: list[set[int]], most: int) -> None:
    planned: list[tuple[int, list[int]]] = []
    triggers = _watch("VehicleSpeed >= 2 km/h", f"{most} of cars", planned)
    seen: list[int] = []
    for number, rows in enumerate(rounds):
        for second, speed in ((2 * number + 1, 3.0), (2 * number + 2, 0.0)):
            triggers.look([_batch(second, dict.fromkeys(rows, speed))] if rows else [], [], [], second)
        fresh = [row for row in sorted(rows) if row not in seen]
        now = next((found for second, found in planned if second == 2 * number + 1), [])
        assert set(now) <= rows
        assert {row for row in rows if row in seen} <= set(now)
        chosen = [row for row in now if row not in seen]
        assert len(chosen) == min(len(fresh), most - len(seen))
        seen += chosen


def test_signals_of_both_groups_are_looked_at_together() -> None:
    """What a vehicle reports at one moment belongs together, in whatever order its groups come."""
    planned: list[tuple[int, list[int]]] = []
    triggers = _watch(
        "VehicleSpeed == 0 km/h and StateOfHealth > 50 %".replace("StateOfHealth", "battery:StateOfHealth"),
        "all",
        planned,
    )
    row = np.array([1], np.int32)

    def both(second: int, speed: float, health: float) -> list[Batch]:
        return [
            Batch.at(second, "core", row, {"speed": np.array([speed])}),
            Batch.at(second, "detail", row, {"state_of_health": np.array([health])}),
        ]

    triggers.look(both(1, 9.0, 90.0), [], [], 1)
    triggers.look(both(2, 0.0, 10.0), [], [], 2)  # never both
    assert planned == []
    triggers.look(both(3, 0.0, 90.0), [], [], 3)
    assert planned == [(3, [1])]
