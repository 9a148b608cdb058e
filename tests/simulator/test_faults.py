"""Faults of a scenario in its world: effect, ground truth in labels, end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jinqiao.simulator.buses import Buses
from jinqiao.simulator.faults.injector import FaultInjector
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.wire.render.labels import LabelRenderer
from support.scenarios import FAULTS_HEAD


def make(*faults: str) -> tuple[World, Buses, FaultInjector]:
    world = World(parse_scenario(FAULTS_HEAD + "".join(f"  - {{{fault}}}\n" for fault in faults)), seed=5)
    return world, world.buses, world.faults


def test_faults_of_the_buses_strike_those_who_send_can() -> None:
    _, can, injector = make("at: 5 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s")
    assert can.rows.tolist() == [3, 4, 5, 8, 9]
    assert injector.strike(4) == ()
    (label,) = injector.strike(5)
    assert label.vehicles.tolist() == can.rows.tolist()
    assert can.faults.silent("BatteryPack").all()
    assert not can.faults.silent("BatteryCharge").any()
    (end,) = injector.strike(15)
    assert (end.phase, end.vehicles.tolist()) == ("end", can.rows.tolist())
    assert not can.faults.silent("BatteryPack").any()


@pytest.mark.parametrize(
    ("on", "rows"), [("all instrumented", [3, 4, 5]), ("more", [8, 9]), ("driving", [3, 4, 5, 8, 9])]
)
def test_a_fleets_name_means_its_vehicles_with_can(on: str, rows: list[int]) -> None:
    world, _, injector = make(f"at: 2 s, on: {on}, fault: can_bus_off, node: BMS")
    world.advance()
    (label,) = injector.strike(2)
    assert label.vehicles.tolist() == rows


def test_overlapping_faults_end_each_for_itself() -> None:
    _, can, injector = make(
        "at: 1 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s",
        "at: 5 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s",
        "at: 5 s, on: all, fault: can_error_frames, rate: 0.3, for: 2 s",
        "at: 5 s, on: all, fault: can_error_frames, rate: 0.1, for: 3 s",
        "at: 5 s, on: all, fault: can_bus_off, node: BMS",
    )
    injector.strike(5)
    assert can.faults.error_rate == pytest.approx(0.4)
    injector.strike(11)
    assert can.faults.silent("BatteryPack").all()
    assert not can.faults.silent("BatteryCharge").any()  # recovered after two seconds
    assert (can.faults.error_rate == 0).all()
    injector.strike(15)
    assert not can.faults.silent("BatteryPack").any()


def test_other_faults_strike_anybody() -> None:
    world, can, injector = make(
        "at: 1 s, on: plain, fault: dtc, code: P0A80",
        "at: 1 s, on: plain, fault: ota_failure, step: -3, for: 5 s",
        "at: 1 s, on: instrumented, fault: can_counter_jump, message: VehicleMotion, by: 3",
    )
    injector.strike(1)
    assert [code.code for code in world.dtcs(0)] == ["P0A80"]
    assert world.fleet.ota_failure[:4].tolist() == [-3, -3, -3, 0]
    assert can.faults.counter_jump.sum() == 9
    injector.strike(6)
    assert not world.fleet.ota_failure.any()
    assert np.asarray(world.dtcs(0)).size


def test_a_label_tells_the_truth() -> None:
    world, _, injector = make("at: 5 s, on: 1 of more, fault: can_stuck_signal, signal: VehicleSpeed, for: 7 s")
    (label,) = injector.strike(5)
    (row,) = label.vehicles.tolist()
    (publish,) = LabelRenderer("pk", world.fleet.vins, world.fleet.vins).publishes(label)
    vin = world.fleet.vins[row].decode()
    assert publish.topic == f"/pk/{vin}/user/label"
    assert json.loads(publish.payload) == {
        "fault": "can_stuck_signal",
        "phase": "begin",
        "time": world.scenario.start_ms + 5000,
        "vehicle": vin,
        "parameters": {"signal": "VehicleSpeed"},
    }


QUIET = """
name: Night
seed: 5
start: 2026-11-23T01:00+08:00
duration: 2 h
fleets:
  - name: sleepers
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: commuter
    initial_soc: 0.9
    telemetry: {parked: 1 h, detail: 1 h}
faults:
  - {at: 1000 s, on: all, fault: dtc, code: P0A80}
  - {at: 2000 s, on: all, fault: ota_failure, step: -3, for: 90 s}
"""


def test_faults_in_a_stretch_in_which_nothing_happens_keep_their_seconds() -> None:
    """As fast as it goes: the world skips from busy second to busy second, and a fault makes its second one."""
    world = World(parse_scenario(QUIET), seed=5)
    seen = []
    seconds = 0
    while world.next_busy_s() < 3000:
        step = world.advance()
        seconds += 1
        seen += [((label.time_ms - world.scenario.start_ms) // 1000, label.kind, label.phase) for label in step.labels]
        if step.labels:
            assert step.until_ms == step.labels[-1].time_ms + 1000
        stored = len(world.dtcs(0)) > 0
        assert stored == (world.elapsed_s > 1000)
        assert world.ota_failure(1) == (-3 if 2000 < world.elapsed_s <= 2090 else 0)
    assert seen == [(1000, "dtc", "once"), (2000, "ota_failure", "begin"), (2090, "ota_failure", "end")]
    assert seconds < 100  # it did skip


def test_waiting_stops_where_a_fault_is_due() -> None:
    world = World(parse_scenario(QUIET), seed=5)
    while world.next_busy_s() < 1000:
        world.advance()
    world.idle_until(5000)
    assert world.elapsed_s == 1000


def test_the_faults_of_the_documentation_are_read() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "can.md").read_text()
    block = text.split("```yaml\nfaults:\n", 1)[1].split("```", 1)[0]
    head = FAULTS_HEAD.replace("name: plain", "name: commuters").replace("duration: 2 min", "duration: 30 min")
    assert len(parse_scenario(head + block).faults) == block.count("fault:") == 6
