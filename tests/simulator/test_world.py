"""The world's telemetry: values that belong together, in batches a gateway can rely on."""

import gc
import types
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.simulator.gcj02 import wgs84_to_gcj02
from jinqiao.simulator.reports import FIRST_S, MOST_ERROR_DEGC, SENSOR_STEP_DEGC
from jinqiao.simulator.roads import great_circle_m
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.battery import Pack

PARKED, DRIVING, CHARGING, QUEUEING = range(4)


def digest(batches, events):
    columns = [
        (b.time_ms.tobytes(), b.group, b.vehicles.tobytes(), *(values.tobytes() for values in b.signals.values()))
        for b in batches
    ]
    return columns, events


# Values that belong together.


def test_everybody_reports_every_second_and_does_everything(lively):
    state = lively["vehicle_state"]
    assert not np.isnan(state).any()
    assert set(np.unique(state)) == {PARKED, DRIVING, CHARGING, QUEUEING}


def test_speed_is_the_derivative_of_the_odometer(lively):
    speed_kmh, odometer_km = lively["speed"], lively["odometer"]
    mean_kmh = (speed_kmh[1:] + speed_kmh[:-1]) / 2
    assert np.diff(odometer_km, axis=0) * 3600 == pytest.approx(mean_kmh, abs=0.01)
    assert speed_kmh.max() > 80


def test_the_position_moves_by_what_the_odometer_says(lively):
    lon, lat = lively["longitude"], lively["latitude"]
    moved_m = great_circle_m(lon[:-1], lat[:-1], lon[1:], lat[1:])
    driven_m = np.diff(lively["odometer"], axis=0) * 1000
    assert (moved_m <= driven_m + 0.06).all()
    # Short only where a corner was cut between two reports.
    assert moved_m.sum() == pytest.approx(driven_m.sum(), rel=0.01)
    straight = np.diff(lively["heading"], axis=0) == 0
    assert moved_m[straight] == pytest.approx(driven_m[straight], abs=0.06)


def test_a_car_that_does_not_drive_does_not_move(lively):
    still = lively["vehicle_state"] != DRIVING
    still = still[1:] & still[:-1]
    assert still.sum() > 10_000
    for name in ("longitude", "latitude", "altitude", "heading", "odometer"):
        assert (np.diff(lively[name], axis=0)[still] == 0).all()
    assert (lively["speed"][1:][still] == 0).all()


def test_positions_stay_on_the_map(lively):
    assert (np.abs(lively["longitude"] - 121.5957) < 0.07).all()
    assert (np.abs(lively["latitude"] - 31.2497) < 0.06).all()
    assert ((lively["altitude"] > 0) & (lively["altitude"] < 10)).all()


def test_the_heading_is_the_way_the_car_goes(lively):
    lon, lat = lively["longitude"], lively["latitude"]
    east_m = np.diff(lon, axis=0) * np.cos(np.radians(lat[:-1]))
    north_m = np.diff(lat, axis=0)
    course = np.degrees(np.arctan2(east_m, north_m)) % 360
    heading = lively["heading"]
    sure = (np.diff(heading, axis=0) == 0) & (np.hypot(east_m, north_m) > 5e-5)
    assert sure.sum() > 1_000
    off = (course - heading[1:] + 180) % 360 - 180
    assert np.abs(off[sure]).max() < 0.5


def test_power_is_voltage_times_current(lively):
    assert lively["pack_voltage"] * lively["pack_current"] / 1000 == pytest.approx(lively["pack_power"], abs=1e-3)


