"""What the four agendas do with their day."""

from pathlib import Path

import numpy as np
import pytest

from jinqiao.simulator.agendas import AGENDAS
from jinqiao.simulator.agendas.base import agenda as agenda_of_the_table
from jinqiao.simulator.agendas_page import agendas_page
from jinqiao.simulator.town import DAY_S
from jinqiao.vehicles.cycles import load_cycle

PAGE = Path(__file__).parents[2] / "docs" / "agendas.md"
PARKED, DRIVING, CHARGING, QUEUEING = range(4)
SELDOM = "{driving: 10 s, charging: 1 min, parked: 1 h, detail: 1 h}"


def run(world, seconds):
    events = []
    while world.elapsed_s < seconds:
        events += world.advance().events
    return events


def test_an_agenda_is_known_by_the_name_of_its_language_and_no_two_by_one():
    assert {name: kind.language.kind for name, kind in AGENDAS.items()} == {name: name for name in AGENDAS}
    with pytest.raises(ValueError, match="two agendas are called 'commuter'"):
        agenda_of_the_table(AGENDAS["commuter"])


# Commuters.


def commuting(make_world, fleet_text, options="", soc="0.8", start="2026-11-23T07:00+08:00", count=6):
    agenda = f"{{commuter: {{leaves_home: 'uniform(07:30, 07:40)', leaves_work: 'uniform(17:00, 17:10)'{options}}}}}"
    world = make_world(fleet_text(count, agenda, soc, SELDOM), start=start)
    return world, world._agendas[0]


@pytest.mark.long
def test_a_commuter_drives_to_work_and_home_again_every_day(make_world, fleet_text):
    world, agenda = commuting(make_world, fleet_text)
    town = world.town
    assert (town.node[:] == agenda.home).all()
    morning = run(world, 3 * 3600)
    assert [e.identifier for e in morning] == ["TripFinished"] * 6
    assert (town.node == agenda.work).all()
    evening = run(world, 12 * 3600)
    assert sum(e.identifier == "TripFinished" for e in evening) == 6
    assert (town.node == agenda.home).all()
    next_day = run(world, DAY_S + 3 * 3600)
    assert sum(e.identifier == "TripFinished" for e in next_day) == 6
    assert (town.node == agenda.work).all()


@pytest.mark.long
def test_a_low_commuter_charges_at_home_to_his_limit(make_world, fleet_text):
    options = ", charge_below: 0.6, charge_to: 0.62, home_charger: 11 kW"
    world, _ = commuting(make_world, fleet_text, options, soc="0.5", count=3)
    assert world.counts()["charging"] == 3
    events = run(world, 16 * 3600)
    finished = [e for e in events if e.identifier == "ChargingFinished"]
    # In the morning there is too little time; the evening is long enough.
    assert [e.output["StopReason"] for e in finished] == ["stopped by driver"] * 3 + ["limit reached"] * 3
    assert [e.output["EndSoc"] for e in finished[3:]] == pytest.approx([62] * 3, abs=0.2)
    assert (world.fleet.plug_state == 1).all()
    assert world.counts()["parked"] == 3


@pytest.mark.parametrize(("start", "where"), [("12:00", "work"), ("22:00", "home"), ("03:00", "home")])
def test_commuters_are_where_they_should_be_at_any_hour(make_world, fleet_text, start, where):
    world, agenda = commuting(make_world, fleet_text, start=f"2026-11-23T{start}+08:00")
    assert (world.town.node == getattr(agenda, where)).all()
    assert world.counts()["parked"] == 6


def test_who_left_before_the_start_is_on_the_way(make_world, fleet_text):
    world, agenda = commuting(make_world, fleet_text, start="2026-11-23T07:41+08:00", count=40)
    assert world.counts()["driving"] > 20
    under_way = world.fleet.vehicle_state == DRIVING
    assert (world.town.node[under_way] != agenda.work[under_way]).all()
    assert (world.town.node[under_way] != agenda.home[under_way]).any()
    run(world, 3600)
    assert (world.town.node == agenda.work).all()


# Taxis and vans.


@pytest.mark.long
def test_taxis_carry_fares_all_through_a_shift_and_never_run_empty(make_world, fleet_text):
    hub = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 6}]}]"
    agenda = "{ride_hailing: {shift: 24 h, charge_to: 0.5}}"
    world = make_world(fleet_text(6, agenda, "uniform(0.15, 0.27)", SELDOM), stations=hub, seed=2)
    events, lowest = [], 1.0
    for minute in range(10, 61, 10):
        events += run(world, minute * 60)
        lowest = min(lowest, world.fleet.displayed_soc(slice(None)).min())
    trips = [e for e in events if e.identifier == "TripFinished"]
    assert len(trips) > 6
    assert {e.vehicle for e in events if e.identifier == "ChargingFinished"} == set(range(6))
    assert lowest > 0.05


@pytest.mark.long
def test_a_shift_ends_at_home(make_world, fleet_text):
    text = fleet_text(60, "{ride_hailing: {shift: 30 min}}", "0.9", SELDOM)
    world = make_world(text, start="2026-11-23T05:45+08:00")
    agenda, town = world._agendas[0], world.town
    on_duty = agenda.shift_ends_s > 0
    assert 2 < on_duty.sum() < 30
    run(world, 5400)
    assert on_duty.any()
    assert (town.node[on_duty] == agenda.home[on_duty]).all()
    assert (world.fleet.vehicle_state[on_duty] == PARKED).all()
    # The next shift begins a day after this one.
    assert ((town.wake_s[on_duty] > DAY_S - 1800) & (town.wake_s[on_duty] <= DAY_S)).all()


