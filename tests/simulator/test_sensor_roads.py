"""A wrong sensor is told alike on every road: Alink, protobuf, CAN, GB/T 32960, diagnostics, a look from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cantools
import numpy as np
import pytest
from cantools.database.can import Database

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import EXTENDED, Step
from jinqiao.simulator.buses.diagnostics import BUS, Diagnostics
from jinqiao.simulator.language.measured import ADDRESSES
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.telemetry.v1.telemetry_pb2 import VehicleSample
from jinqiao.vehicles.can.database import of_bus
from jinqiao.vehicles.can.dbc import dbc_text
from jinqiao.vehicles.gbt32960.columns import VehicleReader
from jinqiao.vehicles.gbt32960.writer import FrameWriter
from jinqiao.wire.gbt32960.frame import decode_frame
from jinqiao.wire.render import StepRenderer

HEAD = """name: Roads
seed: 5
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets:
  - name: cars
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: WLTC}
    telemetry: {driving: 1 s, detail: 1 s, can: {vehicles: 3}}
faults:
"""
#: The car at which all faults of these tests strike, and the one at which none does.
STRUCK, WELL = 1, 2


class Roads:
    """A world just after second `at_s`, with what it said in that second on each road."""

    def __init__(self, at_s: int, *faults: tuple[str, str, float, float]) -> None:
        self.world = World(parse_scenario(HEAD + "  - {at: 1 s, on: any, fault: dtc, code: P0A80}\n"), seed=5)
        while self.world.elapsed_s < 60:
            self.world.advance()
        for number, (kind, signal, amount, chance) in enumerate(faults):
            rows = np.array([STRUCK])
            self.world.reported.begin(number, kind, ADDRESSES[signal].name, rows, amount, chance)  # type: ignore[arg-type]
        self.step = Step(0)
        while self.world.elapsed_s < at_s:
            self.step = self.world.advance()

    def posts(self, row: int, *, protobuf: bool) -> dict[str, Any]:
        """Values by the thing model's address, from packets."""
        fleet = self.world.fleet
        renderer = StepRenderer("a1JinqiaoEV", fleet.vins, fleet.vins, np.full(fleet.n, protobuf))
        found: dict[str, Any] = {}
        for kind, block in renderer.blocks(self.step):
            for place in np.flatnonzero(block.vehicles == row).tolist():
                if kind == "protobuf_sample":
                    sample = VehicleSample.FromString(block.payload(place))
                    found |= {SIGNALS[f.name].identifier: v for f, v in sample.ListFields() if f.name in SIGNALS}
                elif kind == "property_post":
                    for name, item in json.loads(block.payload(place))["params"].items():
                        found |= _parts(name, item["value"])
        return found

    def can(self, row: int, database: Database) -> dict[str, float]:
        """The last value of each signal of the DBC in this second."""
        found: dict[str, float] = {}
        for second in self.step.can:
            starts = np.cumsum(second.counts) - second.counts
            place = second.vehicles.tolist().index(row)
            for at in range(starts[place], starts[place] + second.counts[place]):
                message = database.get_message_by_frame_id(int(second.id[at]) & ~EXTENDED)
                decoded = message.decode(second.data[at, : second.length[at]].tobytes(), decode_choices=False)
                assert isinstance(decoded, dict)
                found |= {name: value for name, value in decoded.items() if isinstance(value, int | float)}
        return found

    def gbt(self, row: int, edition: str) -> Mapping[str, Any]:
        """The items of its real-time frame."""
        world, rows = self.world, np.array([row])
        around = world.surroundings(rows)
        known = {name: around[name] for name in ("longitude", "latitude", "coordinate_system", "satellites")}
        readings = VehicleReader(world.fleet).read(rows, known, world.tell)
        (frame,) = FrameWriter(edition).write(world.fleet.vins[rows], world.time_ms, readings)
        data = decode_frame(frame).data
        assert data is not None
        return data

    def ask(self, row: int, request: str) -> bytes | None:
        """What the control unit of a car answers in one frame."""
        data = bytes.fromhex(request)
        asked = CanBatch(bus=BUS, id=[0x7E0], offset_us=[0], length=bytes([len(data)]), data=data.ljust(8, b"\0"))
        told = Diagnostics(self.world).respond(row, asked.SerializeToString())
        return None if told is None else CanBatch.FromString(told).data


