"""What the fleets have done, counted: against what their telemetry and events say."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World


def run(world: World, seconds: int) -> list:
    events = []
    while world.next_busy_s() < seconds:
        events += world.advance().events
    return events


@pytest.mark.long
def test_each_fleets_figures_are_those_of_its_cars(make_world, fleet_text) -> None:
    world = make_world(
        fleet_text(6, "ride_hailing", "0.1"), fleet_text(3, "{cycle: WLTC}", "0.5"), start="2026-11-23T10:00+08:00"
    )
    odometer_m = world.fleet.odometer_m.copy()
    events = run(world, 5400)
    taxis, cycle = world.figures()["fleet0"], world.figures()["fleet1"]
    assert (taxis.vehicles, cycle.vehicles) == (6, 3)
    assert taxis.distance_km == pytest.approx((world.fleet.odometer_m - odometer_m)[:6].sum() / 1000.0)
    assert cycle.distance_km > 50.0
    assert 0.1 < cycle.energy_kwh / cycle.distance_km < 0.3
    assert (cycle.sessions, cycle.charged_kwh, cycle.queued_s) == (0, 0.0, 0)
    started = [event for event in events if event.identifier == "ChargingStarted"]
    finished = [float(event.output["EnergyKwh"]) for event in events if event.identifier == "ChargingFinished"]
    assert taxis.sessions == len(started) > 2
    still = sum(world.fleet.energy_charged_kwh[world.fleet.charging_state == 2])
    assert taxis.charged_kwh == pytest.approx(sum(finished) + still, abs=0.01)
    assert taxis.rescues == 0


@pytest.mark.long
def test_waiting_is_counted_to_the_present_second(make_world, fleet_text) -> None:
    one_plug = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 1}]}]"
    world = make_world(fleet_text(4, "ride_hailing", "0.1"), start="2026-11-23T10:00+08:00", stations=one_plug)
    waited_s = 0
    while world.next_busy_s() < 3600:
        world.advance()
        waited_s += world.counts()["queueing"]
    assert world.figures()["fleet0"].queued_s == pytest.approx(waited_s, abs=world.fleet.n * 2)
    assert waited_s > 3600


def test_without_a_station_the_rescue_van_comes_and_is_counted(make_world, fleet_text) -> None:
    world = make_world(fleet_text(3, "ride_hailing", "0.1"), start="2026-11-23T10:00+08:00", stations="[]")
    run(world, 600)
    figures = world.figures()["fleet0"]
    assert figures.rescues == figures.sessions > 0


@pytest.mark.long
def test_the_figures_change_nothing_of_the_run(make_world, fleet_text) -> None:
    worlds = [make_world(fleet_text(5, "commuter", "uniform(0.2, 0.9)")) for _ in range(2)]
    for world in worlds:
        run(world, 1200)
    worlds[0].figures()
    assert worlds[0].figures().keys() == {"fleet0"}
    for world in worlds:
        run(world, 2400)
    np.testing.assert_array_equal(*(world.fleet.odometer_m for world in worlds))


PLAN = """\
name: Asked
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets:
  - {name: runners, count: 5, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.9}
  - {name: sleepers, count: 10, models: {bmw-ix3-2021: 1}, agenda: {commuter: {leaves_home: '20:00'}}, initial_soc: 0.9}
commands:
  - {at: 1 min, on: 50 of sleepers, service: Lock}
  - {at: 1 min, on: all, service: Unlock}
  - {at: 1 min, on: charging, service: StopCharging}
  - {at: 59 min, on: any, service: Lock}
faults:
  - {at: 30 s, on: 2 of sleepers, fault: dtc, code: P0A80}
  - {at: 30 s, on: any driving, fault: charger_fault}
  - {between: [30 min, 40 min], on: any, fault: dtc, code: P0A80}
"""


def test_what_was_asked_matched_and_obeyed_is_counted_for_each_command_and_fault() -> None:
    world = World(parse_scenario(PLAN), seed=1)
    run(world, 120)
    given = [one.as_json() for one in world.commands_given]
    assert [(one["command"], one["asked"], one["matched"], one["obeyed"], one["given"]) for one in given] == [
        ("Lock", 50, 10, 10, True),
        ("Unlock", None, 15, 10, True),
        ("StopCharging", None, 0, 0, True),
        ("Lock", 1, 0, 0, False),
    ]
    faults = [one.as_json() for one in world.faults.of_file]
    assert [(one["fault"], one["at_s"], one["asked"], one["struck"], one["began"]) for one in faults] == [
        ("dtc", 30, 2, 2, True),
        ("charger_fault", 30, 1, 0, True),
        ("dtc", None, 1, 0, False),
    ]
    assert faults[0]["code"] == "P0A80"