@pytest.mark.long
def test_a_delivery_round_has_its_stops_and_ends_at_the_depot(make_world, fleet_text):
    text = fleet_text(3, "{delivery: {stops: 5, stop: 2 min}}", "0.9", SELDOM)
    world = make_world(text, start="2026-11-23T05:00+08:00")
    depot = world._agendas[0].depot
    assert (world.town.node == depot).all()
    trips, rounds = np.zeros(3, dtype=int), {}
    while len(rounds) < 3:
        for event in world.advance().events:
            van = event.vehicle
            trips[van] += 1
            assert event.identifier == "TripFinished"
            if world.town.node[van] == depot:
                rounds.setdefault(van, trips[van])
    # Five stops and the way back; two parcels for one place share a trip.
    assert max(rounds.values()) == 6
    assert min(rounds.values()) >= 4


def test_vans_rest_at_night(make_world, fleet_text):
    world = make_world(fleet_text(4, "delivery", "0.9", SELDOM), start="2026-11-23T23:00+08:00")
    assert run(world, 6 * 3600) == []
    assert world.counts()["parked"] == 4


# Cycles.


def test_a_cycle_is_driven_as_the_regulation_has_it(make_world, fleet_text, record):
    world = make_world(fleet_text(4, "{cycle: US06}", "0.9", models="{bmw-i4-edrive40-2022: 1}"))
    cycle = load_cycle("US06")
    seen = record(world, 2 * cycle.duration_s + 30)
    whole = [e for e in seen.events_of("TripFinished") if e.output["DurationS"] == cycle.duration_s]
    assert {e.vehicle for e in whole} == {0, 1, 2, 3}
    assert [e.output["DistanceKm"] for e in whole] == pytest.approx([cycle.distance_m / 1000] * len(whole), rel=1e-3)
    end = (whole[0].time_ms - world.scenario.start_ms) // 1000 - 1  # it is dated as the first sample after the trip
    speeds = seen["speed"][end - cycle.duration_s : end, whole[0].vehicle]
    assert speeds == pytest.approx(cycle.speed_kmh[1:], abs=0.05)


@pytest.mark.long
def test_a_cycle_car_charges_on_the_spot_and_goes_on(make_world, fleet_text):
    world = make_world(fleet_text(2, "{cycle: {name: HWFET, charge_below: 0.3, charge_to: 0.33}}", "0.31", SELDOM))
    events = run(world, 4000)
    for vehicle in range(2):
        mine = [e.identifier for e in events if e.vehicle == vehicle]
        assert mine.count("ChargingFinished") >= 2
        assert mine.count("TripFinished") >= 3


# Nobody runs empty.


@pytest.mark.long
def test_a_trip_too_far_begins_with_a_charge(make_world, fleet_text):
    options = ", charge_below: 0.05"
    world, agenda = commuting(make_world, fleet_text, options, soc="0.06", start="2026-11-23T07:29+08:00", count=2)
    events = run(world, 3 * 3600)
    assert {e.vehicle for e in events if e.identifier == "ChargingFinished"} == {0, 1}
    assert (world.town.node == agenda.work).all()
    assert world.fleet.displayed_soc(slice(None)).min() > 0.3


def test_without_a_station_a_van_comes(make_world, fleet_text):
    agenda = "{ride_hailing: {shift: 24 h, charge_below: 0.15, charge_to: 0.2}}"
    world = make_world(fleet_text(3, agenda, "0.1", SELDOM), stations="[]")
    events = run(world, 2400)
    assert {e.vehicle for e in events if e.identifier == "ChargingFinished"} == {0, 1, 2}
    assert any(e.identifier == "TripFinished" for e in events)


@pytest.mark.long
def test_a_battery_that_gives_up_on_the_way_is_helped_at_the_roadside(make_world, fleet_text, record):
    world = make_world(fleet_text(1, "{commuter: {leaves_home: 07:01}}", "0.8"))
    agenda = world._agendas[0]
    while world.elapsed_s < 90:
        world.advance()
    assert world.counts()["driving"] == 1
    world.fleet.soc[0] = 0.04
    seen = record(world, 600)
    assert len(seen.events_of("TripFinished")) == 1
    assert seen.events_of("ChargingStarted")
    for place in (agenda.home[0], agenda.work[0]):
        assert abs(seen["longitude"][-1, 0] - world.town.graph.lon_deg[place]) > 1e-4
    assert world.fleet.displayed_soc(slice(None))[0] > 0.0
    moved_deg = np.hypot(np.diff(seen["longitude"][90:, 0]), np.diff(seen["latitude"][90:, 0]))
    assert moved_deg.max() < 5e-4
    world.fleet.charge_limit[0] = 8  # enough for the rest of the way
    events = []
    while world.town.node[0] != agenda.work[0]:
        events += world.advance().events
    assert [e.identifier for e in events] == ["ChargingFinished", "TripFinished"]


def test_the_page_of_agendas_is_current() -> None:
    """After a change of an agenda: python -m jinqiao.simulator.agendas_page > docs/agendas.md"""
    assert PAGE.read_text(encoding="utf-8") == agendas_page()