@pytest.mark.long
def test_the_charge_falls_by_the_current_that_flows(make_world, fleet_text):
    world = make_world(
        fleet_text(6, "{cycle: WLTC}", "0.8"), fleet_text(6, "ride_hailing", "uniform(0.12, 0.3)"), seed=3
    )
    fleet = world.fleet
    capacity_as = Pack.of(fleet.models).capacity_as[fleet.model_of] * fleet.state_of_health
    moved = 0.0
    for _ in range(900):
        before = fleet.soc.copy()
        core = next(batch for batch in world.advance().batches if batch.group == "core")
        assert len(core) == fleet.n
        awake = core.signals["vehicle_state"] != PARKED
        fallen_as = (before - fleet.soc) * capacity_as
        assert fallen_as[awake] == pytest.approx(core.signals["pack_current"][awake], abs=0.02)
        moved += np.abs(fallen_as).sum()
    assert moved > 1e5


def test_what_is_displayed_follows_the_charge_within_the_error_of_a_bms(lively):
    fleet = lively.world.fleet
    pack = Pack.of(fleet.models)
    fallen = (lively["soc_displayed"][0] - lively["soc_displayed"][-1]) / 100
    charge_as = lively["pack_current"][1:].sum(axis=0)
    capacity_as = (pack.capacity_as * pack.span_soc)[fleet.model_of] * fleet.state_of_health
    assert charge_as / capacity_as == pytest.approx(fallen, abs=0.03)  # NMC; LFP 0.05


def test_a_charging_car_is_parked_and_plugged_in(lively):
    charging = lively["charging_state"] == 2
    assert charging.sum() > 1_000
    assert (lively["vehicle_state"][charging] == CHARGING).all()
    assert (lively["plug_state"][charging] > 0).all()
    assert (lively["speed"][charging] == 0).all()
    assert (lively["charge_power"][charging].mean()) > 5
    # Beside a session only the cabin of a car that stands on its charger takes anything.
    asleep = ~charging & (lively["climate_on"] == 0)
    assert (lively["charge_power"][asleep] == 0).all()
    assert (lively["charge_power"][lively["plug_state"] == 0] == 0).all()
    assert (lively["plug_state"][lively["vehicle_state"] == DRIVING] == 0).all()


def test_the_charge_never_falls_while_charging(lively):
    charging = (lively["charging_state"][1:] == 2) & (lively["charging_state"][:-1] == 2)
    assert np.diff(lively["soc_displayed"], axis=0)[charging].min() >= 0


def test_the_energy_of_a_session_is_the_integral_of_its_power(lively):
    finished = [e for e in lively.events_of("ChargingFinished") if e.output["EnergyKwh"] > 1]
    assert finished
    start_ms = int(lively.batches[0].time_ms[0])
    for event in finished:
        second = (event.time_ms - start_ms) // 1000
        power_kw = lively["charge_power"][second + 1 - event.output["DurationS"] : second + 1, event.vehicle]
        assert power_kw.sum() / 3600 == pytest.approx(event.output["EnergyKwh"], rel=0.005)
        assert event.output["EndSoc"] > event.output["StartSoc"]


def test_a_finished_trip_says_what_the_telemetry_says(lively):
    trips = [e for e in lively.events_of("TripFinished") if e.output["DurationS"] < e.time_ms]
    start_ms = int(lively.batches[0].time_ms[0])
    checked = 0
    for event in trips:
        end = (event.time_ms - start_ms) // 1000 - 1  # it is dated as the first sample of the parked car
        begin = end - event.output["DurationS"]
        if begin >= 0:
            odometer = lively["odometer"][:, event.vehicle]
            assert odometer[end] - odometer[begin] == pytest.approx(event.output["DistanceKm"], abs=0.002)
            power_kw = lively["pack_power"][begin + 1 : end + 1, event.vehicle]
            assert power_kw.sum() / 3600 == pytest.approx(event.output["EnergyKwh"], abs=0.002)
            assert -np.minimum(power_kw, 0).sum() / 3600 == pytest.approx(event.output["RegeneratedKwh"], abs=0.002)
            checked += 1
    assert checked > 20