def _parts(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"{name}.{member}": part for member, part in value.items()}
    if isinstance(value, list):
        return {f"{name}[{index}]": part for index, part in enumerate(value)}
    return {name: value}


@pytest.fixture(scope="module")
def database() -> Database:
    found = cantools.database.load_string(dbc_text(of_bus(None), "All"), "dbc", strict=True)
    assert isinstance(found, Database)
    return found


def true_value(roads: Roads, signal: str, row: int) -> float:
    for batch in roads.step.true_batches:
        if signal in batch.signals:
            return float(batch.signals[signal][batch.vehicles.tolist().index(row)])
    raise AssertionError(signal)


def test_a_stuck_speed_is_the_same_everywhere(database: Database) -> None:
    before = Roads(61)
    roads = Roads(90, ("stuck", "VehicleSpeed", 0.0, 0.0))
    held = roads.posts(STRUCK, protobuf=False)["VehicleSpeed"]
    assert held != pytest.approx(true_value(roads, "speed", STRUCK), abs=1)
    assert held == pytest.approx(before.gbt(STRUCK, "2016")["vehicle"]["speed_kmh"], abs=5)
    assert roads.posts(STRUCK, protobuf=True)["VehicleSpeed"] == pytest.approx(held)
    assert roads.can(STRUCK, database)["VehicleSpeed"] == pytest.approx(held, abs=0.051)
    for edition in ("2016", "2025"):
        assert roads.gbt(STRUCK, edition)["vehicle"]["speed_kmh"] == pytest.approx(held, abs=0.051)
    answer = roads.ask(STRUCK, "02010D")
    assert answer is not None
    assert answer[3] == round(held)
    assert roads.can(WELL, database)["VehicleSpeed"] == pytest.approx(true_value(roads, "speed", WELL), abs=2)


def test_noise_is_the_same_on_every_road_in_the_same_second() -> None:
    roads = Roads(80, ("noise", "battery:PackVoltage", 20.0, 0.0), ("spike", "AmbientTemperature", 30.0, 1.0))
    told = roads.posts(STRUCK, protobuf=False)
    assert abs(told["battery:PackVoltage"] - true_value(roads, "pack_voltage", STRUCK)) > 0.5
    assert told["AmbientTemperature"] == pytest.approx(true_value(roads, "ambient_temperature", STRUCK) + 30)
    assert roads.posts(STRUCK, protobuf=True)["battery:PackVoltage"] == pytest.approx(told["battery:PackVoltage"])
    data = roads.gbt(STRUCK, "2016")
    assert data["vehicle"]["voltage_v"] == pytest.approx(told["battery:PackVoltage"], abs=0.051)
    assert data["cells"][0]["voltage_v"] == data["motors"][0]["controller_v"] == data["vehicle"]["voltage_v"]
    answer = roads.ask(STRUCK, "03220101")
    assert answer is not None
    assert int.from_bytes(answer[4:6], "big") / 10 == pytest.approx(told["battery:PackVoltage"], abs=0.051)
    answer = roads.ask(STRUCK, "020146")
    assert answer is not None
    assert answer[3] - 40 == pytest.approx(told["AmbientTemperature"], abs=0.51)
    looked = roads.world.look(np.array([STRUCK]))
    assert round(float(looked[0].signals["pack_voltage"][0]), 1) == told["battery:PackVoltage"]


