"""What comes from outside while a scenario runs: faults that begin and end, commands, and labels that are asked for."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import BodyError
from jinqiao.base.telemetry import Label
from jinqiao.simulator.faults import injector
from jinqiao.simulator.faults.log import LabelLog
from jinqiao.simulator.outside import command_of, fault_of
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World

TEXT = """name: Asked
seed: 4
start: 2026-11-23T08:00+08:00
duration: 30 min
towns: {towns}
fleets:
  - {{name: taxis, count: 4, models: {{bmw-i4-edrive40-2022: 1}}, agenda: {{cycle: WLTC}}}}
  - name: sleepers
    count: 4
    models: {{bmw-ix3-2021: 1}}
    agenda: {{commuter: {{leaves_home: '20:00'}}}}
    initial_soc: 0.95
charging_stations: [{{name: hub, at: [31.2497, 121.5957], connectors: [{{kind: dc, power: 60 kW}}]}}]
"""


def make(text: str = "", towns: int = 1) -> World:
    return World(parse_scenario(TEXT.format(towns=towns) + text), seed=4)


def until(world: World, second: int) -> list[tuple[int, str, str, list[int]]]:
    """Run up to this second; its labels: second, kind, phase, vehicles."""
    labels = []
    while world.next_busy_s() < second:
        labels += world.advance().labels
    world.idle_until(second)
    start_ms = world.scenario.start_ms
    return [((one.time_ms - start_ms) // 1000, one.kind, one.phase, one.vehicles.tolist()) for one in labels]


def vin(world: World, row: int) -> str:
    name: str = world.fleet.vins[row].decode()
    return name


# Faults.


def test_a_fault_begins_at_once_and_its_label_comes_with_the_next_step() -> None:
    world = make()
    until(world, 20)
    found = world.inject({"fault": "ota_failure", "step": -3, "on": vin(world, 5), "for": "10 s"})
    assert found.rows.tolist() == [5]
    assert world.ota_failure(5) == -3
    assert [(one.number, one.label.phase, one.vehicle) for one in world.labels.since(0)] == [(1, "begin", 5)]
    assert until(world, 100) == [(20, "ota_failure", "begin", [5]), (30, "ota_failure", "end", [5])]
    assert world.ota_failure(5) == 0


def test_a_fault_can_be_ended_and_only_once() -> None:
    world = make()
    until(world, 20)
    found = world.inject({"fault": "ota_failure", "step": -1, "on": [vin(world, 6), vin(world, 1)]})
    assert until(world, 40) == [(20, "ota_failure", "begin", [1, 6])]
    assert world.end_fault(found.id)
    assert not world.end_fault(found.id)
    assert world.ota_failure(1) == world.ota_failure(6) == 0
    assert until(world, 60) == [(40, "ota_failure", "end", [1, 6])]
    start_ms = world.scenario.start_ms
    assert world.fault_list() == [
        {
            "id": found.id,
            "fault": "ota_failure",
            "parameters": {"step": -1},
            "vehicles": [1, 6],
            "begun_ms": start_ms + 20_000,
            "ended_ms": start_ms + 40_000,
        }
    ]


@pytest.mark.parametrize("id_", ["", "fault-", "fault-7", "fault-x", "1", "fault-01", "fault-" + "9" * 400, "fault-٣"])
def test_what_is_no_fault_cannot_be_ended(id_: str) -> None:
    world = make()
    until(world, 5)
    world.inject({"fault": "ota_failure", "step": -1, "on": "any"})
    assert not world.end_fault(id_)


def test_a_fault_that_was_ended_early_does_not_end_a_second_time() -> None:
    world = make()
    until(world, 5)
    found = world.inject({"fault": "ota_failure", "step": -1, "on": "taxis", "for": "20 s"})
    until(world, 10)
    world.end_fault(found.id)
    assert [phase for _, _, phase, _ in until(world, 100)] == ["end"]


def test_faults_of_the_scenario_are_in_the_list_and_can_be_ended() -> None:
    text = """faults:
  - {at: 5 s, on: 2 of taxis, fault: ota_failure, step: -3, for: 10 min}
  - {when: after ota_failure ends, on: all, fault: dtc, code: P0A80}