def test_the_weather_is_the_scenarios(lively):
    error_degc = MOST_ERROR_DEGC + SENSOR_STEP_DEGC / 2
    assert lively["ambient_temperature"][0] == pytest.approx(2, abs=error_degc)
    assert lively["ambient_temperature"][-1] == pytest.approx(6, abs=error_degc)
    assert lively["ambient_temperature"][-1] - lively["ambient_temperature"][0] == pytest.approx(
        4, abs=SENSOR_STEP_DEGC
    )


# Batches a gateway can rely on.


def test_batches_are_sorted_complete_and_in_the_order_of_the_table(lively):
    for batch in lively.batches[:200]:
        assert batch.vehicles.dtype == np.int32
        assert (np.diff(batch.vehicles) > 0).all()
        assert list(batch.signals) == [signal.name for signal in SIGNALS.group(batch.group)]
        assert all(values.shape == batch.vehicles.shape for values in batch.signals.values())
    assert {batch.group for batch in lively.batches} == set(GROUPS)


def test_values_are_what_the_table_allows(lively):
    for batch in lively.batches[:: len(lively.batches) // 100]:
        for name, values in batch.signals.items():
            assert values.dtype == np.dtype(SIGNALS[name].dtype), name
            assert values.min() >= SIGNALS[name].low, name
            assert values.max() <= SIGNALS[name].high, name


def test_intervals_are_kept_and_parked_cars_do_not_report_together(make_world, fleet_text, record):
    telemetry = "{driving: 2 s, charging: 10 s, parked: 1 min, detail: 30 s}"
    late = "{commuter: {leaves_home: 09:00}}"
    seen = record(
        make_world(fleet_text(50, late, telemetry=telemetry), fleet_text(3, "{cycle: UDDS}", telemetry=telemetry)), 200
    )
    reports = ~np.isnan(seen["speed"])
    assert reports[:FIRST_S].any(axis=0).all()
    parked = reports[:, :50]
    gaps = [np.diff(np.flatnonzero(parked[:, vehicle])) for vehicle in range(50)]
    assert all(gap[0] <= 60 and (gap[1:] == 60).all() for gap in gaps)
    assert parked[:FIRST_S].sum(axis=1).max() < 15
    assert parked[FIRST_S:].sum(axis=1).max() < 10
    assert np.array_equal(parked, ~np.isnan(seen["doors_open"][:, :50]))
    driving = reports[1:, 50:]
    assert driving.sum(axis=0) == pytest.approx(100, abs=1)
    assert (~np.isnan(seen["motor_speed"][:, 50:])).sum(axis=0).max() <= 8


def test_a_change_is_reported_at_once(make_world, fleet_text, record):
    telemetry = "{driving: 1 min, charging: 1 min, parked: 10 min, detail: 10 min}"
    agenda = "{commuter: {leaves_home: 07:05}}"
    seen = record(make_world(fleet_text(4, agenda, telemetry=telemetry)), 400)
    for name in ("speed", "plug_state"):
        assert not np.isnan(seen[name][300]).any()
    assert (seen["vehicle_state"][300] == DRIVING).all()


# The same again.


def test_the_same_seed_gives_the_same_batches_and_another_seed_others(make_world, fleet_text, record):
    fleets = [fleet_text(8, agenda, "uniform(0.15, 0.9)") for agenda in ("commuter", "ride_hailing", "delivery")]
    runs = [record(make_world(*fleets, seed=seed), 200) for seed in (5, 5, 6)]
    first, second, third = (digest(run.batches, run.events) for run in runs)
    assert first == second
    assert first != third


@pytest.mark.parametrize(("total", "counts"), [(None, [6, 3]), (90, [60, 30]), (3, [2, 1]), (2, [1, 1]), (1, [1, 0])])
def test_vehicles_rescales_the_fleets(make_world, fleet_text, total, counts):
    world = make_world(fleet_text(6, "commuter"), fleet_text(3, "ride_hailing"), vehicles=total)
    assert [rows.stop - rows.start for _, rows, _ in world.fleets] == counts
    assert world.fleet.n == sum(world.counts().values()) == sum(counts)
    world.advance()


def test_models_are_shared_out_by_weight(make_world, fleet_text):
    world = make_world(fleet_text(40, "commuter", models="{bmw-i3-edrive35l-2022: 3, bmw-ix3-2021: 1}"))
    assert np.bincount(world.fleet.model_of).tolist() == [30, 10]


# Sleep costs nothing.


def test_sleeping_vehicles_have_no_processes_and_the_clock_runs_past_them(make_world, fleet_text):
    gc.collect()
    before = sum(isinstance(thing, types.GeneratorType) for thing in gc.get_objects())
    world = make_world(
        fleet_text(200, "commuter", "0.9", "{driving: 1 s, charging: 10 s, parked: 1 h}"),
        start="2026-11-23T02:00+08:00",
    )
    gc.collect()
    assert world.town.clock.peek() == float("inf")
    assert sum(isinstance(thing, types.GeneratorType) for thing in gc.get_objects()) <= before
    steps = reports = 0
    while world.elapsed_s < 7200:
        batches = world.advance().batches
        assert batches
        steps += 1
        reports += sum(len(batch) for batch in batches if batch.group == "core")
    assert world.counts() == {"parked": 200, "driving": 0, "charging": 0, "queueing": 0}
    assert steps <= reports
    assert reports == pytest.approx(200 + 400, abs=5)


def test_whoever_is_not_looked_at_rests_all_the_same(make_world, fleet_text, record):
    """A car that reports every hour has lost as much charge at noon as one that reports every minute."""
    left = []
    for parked in ("1 min", "1 h"):
        text = fleet_text(5, "{commuter: {leaves_home: 23:00}}", "0.8", f"{{driving: 1 s, parked: {parked}}}")
        world = make_world(text, start="2026-11-23T02:00+08:00")
        record(world, 7200)
        left.append(world.fleet.soc)
    assert left[0] == pytest.approx(left[1], abs=3e-4)


def test_the_state_of_an_hour_of_sleep_is_small(make_world, fleet_text):
    world = make_world(fleet_text(1000, "commuter", "0.9"), start="2026-11-23T02:00+08:00")
    town = world.town
    parts = (town, town.movement, town.chargers, world._reports, *world._agendas)
    arrays = [thing for part in parts for thing in vars(part).values()] + list(world._reports.due_s.values())
    own = sum(a.nbytes for a in arrays if isinstance(a, np.ndarray) and a.shape[:1] == (1000,)) / 1000
    assert own + world.fleet.nbytes / 1000 < 600


# The shipped scenario.


def test_the_demo_is_alive_within_its_first_minute():
    scenario = load_scenario(Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml")
    world = World(scenario, seed=scenario.seed)
    seen = dict.fromkeys(world.counts(), 0)
    for _ in range(60):
        world.advance()
        seen = {state: max(count, seen[state]) for state, count in world.counts().items()}
    assert min(seen.values()) > 0
    assert seen["driving"] > 40


def test_a_fleet_may_report_positions_as_maps_of_china_show_them(make_world, fleet_text):
    def first_core(coordinates):
        text = fleet_text(5, "{cycle: WLTC}", "0.8")
        world = make_world(text.replace("telemetry: {", f"telemetry: {{coordinates: {coordinates}, "))
        return next(batch for batch in world.advance().batches if batch.group == "core")

    plain, shifted = first_core("wgs84"), first_core("gcj02")
    assert set(plain.signals["coordinate_system"]) == {1}
    assert set(shifted.signals["coordinate_system"]) == {2}
    longitude, latitude = wgs84_to_gcj02(plain.signals["longitude"], plain.signals["latitude"])
    np.testing.assert_array_equal(shifted.signals["longitude"], longitude)
    np.testing.assert_array_equal(shifted.signals["latitude"], latitude)