def test_frames_of_all_cells_agree_with_a_highest_cell_that_is_told_wrong(database: Database) -> None:
    roads = Roads(
        80, ("offset", "battery:CellVoltageMax", 0.5, 0.0), ("offset", "battery:CellTemperatureMin", -12.0, 0.0)
    )
    told = roads.posts(STRUCK, protobuf=False)
    assert told["battery:CellVoltageMax"] == pytest.approx(
        true_value(roads, "cell_voltage_max", STRUCK) + 0.5, abs=1e-3
    )
    data, later = roads.gbt(STRUCK, "2016"), roads.gbt(STRUCK, "2025")
    assert data["extremes"]["highest_v"] == pytest.approx(told["battery:CellVoltageMax"], abs=0.0011)
    assert data["extremes"]["lowest_v"] == pytest.approx(told["battery:CellVoltageMin"], abs=0.0011)
    assert data["extremes"]["coldest_degc"] == pytest.approx(told["battery:CellTemperatureMin"], abs=0.51)
    assert max(data["cells"][0]["cells_v"]) == data["extremes"]["highest_v"]
    assert max(later["cells"][0]["cells_v"]) == data["extremes"]["highest_v"]
    assert min(data["probes"][0]["probes_degc"]) == data["extremes"]["coldest_degc"]
    assert "cells_uneven" in data["alarms"]["flags"]  # which follows from what the frame itself says
    values = roads.can(STRUCK, database)
    assert values["CellVoltageMax"] == pytest.approx(told["battery:CellVoltageMax"], abs=0.002)
    # As the columns that CAN frames are made of: they reach all cells only in turns.
    snapshot = roads.world.buses._snapshots.take(0.0, roads.world.surroundings(np.arange(3)), roads.world.tell)
    cells = snapshot["cell_voltages"][STRUCK][: snapshot["series_cells"][STRUCK]]
    assert cells.max() == pytest.approx(told["battery:CellVoltageMax"], abs=0.001)
    plain = roads.world.buses._snapshots.take(0.0, roads.world.surroundings(np.arange(3)))
    assert snapshot["cell_voltages"][WELL].tobytes() == plain["cell_voltages"][WELL].tobytes()


def test_a_highest_cell_below_the_lowest_is_still_what_is_told() -> None:
    roads = Roads(80, ("offset", "battery:CellVoltageMax", -1.0, 0.0))
    told = roads.posts(STRUCK, protobuf=False)
    assert told["battery:CellVoltageMax"] < told["battery:CellVoltageMin"]
    extremes = roads.gbt(STRUCK, "2016")["extremes"]
    assert extremes["highest_v"] == pytest.approx(told["battery:CellVoltageMax"], abs=0.0011)
    assert extremes["lowest_v"] == pytest.approx(told["battery:CellVoltageMin"], abs=0.0011)


def test_a_missing_value_is_absent_or_invalid_or_what_it_was(database: Database) -> None:
    gone = ("VehicleSpeed", "GeoLocation.Longitude", "VehicleState", "battery:CellVoltageMax", "AlarmLevel")
    roads = Roads(90, *(("dropout", signal, 0.0, 0.0) for signal in gone))
    for protobuf in (False, True):
        told = roads.posts(STRUCK, protobuf=protobuf)
        assert not {*gone, "GeoLocation.Latitude"} & told.keys()
        assert {*gone, "GeoLocation.Latitude"} <= roads.posts(WELL, protobuf=protobuf).keys() | {"AlarmLevel"}
        assert "StateOfCharge" in told
    data, well = roads.gbt(STRUCK, "2016"), roads.gbt(WELL, "2016")
    assert data["vehicle"]["speed_kmh"] == data["vehicle"]["state"] == "invalid"
    assert data["alarms"]["level"] == data["extremes"]["highest_v"] == "invalid"
    assert data["position"]["status"]["not_valid"]
    assert not well["position"]["status"]["not_valid"]
    assert isinstance(well["vehicle"]["speed_kmh"], float | int)
    assert max(data["cells"][0]["cells_v"]) == pytest.approx(true_value(roads, "cell_voltage_max", STRUCK), abs=0.0011)
    assert roads.gbt(STRUCK, "2025")["vehicle"]["speed_kmh"] == "invalid"
    first = Roads(62, ("dropout", "VehicleSpeed", 0.0, 0.0)).can(STRUCK, database)["VehicleSpeed"]
    assert roads.can(STRUCK, database)["VehicleSpeed"] == first
    assert roads.ask(STRUCK, "02010D") is None
    assert roads.ask(STRUCK, "03220109") == bytes.fromhex("037F2222CCCCCCCC")
    assert roads.ask(WELL, "02010D") is not None


def test_every_road_bears_every_signal_at_its_worst(database: Database) -> None:
    """Extreme offsets on everything at once: numbers stay in range, and nothing breaks."""
    for amount in (-1.0, 1.0):
        faults = [("offset", s.identifier, amount * (s.high - s.low), 0.0) for s in ADDRESSES.values()]
        roads = Roads(64, *faults)
        assert len(roads.posts(STRUCK, protobuf=False)) == len(ADDRESSES)
        assert roads.can(STRUCK, database)
        for edition in ("2016", "2025"):
            assert roads.gbt(STRUCK, edition)
        for request in ("02010D", "02019A", "03220101"):
            assert roads.ask(STRUCK, request) is not None
