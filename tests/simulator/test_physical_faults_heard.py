"""Physical faults as others see them: a subscriber, a reader of the car's buses, a platform of GB/T 32960."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from jinqiao.base.telemetry import Step
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.can.database import of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.gbt32960.columns import VehicleReader
from jinqiao.vehicles.gbt32960.writer import FrameWriter
from jinqiao.wire.gbt32960.frame import as_json, decode_frame
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import StepRenderer

HEAD = """
name: Heard
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 h
fleets:
  - name: benches
    count: 2
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {cycle: UDDS}
    initial_soc: 0.48
    telemetry: {detail: 1 s, can: {vehicles: 2, buses: [battery]}}
  - name: taxis
    count: 2
    models: {bmw-i4-edrive40-2022: 1}
    agenda: {ride_hailing: {charge_below: 0.5, charge_to: 0.8}}
    initial_soc: 0.4
    telemetry: {charging: 1 s, detail: 1 s, can: {vehicles: 2, buses: [charger]}}
charging_stations:
  - {name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 6}]}
faults:
"""
#: PF of the end of a charge as the car says it, and of its state.
BST, BSM = 0x19, 0x13


def steps(*faults: str, until: int) -> Iterator[tuple[World, Step]]:
    world = World(parse_scenario(HEAD + "".join(f"  - {{{fault}}}\n" for fault in faults)), seed=5)
    while world.elapsed_s < until:
        yield world, world.advance()


def published(world: World, renderer: StepRenderer, step: Step) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topic and JSON of everything that is said of a step but raw data."""
    for kind, block in renderer.blocks(step):
        if kind in ("can", "raw"):
            continue
        data, at = bytes(block.data), 0
        while at < len(data):
            begin, end = frame(data, at)  # type: ignore[misc]
            packet = decode(data[at], data[begin:end])
            assert isinstance(packet, Publish)
            if not packet.topic.endswith(("up_raw", "user/can")):
                yield packet.topic, json.loads(packet.payload)
            at = end


def test_a_subscriber_sees_cell_alarm_trouble_code_and_label() -> None:
    vin, shown, codes, labels = "", {}, [], []
    renderer = None
    fault = "at: 10 s, on: 1 of benches, fault: cell_overheat, cell: 17, rate: 10 degC/min, up_to: 60 degC"
    for world, step in steps(fault, until=340):
        vins = world.fleet.vins
        renderer = renderer or StepRenderer("a1JinqiaoEV", vins, vins)
        if step.labels:
            vin = vins[step.labels[0].vehicles[0]].decode()
        for topic, message in published(world, renderer, step):
            if topic.endswith("/user/label"):
                labels.append(message)
            elif vin and f"/{vin}/" in topic and "DtcReported" in topic:
                codes.append(message["params"]["value"]["Code"])
            elif vin and f"/{vin}/" in topic and topic.endswith("/property/post"):
                shown |= {name: value["value"] for name, value in message["params"].items()}
    assert labels[0]["fault"] == "cell_overheat"
    assert labels[0]["vehicle"] == vin
    assert labels[0]["parameters"] == {"cell": 17, "rate": 10.0, "up_to": 60.0}
    assert shown["battery:CellTemperatureMax"] > 65
    assert shown["AlarmLevel"] == 3
    assert shown["diagnostics:DtcCount"] == 1
    assert codes == ["P0A7E"]
    assert shown["battery:ChargePowerLimit"] == 0


@pytest.fixture(scope="module")
def database() -> Database:
    found = cantools.database.load_string(dbc_text(of_bus(None), "All"), "dbc", strict=True)
    assert isinstance(found, Database)
    return found


def test_a_reader_of_the_battery_s_bus_sees_the_cell_and_the_leak(database: Database) -> None:
    found: dict[str, float] = {}
    faults = (
        "at: 10 s, on: all benches, fault: cell_overheat, cell: 17, rate: 10 degC/min",
        "at: 10 s, on: all benches, fault: weak_cell, cell: 17, resistance: 8",
        "at: 10 s, on: all benches, fault: isolation_loss, over: 10 s",
        "at: 10 s, on: all benches, fault: contactor_stuck, position: closed",
    )
    for _, step in steps(*faults, until=130):
        for second in step.can:
            if second.vehicles[0] != 0:
                continue
            for place in range(int(second.counts[0])):
                data = second.data[place, : second.length[place]].tobytes()
                found |= database.decode_message(int(second.id[place]), data, decode_choices=False)  # type: ignore[arg-type,operator]
    degc = {name: value for name, value in found.items() if name.startswith("CellTemperature") and name[-1].isdigit()}
    degc = {name: value for name, value in degc.items() if value < 190}
    assert max(degc, key=degc.__getitem__) == "CellTemperature017"
    assert degc["CellTemperature017"] == pytest.approx(found["CellTemperatureMax"], abs=1.2)
    volts = {name: v for name, v in found.items() if name.startswith("CellVoltage") and name[-1].isdigit() and v < 6}
    odd = abs(volts["CellVoltage017"] - float(np.median(list(volts.values()))))
    assert odd == max(abs(v - float(np.median(list(volts.values())))) for v in volts.values())
    assert sum(volts.values()) == pytest.approx(found["PackVoltage"], abs=6)  # frames of one turn, a second apart
    assert found["InsulationResistance"] == pytest.approx(30, abs=1)
    assert found["AlarmLevel"] == 3
    assert found["ContactorState"] == 3


@pytest.mark.parametrize(
    ("fault", "bit"),
    [
        ("cell_overheat, rate: 10 degC/min", 4),
        ("isolation_loss, over: 10 s", 0),
        ("connector_overheat, resistance: 20 mOhm", 1),
    ],
)
def test_on_the_charger_s_bus_the_car_says_why_it_ends_the_charge(fault: str, bit: int) -> None:
    ends: list[bytes] = []
    states: list[bytes] = []
    for _, step in steps(f"at: 60 s, on: 1 of charging taxis, fault: {fault}", until=400):
        for second in step.can:
            if second.bus != "charger":
                continue
            for identifier, length, data in zip(second.id, second.length, second.data, strict=True):
                pf = int(identifier) >> 16 & 0xFF
                if pf == BST:
                    ends.append(data[:length].tobytes())
                elif pf == BSM:
                    states.append(data[:length].tobytes())
    assert {(end[1] | end[2] << 8) >> 2 * bit & 0b11 for end in ends} == {1}
    assert {end[0] for end in ends} == {0}  # no wished state reached
    if bit == 0:
        assert {state[6] & 0b11 for state in states} == {0, 1}


@pytest.mark.parametrize("edition", ["2016", "2025"])
def test_a_platform_of_gbt_32960_reads_the_alarms(edition: str) -> None:
    faults = (
        "at: 5 s, on: all benches, fault: thermal_runaway",
        "at: 5 s, on: all benches, fault: dc_dc_failure",
        "at: 5 s, on: all benches, fault: isolation_loss, over: 10 s",
    )
    *_, (world, _) = steps(*faults, until=60)
    rows = np.array([0, 1])
    wires = FrameWriter(edition).write(world.fleet.vins[rows], world.time_ms, VehicleReader(world.fleet).read(rows))
    for wire in wires:
        read = decode_frame(wire)
        alarms = as_json(read)["data"]["alarms"]
        assert alarms["level"] == 3
        expected = {"battery_hot", "temperature_difference", "cells_uneven", "insulation", "dcdc_state"}
        assert expected <= set(alarms["flags"])
        assert ("pack_thermal_event" in alarms["flags"]) == (edition == "2025")
        assert as_json(read)["data"]["vehicle"]["dcdc"] == "off"
