"""One car on a cycle: the figures of the catalogue that were promised, and what the report says about a run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.catalogue import VehicleModel, find_vehicle, load_catalogue
from jinqiao.vehicles.cycle_run import CycleMeter, CycleResult, ready, simulate_cycle, simulate_cycles
from jinqiao.vehicles.cycles import load_cycle
from jinqiao.vehicles.fleet import Fleet

#: What the catalogue must reach at the wall, kWh/100 km: BMW press 2021, InsideEVs, press range, BMW press 2022, MIIT.
WALL = [
    ("bmw-i4-edrive40-2022", "WLTC", 16.1 * 0.97, 16.1 * 1.03),
    ("bmw-ix-xdrive50-2022", "WLTC", 19.8, 23.0),
    ("mini-cooper-se-2022", "WLTC", 15.2, 15.8),
    ("bmw-i3-edrive35l-2022", "CLTC-P", 14.3 * 0.9, 14.3 * 1.1),
    ("bmw-i7-xdrive60-2023", "CLTC-P", 17.9 * 0.9, 17.9 * 1.1),
]


@pytest.fixture(scope="module")
def by_cycle() -> dict[str, dict[str, CycleResult]]:
    cars = list(load_catalogue().values())
    return {name: {run.vehicle: run for run in simulate_cycles(cars, name)} for name in ("WLTC", "CLTC-P")}


@pytest.mark.parametrize(("vehicle_id", "cycle", "low", "high"), WALL)
def test_published_consumption_is_met(
    by_cycle: dict[str, dict[str, CycleResult]], vehicle_id: str, cycle: str, low: float, high: float
) -> None:
    assert low <= by_cycle[cycle][vehicle_id].wall_kwh_per_100km <= high


def test_every_car_follows_the_trace(by_cycle: dict[str, dict[str, CycleResult]]) -> None:
    for name, runs in by_cycle.items():
        for run in runs.values():
            assert run.max_speed_error_kmh < 0.05
            assert run.distance_km == pytest.approx(load_cycle(name).distance_m / 1000, rel=1e-5)
            assert run.duration_s == 1800
            assert 0.15 < run.regen_share < 0.40
            assert run.wall_kwh_per_100km > run.battery_kwh_per_100km
            # Percent of the display, the energy behind it and the consumption tell the same story.
            net_kwh = find_vehicle(run.vehicle).battery.net_kwh
            by_soc = (run.soc_start - run.soc_end) / 100 * net_kwh / run.distance_km * 100
            assert by_soc == pytest.approx(run.battery_kwh_per_100km, rel=0.15)


def test_a_car_alone_has_the_result_it_has_in_company(
    by_cycle: dict[str, dict[str, CycleResult]], i4: VehicleModel
) -> None:
    alone = dataclasses.asdict(simulate_cycle(i4, "wltc"))
    company = dataclasses.asdict(by_cycle["WLTC"][i4.id])
    for name, value in alone.items():
        if isinstance(value, float):
            assert value == pytest.approx(company[name], rel=1e-9), name


def test_the_trace_is_the_run_second_by_second(i4: VehicleModel) -> None:
    run = simulate_cycle(i4, "UDDS", soc_percent=50)
    assert {len(column) for column in run.trace} == {run.duration_s + 1}
    assert run.trace.soc_percent[0] == pytest.approx(50, abs=0.01)
    # Terminal energy is what the cells gave less what they lost inside.
    terminal_kwh = run.trace.pack_kw[1:].sum() / 3600
    cells_kwh = run.battery_kwh_per_100km * run.distance_km / 100
    assert 0.98 * cells_kwh < terminal_kwh < cells_kwh
    np.testing.assert_allclose(run.trace.speed_kmh, load_cycle("UDDS").speed_kmh, atol=1e-3)


def test_a_cycle_too_fast_is_driven_slower_and_said(i4: VehicleModel) -> None:
    weak = i4.model_copy(update={"drivetrain": i4.drivetrain.model_copy(update={"peak_kw": 40.0, "peak_nm": None})})
    run = simulate_cycle(weak, "US06")
    assert run.max_speed_error_kmh > 10
    assert run.distance_km < load_cycle("US06").distance_m / 1000


@pytest.mark.long
def test_climate_is_automatic_outside_mild_weather(i4: VehicleModel) -> None:
    def used(ambient: float, climate: str) -> float:
        return simulate_cycle(i4, "UDDS", ambient_degc=ambient, climate=climate).battery_kwh_per_100km  # type: ignore[arg-type]

    assert used(23.0, "auto") == used(23.0, "off")
    assert used(-7.0, "auto") == used(-7.0, "on") > used(-7.0, "off")


def test_an_empty_car_moves_nothing_and_divides_by_nothing(i4: VehicleModel) -> None:
    run = simulate_cycle(i4, "UDDS", soc_percent=0.0)
    assert run.distance_km == pytest.approx(0.0, abs=0.05)
    assert np.isfinite(run.battery_kwh_per_100km)


def test_an_unknown_cycle_names_the_nearest(i4: VehicleModel) -> None:
    with pytest.raises(InputError, match=r"no drive cycle 'WLTP' \(did you mean 'WLTC'\?\)"):
        simulate_cycle(i4, "WLTP")


def test_a_probe_in_a_larger_fleet_reads_the_same(i4: VehicleModel) -> None:
    n, row = 300, slice(117, 118)
    fleet = Fleet(
        [i4], np.zeros(n, dtype=np.int16), seed=9, initial_soc=np.full(n, 0.9), ambient_degc=23.0, dynamometer=True
    )
    ready(fleet, row, 23.0, "auto")
    meter = CycleMeter(fleet, row)
    cycle = load_cycle("HWFET")
    for asked_mps in (cycle.speed_kmh[1:] * np.float32(1 / 3.6)).tolist():
        fleet.drive(slice(None), asked_mps, 23.0)
        meter.read(asked_mps)
    (probe,) = meter.results(cycle, 23.0)
    assert probe.battery_kwh_per_100km == pytest.approx(simulate_cycle(i4, cycle).battery_kwh_per_100km, rel=1e-6)