"""
    world = make(text)
    until(world, 10)
    (one,) = world.fault_list()
    assert (one["fault"], len(one["vehicles"]), one["ended_ms"]) == ("ota_failure", 2, None)
    assert world.end_fault(one["id"])
    assert [(kind, phase) for _, kind, phase, _ in until(world, 60)] == [("ota_failure", "end"), ("dtc", "once")]
    assert [one["fault"] for one in world.fault_list()] == ["ota_failure", "dtc"]


def test_the_scenarios_own_draws_do_not_move_for_a_fault_from_outside() -> None:
    text = "faults:\n  - {between: [20 s, 60 s], on: any, fault: dtc, code: P0A80}\n"
    alone = until(make(text), 100)
    world = make(text)
    until(world, 10)
    world.inject({"fault": "dtc", "code": "P0AA6", "on": "2 of taxis"})
    assert [label for label in until(world, 100) if label[0] != 10] == alone


def test_the_same_requests_at_the_same_seconds_choose_the_same_vehicles() -> None:
    found = []
    for _ in range(2):
        world = make(towns=3)
        until(world, 15)
        chosen = [world.inject({"fault": "dtc", "code": "P0A80", "on": "any of taxis"}).rows.tolist() for _ in range(4)]
        found.append((chosen, until(world, 20)))
    assert found[0] == found[1]
    assert all([row // 8 for row in rows] == [0, 1, 2] for rows in found[0][0])  # one in each town
    assert len({tuple(rows) for rows in found[0][0]}) > 1


def test_a_station_fault_from_outside_is_one_fault_in_all_towns() -> None:
    world = make(towns=2)
    until(world, 15)
    found = world.inject({"fault": "power_cut", "station": "hub"})
    assert [one["id"] for one in world.fault_list()] == [found.id, found.id]
    assert world.faults.active == 2
    until(world, 20)
    assert world.end_fault(found.id)
    assert world.faults.active == 0
    assert [(phase, rows) for _, _, phase, rows in until(world, 30)] == [("end", []), ("end", [])]


def test_a_station_fault_that_waits_begins_in_the_town_of_the_vehicle() -> None:
    world = make("faults:\n  - {when: after Lock, fault: power_cut, station: hub}\n", towns=3)
    until(world, 15)
    world.command({"on": vin(world, 13), "service": "Lock"})
    assert until(world, 20) == [(16, "power_cut", "begin", [])]
    (one,) = world.faults.happened.values()
    assert one.town == 1


def test_what_strikes_nobody_is_over_at_once() -> None:
    world = make()
    until(world, 15)
    found = world.inject({"fault": "charger_fault", "on": "driving taxis"})
    assert found.rows.tolist() == []
    nobody = world.inject({"fault": "ota_failure", "step": -1, "on": "charging"})
    assert not world.end_fault(nobody.id)
    assert until(world, 20) == []
    assert all(one["ended_ms"] is not None for one in world.fault_list())


def test_the_summary_counts_faults_from_outside_by_kind() -> None:
    world = make("faults:\n  - {at: 5 s, on: all, fault: dtc, code: P0A80}\n")
    until(world, 15)
    for row in range(3):
        world.inject({"fault": "ota_failure", "step": -1, "on": vin(world, row)})
    own, outside = (one.as_json() for one in world.faults.became)
    assert (own["struck"], own["on"]) == (8, "all")
    assert (outside["fault"], outside["struck"], outside["at_s"], outside["ended"]) == ("ota_failure", 3, 15, False)
    json.dumps(outside)


def test_faults_from_outside_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jinqiao.simulator.world.MOST_ACTIVE", 3)
    monkeypatch.setattr(injector, "MOST_HAPPENED", 5)
    world = make()
    until(world, 5)
    body = {"fault": "ota_failure", "step": -1, "on": vin(world, 0)}
    first = [world.inject(body).id for _ in range(3)]
    with pytest.raises(BodyError, match="fewer faults at a time"):
        world.inject(body)
    for id_ in first:
        world.end_fault(id_)
    for _ in range(20):
        world.end_fault(world.inject(body).id)
    assert len(world.fault_list()) == 5
    assert world.faults.active == 0


# Commands.


def test_a_command_is_given_at_once_to_those_that_fit() -> None:
    world = make()
    until(world, 20)
    outcomes = world.command({"on": "sleepers", "service": "Lock"})
    assert [(row, outcome.code) for row, outcome in outcomes] == [(row, 200) for row in range(4, 8)]
    outcomes = world.command({"on": [vin(world, 0), vin(world, 4)], "service": "Unlock"})
    assert [(row, outcome.code == 200) for row, outcome in outcomes] == [(0, False), (4, True)]
    (one,) = world.command({"on": vin(world, 5), "set": {"charging:ChargeLimit": 70}})
    assert one[1].code == 200
    assert world.fleet.charge_limit[5] == 70
    assert world.command({"on": "charging", "service": "StopCharging"}) == []


# What does not fit.


@pytest.mark.parametrize(
    ("body", "pointer", "found", "expected"),
    [
        ({}, "/fault", None, "the key 'fault'"),
        ([], "", [], "an object"),
        ({"fault": "dcc", "on": "any"}, "/fault", "dcc", "did you mean 'dtc'?"),
        ({"fault": "dtc", "code": "P0A80"}, "/on", None, "the key 'on'"),
        ({"fault": "dtc", "on": "any"}, "/code", None, "the key 'code'"),
        ({"fault": "dtc", "code": "P0A81", "on": "any"}, "/code", "P0A81", "a trouble code"),
        ({"fault": "dtc", "code": "P0A80", "on": "any", "cod": 1}, "/cod", 1, "did you mean 'code'?"),
        ({"fault": "dtc", "code": "P0A80", "on": "any", "at": "5 s"}, "/at", "5 s", "no time"),
        ({"fault": "dtc", "code": "P0A80", "on": "any", "when": "parked"}, "/when", "parked", "no time"),
        ({"fault": "dtc", "code": "P0A80", "on": "any", "once": True}, "/once", True, "no time"),
        ({"fault": "dtc", "code": "P0A80", "on": "3 of taxi"}, "/on", "3 of taxi", "did you mean 'taxis'?"),
        ({"fault": "dtc", "code": "P0A80", "on": []}, "/on", [], "VIN"),
        (
            {"fault": "dtc", "code": "P0A80", "on": "WBA00000000000000"},
            "/on",
            "WBA00000000000000",
            "the VIN of a vehicle",
        ),
        ({"fault": "ota_failure", "step": -1, "on": "any", "for": 5}, "/for", 5, "a duration in s, min, h or d"),
        ({"fault": "ota_failure", "step": -9, "on": "any"}, "/step", -9, "at least -4"),
        ({"fault": {"dtc": 1}, "on": "any"}, "/fault", {"dtc": 1}, "dtc"),
        ({"fault": "dtc", "code": {"a": [1]}, "on": "any"}, "/code", {"a": [1]}, "text"),
        ({"fault": "dtc", "code": "P0A80", "on": "any", "a/b~c": 1}, "/a~1b~0c", 1, "on, fault or code"),
    ],
)
def test_a_fault_that_does_not_fit_is_told_with_its_pointer(body: Any, pointer: str, found: Any, expected: str) -> None:
    world = make()
    until(world, 5)
    with pytest.raises(BodyError) as caught:
        world.inject(body)
    assert (caught.value.pointer, caught.value.found) == (pointer, found)
    assert expected in caught.value.expected
    assert world.fault_list() == []
    assert until(world, 10) == []


@pytest.mark.parametrize(
    ("body", "pointer", "expected"),
    [
        ({"on": "any", "service": "Lok"}, "/service", "did you mean 'Lock'?"),
        ({"on": "any", "service": "StartClimate", "args": {"Target": 99}}, "/args", "28"),
        ({"on": "any", "set": {"charging:ChargeLimit": 5}}, "/set", "20"),
        ({"on": "any"}, "", "one of service and set"),
        ({"on": "any", "service": "Lock", "at": "5 s"}, "/at", "no time"),
        ({"service": "Lock"}, "/on", "the key 'on'"),
    ],
)
def test_a_command_that_does_not_fit_is_told_with_its_pointer(body: Any, pointer: str, expected: str) -> None:
    world = make()
    until(world, 5)
    with pytest.raises(BodyError) as caught:
        world.command(body)
    assert caught.value.pointer == pointer
    assert expected in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("fault", "on", "for", "code", "step", "service", "set", "args", "signal", "message", "kind", "rate", "share")


@given(
    json_values
    | st.dictionaries(
        st.sampled_from(KEYS) | st.text(max_size=5),
        json_values | st.sampled_from(["dtc", "lost", "any", "5 s", "Lock"]),
    )
)
def test_no_body_breaks_the_readers(body: Any) -> None:
    vins = np.array([b"WBA00000000000000"])
    for read in (fault_of, command_of):
        refused: BodyError | None = None
        try:
            read(body, ["taxis"], vins)
        except BodyError as error:
            refused = error
        assert refused is None or refused.expected
        assert refused is None or refused.pointer == "" or refused.pointer.startswith("/")


# Labels.


def label(*vehicles: int) -> Label:
    return Label(1000, "dtc", "once", np.array(vehicles, np.int32), {"code": "P0A80"})


def test_labels_are_numbered_by_vehicle_and_read_on_from_any_number() -> None:
    log = LabelLog()
    for one in (label(3), label(1, 4, 5), label(), label(2)):
        log.add(one)
    assert [(one.number, one.vehicle) for one in log.since(0)] == [(1, 3), (2, 1), (3, 4), (4, 5), (5, None), (6, 2)]
    assert [one.number for one in log.since(3)] == [4, 5, 6]
    assert list(log.since(6)) == []
    assert list(log.since(600)) == []


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 10), st.integers(0, 60))
def test_what_is_dropped_is_counted(sizes: list[int], most: int, since: int) -> None:
    log = LabelLog(most)
    for size in sizes:
        log.add(label(*range(size)))
    numbers = [one.number for one in log.since(since)]
    everything = [max(1, size) for size in sizes]
    assert log.last == sum(everything)
    assert numbers == [*range(max(since, log.dropped) + 1, log.last + 1)]
    assert log.last - log.dropped <= max(most, everything[-1] if everything else 0)
