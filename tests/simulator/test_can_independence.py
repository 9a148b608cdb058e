"""What is wrong on the buses of one car, or who else is awake, changes no frame of another car."""

from __future__ import annotations

from collections import defaultdict

import pytest

from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.wire.render.can import can_batches

HEAD = """
name: Buses
start: 2026-11-23T08:00+08:00
duration: 10 min
charging_stations:
  - {name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 20}]}
fleets:
"""
CAN = "{driving: 10 s, charging: 10 s, parked: 1 min, detail: 1 min, can: {vehicles: 3}}"


def fleet(name: str, count: int, agenda: str, telemetry: str = CAN) -> str:
    models = "{bmw-i4-edrive40-2022: 1}"
    return f"  - {{name: {name}, count: {count}, models: {models}, agenda: {agenda}, telemetry: {telemetry}}}\n"


TESTERS = fleet("testers", 3, "{cycle: WLTC}")
#: Asleep until a minute after the start; they arrive within the ten minutes, and rest.
COMMUTERS = fleet("commuters", 3, "{commuter: {leaves_home: '08:01'}}")
TAXIS = fleet("taxis", 3, "{ride_hailing: {charge_below: 0.9, charge_to: 0.95}}")


def frames(fleets: str, *faults: str, seconds: int) -> dict[str, list[bytes]]:
    """The batches of every car, by fleet and number, in the order of time."""
    text = HEAD + fleets + "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults) if faults else HEAD + fleets
    world = World(parse_scenario(text), seed=5)
    vins = {
        row: (f"{name} {row - rows.start}", bytes(world.fleet.vins[row]))
        for name, rows, _ in world.fleets
        for row in range(rows.start, rows.stop)
    }
    found: dict[str, list[bytes]] = defaultdict(list)
    while world.elapsed_s < seconds:
        for second in world.advance().can:
            for places, payloads in can_batches(second, world.fleet.vins):
                for row, payload in zip(second.vehicles[places].tolist(), payloads, strict=True):
                    name, vin = vins[row]
                    # A fleet's plant goes by its place among the fleets; here all else is to be compared.
                    found[name].append(payload.tobytes().replace(vin, b"VIN"))
    return found


FAULTS = {
    "error frames": "at: 3 s, on: 1 of testers, fault: can_error_frames, rate: 40, for: 4 s",
    "stuck": "at: 3 s, on: 1 of testers, fault: can_stuck_signal, signal: VehicleSpeed, for: 4 s",
    "checksum": "at: 3 s, on: 1 of testers, fault: can_wrong_checksum, message: VehicleMotion, for: 4 s",
    "bus off": "at: 3 s, on: 1 of testers, fault: can_bus_off, node: BMS, for: 4 s",
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_on_one_bus_reaches_no_other(name: str) -> None:
    well, ill = frames(TESTERS, seconds=12), frames(TESTERS, FAULTS[name], seconds=12)
    assert sum(ill[car] != well[car] for car in well) == 1


def test_error_frames_of_one_car_do_not_depend_on_who_else_has_them() -> None:
    some = "at: 2 s, on: {}, fault: can_error_frames, rate: 40"
    all_ill = frames(TESTERS, some.format("all"), seconds=8)
    for one in (some.format("1 of testers"), some.format("2 of testers")):
        well, ill = frames(TESTERS, seconds=8), frames(TESTERS, one, seconds=8)
        struck = [car for car in well if ill[car] != well[car]]
        assert struck
        assert all(ill[car] == all_ill[car] for car in struck)


@pytest.mark.long
def test_buses_that_wake_do_not_know_whether_others_were_awake() -> None:
    stuck = "at: 5 s, on: all commuters, fault: can_stuck_signal, signal: VehicleSpeed, for: 2 min"
    alone = frames(COMMUTERS, stuck, seconds=300)
    assert set(alone) == {"commuters 0", "commuters 1", "commuters 2"}
    beside = frames(COMMUTERS + TESTERS, stuck, seconds=300)
    assert {car: beside[car] for car in alone} == dict(alone)


@pytest.mark.long
def test_a_session_begins_with_the_same_frames_whoever_else_is_awake() -> None:
    alone, beside = frames(TAXIS, seconds=400), frames(TAXIS + TESTERS, seconds=400)
    assert len(alone) == 3
    assert {car: beside[car] for car in alone} == dict(alone)
