"""Faults of a scenario in a run: effect, ground truth on the label topic, end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jinqiao.sandbox.run.can_stream import CanStream
from jinqiao.sandbox.run.faults import EFFECTS, FaultInjector
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.scenario.fault import KINDS
from jinqiao.simulator.world import World
from support.programs import Program

HEAD = """
name: Broken
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 min
fleets:
  - name: plain
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: UDDS}
  - name: instrumented
    count: 5
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 3}}
  - name: more
    count: 2
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 9}}
faults:
"""


def make(*faults: str) -> tuple[World, CanStream, FaultInjector]:
    world = World(parse_scenario(HEAD + "".join(f"  - {{{fault}}}\n" for fault in faults)), seed=5)
    can = CanStream(world, "pk", world.fleet.vins)
    return world, can, FaultInjector(world, can, 5, "pk", world.fleet.vins)


def test_every_kind_has_an_effect() -> None:
    assert set(EFFECTS) == set(KINDS)


def test_faults_of_the_buses_strike_those_who_send_can() -> None:
    _, can, injector = make("at: 5 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s")
    assert can.rows.tolist() == [3, 4, 5, 8, 9]
    assert injector.run(4) == []
    (change,) = injector.run(5)
    assert change.rows.tolist() == can.rows.tolist()
    assert can.faults.silent("BatteryPack").all()
    assert not can.faults.silent("BatteryCharge").any()
    (end,) = injector.run(15)
    assert (end.phase, end.rows.tolist()) == ("end", can.rows.tolist())
    assert not can.faults.silent("BatteryPack").any()


@pytest.mark.parametrize(
    ("on", "rows"), [("all instrumented", [3, 4, 5]), ("more", [8, 9]), ("driving", [3, 4, 5, 8, 9])]
)
def test_a_fleets_name_means_its_vehicles_with_can(on: str, rows: list[int]) -> None:
    world, _, injector = make(f"at: 2 s, on: {on}, fault: can_bus_off, node: BMS")
    world.advance()
    (change,) = injector.run(2)
    assert change.rows.tolist() == rows


def test_overlapping_faults_end_each_for_itself() -> None:
    _, can, injector = make(
        "at: 1 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s",
        "at: 5 s, on: all, fault: can_missing_message, message: BatteryPack, for: 10 s",
        "at: 5 s, on: all, fault: can_error_frames, rate: 0.3, for: 2 s",
        "at: 5 s, on: all, fault: can_error_frames, rate: 0.1, for: 3 s",
        "at: 5 s, on: all, fault: can_bus_off, node: BMS",
    )
    injector.run(5)
    assert can.faults.error_rate == pytest.approx(0.4)
    injector.run(11)
    assert can.faults.silent("BatteryPack").all()
    assert not can.faults.silent("BatteryCharge").any()  # recovered after two seconds
    assert (can.faults.error_rate == 0).all()
    injector.run(15)
    assert not can.faults.silent("BatteryPack").any()


def test_other_faults_strike_anybody() -> None:
    world, can, injector = make(
        "at: 1 s, on: plain, fault: dtc, code: P0A80",
        "at: 1 s, on: plain, fault: ota_failure, step: -3, for: 5 s",
        "at: 1 s, on: instrumented, fault: can_counter_jump, message: VehicleMotion, by: 3",
    )
    injector.run(1)
    assert [code.code for code in world.dtcs(0)] == ["P0A80"]
    assert world.fleet.ota_failure[:4].tolist() == [-3, -3, -3, 0]
    assert can.faults.counter_jump.sum() == 9
    injector.run(6)
    assert not world.fleet.ota_failure.any()
    assert np.asarray(world.dtcs(0)).size


def test_a_label_tells_the_truth() -> None:
    world, _, injector = make("at: 5 s, on: 1 of more, fault: can_stuck_signal, signal: VehicleSpeed, for: 7 s")
    (change,) = injector.run(5)
    (row,) = change.rows.tolist()
    label = injector.label(change, row)
    vin = world.fleet.vins[row].decode()
    assert label.topic == f"/pk/{vin}/user/label"
    assert json.loads(label.payload) == {
        "fault": "can_stuck_signal",
        "phase": "begin",
        "time": world.scenario.start_ms + 5000,
        "vehicle": vin,
        "parameters": {"signal": "VehicleSpeed"},
    }


@pytest.mark.program
def test_a_run_publishes_labels_and_is_the_same_again(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(
        HEAD
        + "  - {at: 3 s, on: all, fault: can_bus_off, node: BMS, for: 2 s}\n"
        + "  - {between: [2 s, 8 s], on: any plain, fault: dtc, code: P0AA6}\n"
    )
    summaries = []
    for _ in range(2):
        program = Program("run", str(tmp_path / "s.yaml"), "--mqtt-port", "0", "--for", "12s", "--speed", "max", "-q")
        assert program.ready
        code, lines, errors = program.finish()
        assert code == 0, errors
        summaries.append(lines[-1]["summary"])
    assert summaries[0]["published"]["label"] == 5 * 2 + 1
    # Five vehicles, three buses, two topics, eleven seconds; two seconds of the battery bus keep only the charger's.
    assert summaries[0]["published"]["can_batch"] == 5 * 3 * 2 * 11
    assert summaries[0]["sha256"] == summaries[1]["sha256"]


def test_the_faults_of_the_documentation_are_read() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "can.md").read_text()
    block = text.split("```yaml\nfaults:\n", 1)[1].split("```", 1)[0]
    head = HEAD.replace("name: plain", "name: commuters").replace("duration: 2 min", "duration: 30 min")
    assert len(parse_scenario(head + block).faults) == block.count("fault:") == 6
