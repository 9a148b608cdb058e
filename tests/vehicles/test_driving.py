"""What a driver would notice: limits of motor, battery and cold, and that neighbours do not matter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles.arrays import BLOCK_ROWS
from jinqiao.vehicles.catalogue import VehicleModel
from jinqiao.vehicles.fleet import Fleet

MakeFleet = Callable[..., Fleet]
ALL = slice(None)


def test_full_throttle_takes_as_long_as_the_car_needs(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    fleet = make_fleet(1, models=[i4])
    seconds = 0
    while fleet.speed_mps[0] < 100 / 3.6:
        fleet.drive(ALL, 60.0, 23.0)
        seconds += 1
        assert fleet.shaft_w[0] <= 250e3 * 1.005  # the motor's peak
        assert fleet.acceleration_mps2[0] <= 6.0
    assert 5 <= seconds <= 7  # BMW says 5.7 s to 100 km/h


def test_a_cold_empty_battery_gives_less(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    def speed_after_8s(soc: float, degc: float) -> float:
        fleet = make_fleet(1, models=[i4], soc=soc, degc=degc)
        for _ in range(8):
            fleet.drive(ALL, 60.0, degc)
        return float(fleet.speed_mps[0])

    warm, cold, low = speed_after_8s(0.8, 23.0), speed_after_8s(0.8, -20.0), speed_after_8s(0.01, 23.0)
    assert cold < 0.9 * warm
    assert low < 0.9 * warm


def test_an_empty_car_rolls_to_a_stop_and_never_below_zero(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.004)
    fleet.begin_trip(ALL)
    metres = np.zeros(4)
    for _ in range(600):
        metres += fleet.drive(ALL, 25.0, -5.0)
    assert (metres > 500).all()
    assert (fleet.speed_mps == 0).all()
    assert (fleet.displayed_soc(ALL) == 0).all()
    assert (fleet.soc >= 0).all()
    fleet.soc[:] = 1.002e-5
    for _ in range(60):
        fleet.drive(ALL, 25.0, -5.0)
    assert (fleet.soc >= 0).all()
    assert (fleet.soc <= 1e-5).all()
    assert (fleet.pack_current_a == 0).all()


def test_brakes_are_limited_by_grip(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4)
    fleet.speed_mps[:] = 30.0
    assert fleet.drive(ALL, 0.0, 23.0) == pytest.approx([25.5] * 4)
    assert fleet.speed_mps == pytest.approx([21.0] * 4)


def test_regeneration_ends_with_a_full_or_a_cold_pack(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    def returned_kw(soc: float, degc: float) -> float:
        fleet = make_fleet(1, models=[i4], soc=soc, degc=degc)
        fleet.speed_mps[:] = 30.0
        fleet.drive(ALL, 28.2, degc)
        return float(-fleet.pack_current_a[0] * fleet.pack_voltage_v[0] / 1000)

    assert returned_kw(0.5, 23.0) > 50
    assert returned_kw(1.0, 23.0) < 20
    assert returned_kw(0.5, -20.0) < 20


def test_a_row_does_not_feel_its_neighbours(make_fleet: MakeFleet) -> None:
    """Whatever rows are stepped together, the same car has the same second to the last bit."""
    n = BLOCK_ROWS + 500
    whole, pieces = make_fleet(n, soc=0.5), make_fleet(n, soc=0.5)
    rng = np.random.default_rng(0)
    for fleet in (whole, pieces):
        fleet.climate_on[::3] = 1
        fleet.soc[::5] = 0.001
    for _ in range(5):
        target = rng.uniform(0.0, 20.0, n).astype(np.float32)
        moved = whole.drive(ALL, target, 5.0)
        for rows in (np.arange(0, n, 2, dtype=np.int32), np.arange(1, n, 2, dtype=np.int32)):
            np.testing.assert_array_equal(pieces.drive(rows, target[rows], 5.0), moved[rows])
    for name in vars(whole):
        value = getattr(whole, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(pieces, name), err_msg=name)


def test_rows_may_be_a_slice_numbers_or_none(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(10)
    assert fleet.drive(slice(2, 5), 1.0, 20.0).shape == (3,)
    assert fleet.drive(np.array([0, 9], dtype=np.int32), 1.0, 20.0).shape == (2,)
    assert fleet.drive(np.array([], dtype=np.int32), 1.0, 20.0).shape == (0,)
    assert np.flatnonzero(fleet.speed_mps).tolist() == [0, 2, 3, 4, 9]
    assert fleet.acceptable_kw(np.array([], dtype=np.int32)).shape == (0,)


def test_cold_weather_costs_and_the_cabin_gets_warm(make_fleet: MakeFleet) -> None:
    fleet, mild = make_fleet(4, degc=-7.0), make_fleet(4, degc=23.0)
    for cars, degc in ((fleet, -7.0), (mild, 23.0)):
        cars.begin_trip(ALL)
        for _ in range(1200):
            cars.drive(ALL, 15.0, degc)
    used = fleet.energy_discharged_kwh - fleet.trip_start_kwh - fleet.energy_regenerated_kwh
    used_mild = mild.energy_discharged_kwh - mild.trip_start_kwh - mild.energy_regenerated_kwh
    assert (used > 1.2 * used_mild).all()
    assert (fleet.cabin_temperature_degc > 18).all()
    assert (fleet.tyre_temperature_degc > 0).all()
    assert (fleet.motor_temperature_degc > -7).all()


def test_births_are_deterministic_unique_and_plausible(make_fleet: MakeFleet) -> None:
    one, same, other = (make_fleet(5000, seed=seed, new=False) for seed in (1, 1, 2))
    assert len(np.unique(one.vins)) == 5000
    for name in vars(one):
        value = getattr(one, name)
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, getattr(same, name), err_msg=name)
    assert (one.vins != other.vins).any()
    assert not np.array_equal(one.odometer_m, other.odometer_m)
    assert ((one.state_of_health > 0.8) & (one.state_of_health <= 1.0)).all()
    assert (one.strong_cell != one.weak_cell).all()
    series = np.array([m.layout.series for m in one.models])[one.model_of]
    for cells in (one.strong_cell, one.weak_cell):
        assert ((cells >= 1) & (cells <= series)).all()
    assert one.displayed_soc(ALL) == pytest.approx(np.full(5000, 0.8))


def test_a_car_is_small(make_fleet: MakeFleet) -> None:
    assert make_fleet(1000).nbytes <= 450 * 1000
