"""GB/T 27930 on the charger's bus of a run: the session that the telemetry shows, message by message."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest

from jinqiao.base.telemetry import Command, Event, Step
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.wire.render.can import can_batches

CARS = 6
SCENARIO = f"""
name: Charger bus
seed: 5
start: 2026-11-23T08:00+08:00
duration: 2 h
fleets:
  - name: taxis
    count: {CARS}
    models: {{bmw-i4-edrive40-2022: 1}}
    agenda: {{ride_hailing: {{shift: 10 h, charge_below: 0.5, charge_to: 0.55}}}}
    initial_soc: uniform(0.45, 0.49)
    telemetry: {{can: {{vehicles: {CARS}, buses: [charger]}}}}
charging_stations:
  - {{name: Hub, at: [31.2497, 121.5957], connectors: [{{kind: dc, power: 120 kW, count: 6}}]}}
"""
# PF of the reference's table of messages.
CHM, BHM, CRM, BRM, BCP, CTS, CML, BRO, CRO = 0x26, 0x27, 0x01, 0x02, 0x06, 0x07, 0x08, 0x09, 0x0A
BCL, BCS, CCS, BSM, BST, CST, BSD, CSD = 0x10, 0x11, 0x12, 0x13, 0x19, 0x1A, 0x1C, 0x1D
TP_CM, TP_DT = 0xEC, 0xEB


@dataclass
class Car:
    """What one car's cable heard: (ms since the run's start, PF, data), long messages put together."""

    heard: list[tuple[float, int, bytes]] = field(default_factory=list)
    #: By second: pack voltage, current, displayed charge, charge power.
    shown: dict[int, tuple[float, float, float, float]] = field(default_factory=dict)
    events: list[tuple[int, Event]] = field(default_factory=list)
    _long: bytearray = field(default_factory=bytearray)
    _awaited: tuple[int, int] = (0, 0)

    def hear(self, time_ms: float, identifier: int, data: bytes) -> None:
        pf = identifier >> 16 & 0xFF
        if pf == TP_CM and data[0] == 0x10:
            self._long, self._awaited = bytearray(), (data[1] | data[2] << 8, data[6])
        elif pf == TP_DT:
            assert data[0] == len(self._long) // 7 + 1
            self._long += data[1:8]
            if len(self._long) >= self._awaited[0]:
                self.heard.append((time_ms, self._awaited[1], bytes(self._long[: self._awaited[0]])))
        elif pf != TP_CM:
            self.heard.append((time_ms, pf, data))

    def of(self, pf: int) -> list[tuple[float, bytes]]:
        return [(time_ms, data) for time_ms, kind, data in self.heard if kind == pf]


def u16(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def batches(world: World, step: Step) -> Iterator[tuple[int, CanBatch]]:
    for second in step.can:
        for places, payloads in can_batches(second, world.fleet.vins):
            for row, payload in zip(second.vehicles[places].tolist(), payloads, strict=True):
                yield row, CanBatch.FromString(payload.tobytes())


def drive(seconds: int, commands: dict[int, str] | None = None, scenario: str = SCENARIO) -> list[Car]:
    """Run the scenario; `commands` are services for car 0 by second."""
    world = World(parse_scenario(scenario), seed=5)
    cars = [Car() for _ in range(world.fleet.n)]
    while world.elapsed_s < seconds:
        for _, service in sorted((at, name) for at, name in (commands or {}).items() if at == world.elapsed_s):
            assert world.execute(Command(0, "service", service)).code == 200
        step = world.advance()
        for event in step.events:
            cars[event.vehicle].events.append((world.elapsed_s, event))
        core = next(batch for batch in world.look(np.arange(world.fleet.n)) if batch.group == "core")
        names = ("pack_voltage", "pack_current", "soc_displayed", "charge_power")
        for row, car in enumerate(cars):
            voltage, current, soc, power = (float(core.signals[name][row]) for name in names)
            car.shown[world.elapsed_s] = (voltage, current, soc, power)
        for row, batch in batches(world, step):
            assert batch.bus == "charger"
            assert 0 < batch.load < 0.5
            start_ms = batch.start_ms - world.scenario.start_ms
            assert list(batch.offset_us) == sorted(batch.offset_us)
            assert max(batch.offset_us) < 1_000_000
            for place, (offset_us, identifier, length) in enumerate(
                zip(batch.offset_us, batch.id, batch.length, strict=True)
            ):
                assert identifier >> 31
                data = batch.data[8 * place : 8 * place + length]
                cars[row].hear(start_ms + offset_us / 1000, identifier & 0x1FFFFFFF, data)
    return cars


@pytest.fixture(scope="module")
def cars() -> list[Car]:
    """Those that were at the station and left it."""
    gone = [car for car in drive(400) if "ChargingFinished" in {event.identifier for _, event in car.events}]
    assert len(gone) >= 3
    return gone


def test_a_session_speaks_in_the_order_of_the_standard(cars: list[Car]) -> None:
    for car in cars:
        first: dict[int, float] = {}
        for time_ms, pf, _ in car.heard:
            first.setdefault(pf, time_ms)
        order = [CHM, BHM, CRM, BRM, BCP, CML, BRO, CRO, BCL, CCS, BST, CST, BSD, CSD]
        assert [first[pf] for pf in order[:8]] == sorted(first[pf] for pf in order[:8])
        assert max(first[pf] for pf in order[:8]) < first[BCL] < first[BST] < first[BSD] < first[CSD]
        results = [data[0] for _, data in car.of(CRM)]
        assert results == sorted(results)
        assert set(results) == {0x00, 0xAA}


def test_current_is_wanted_when_the_telemetry_says_that_charging_has_begun(cars: list[Car]) -> None:
    for car in cars:
        started = next(at for at, event in car.events if event.identifier == "ChargingStarted")
        assert 0 < started * 1000 - car.of(BCL)[0][0] < 2000


def test_every_measured_value_is_the_telemetrys_of_the_same_second(cars: list[Car]) -> None:
    compared = 0
    for car in cars:
        for pf in (BCS, CCS):
            for time_ms, data in car.of(pf):
                if int(time_ms // 1000) + 1 not in car.shown:
                    continue  # nothing happened anywhere in that second
                voltage, current, soc, power = car.shown[int(time_ms // 1000) + 1]
                assert u16(data, 0) / 10 == pytest.approx(voltage, abs=0.051)
                wire_a = u16(data, 2) / 10 - 400
                if pf == BCS and power and int(time_ms) % 1000 > 250:  # a transfer may begin in the second before
                    assert wire_a == pytest.approx(max(-400.0, current), abs=0.051)
                    assert data[6] == pytest.approx(soc, abs=1.0)
                    compared += 1
                elif pf == CCS and power:
                    assert wire_a == pytest.approx(max(-400.0, -power * 1000 / voltage), abs=0.2)
                    compared += 1
    assert compared > 1000


def test_periods_are_the_standards(cars: list[Car]) -> None:
    for car in cars:
        for pf, period_ms in ((BCL, 50), (CCS, 50), (BSM, 250), (CHM, 250)):
            gaps = np.diff([time_ms for time_ms, _ in car.of(pf)])
            assert np.median(gaps) == pytest.approx(period_ms, rel=0.1)


def test_the_end_tells_why_and_how_much_as_the_event_does(cars: list[Car]) -> None:
    for car in cars:
        finished = next(event for _, event in car.events if event.identifier == "ChargingFinished")
        assert finished.output["StopReason"] == "limit reached"
        assert {data[0] & 0b11 for _, data in car.of(BST)} == {1}  # the wished state of charge is reached
        kwh, minutes = u16(car.of(CSD)[-1][1], 2) / 10, u16(car.of(CSD)[-1][1], 0)
        assert kwh == pytest.approx(float(finished.output["EnergyKwh"]), abs=0.06)
        assert minutes == pytest.approx(float(finished.output["DurationS"]) / 60, abs=0.6)


def test_a_pause_from_afar_is_a_pause_on_the_bus() -> None:
    car = drive(110, {60: "StopCharging", 80: "StartCharging"})[0]
    allowed = {int(time_ms // 1000): data[6] & 0b11 for time_ms, data in car.of(CCS)}
    assert {allowed[second] for second in range(40, 59)} == {1}
    assert {allowed[second] for second in range(62, 79)} == {0}
    assert {allowed[second] for second in range(82, 109)} == {1}


def test_a_charger_that_breaks_down_says_so_and_stands_on_the_label() -> None:
    world = World(parse_scenario(SCENARIO + "faults: [{at: 60 s, on: charging, fault: charger_fault}]"), seed=5)
    cars = [Car() for _ in range(world.fleet.n)]
    struck: list[int] = []
    while world.elapsed_s < 70:
        step = world.advance()
        for label in step.labels:
            struck = label.vehicles.tolist()
        for row, batch in batches(world, step):
            for place, (identifier, length) in enumerate(zip(batch.id, batch.length, strict=True)):
                cars[row].hear(0.0, identifier & 0x1FFFFFFF, batch.data[8 * place : 8 * place + length])
    assert len(struck) >= 3
    for row, car in enumerate(cars):
        # Byte 1 of CST, bits 5 and 6: a fault of the charger.
        assert {data[0] >> 4 & 0b11 for _, data in car.of(CST)} == ({1} if row in struck else set())


def test_a_car_on_an_ac_cable_says_nothing() -> None:
    scenario = SCENARIO.replace("ride_hailing: {shift: 10 h, charge_below: 0.5, charge_to: 0.55}", "commuter: {}")
    cars = drive(120, scenario=scenario.replace("2026-11-23T08:00", "2026-11-23T03:00"))
    assert not any(car.heard for car in cars)
