"""Road load and the blend of braking: gradients, axles, and the one rule of cars without a coast-down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles.catalogue import VehicleModel, find_vehicle, load_catalogue
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.powertrain import Powertrain, axle_decel_ms2, motor_efficiency
from jinqiao.vehicles.road_load import GRAVITY

MakeFleet = Callable[..., Fleet]
ALL = slice(None)
#: docs/catalogue.md: a class B tyre with bearings, brakes and driveline.
ROLLING_RESISTANCE = 0.0085


@pytest.mark.parametrize("vehicle_id", list(load_catalogue()))
def test_cars_without_a_coast_down_follow_one_rule(vehicle_id: str) -> None:
    shape = find_vehicle(vehicle_id).road_load.physical
    if shape is not None:
        assert shape.rolling_resistance == ROLLING_RESISTANCE
        assert 0.2 < shape.cd < 0.3
        assert 2.0 < shape.frontal_area_m2 < 2.9


def test_the_weight_pulls_uphill_and_pushes_downhill(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    def wheel_w(grade: float | None) -> float:
        fleet = make_fleet(1, models=[i4])
        fleet.speed_mps[:] = 20.0
        fleet.drive(ALL, 20.0, 23.0, grade)
        return float(fleet.wheel_w[0])

    level = wheel_w(None)
    assert wheel_w(0.0) == pytest.approx(level)
    climb_w = i4.laden_mass_kg * GRAVITY * 20.0 * np.sin(np.arctan(0.06))
    assert wheel_w(0.06) - level == pytest.approx(climb_w, rel=1e-4)
    assert wheel_w(-0.06) - level == pytest.approx(-climb_w, rel=1e-4)


def test_downhill_charges_and_a_steep_hill_slows(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    fleet = make_fleet(1, models=[i4], soc=0.5)
    fleet.speed_mps[:] = 15.0
    fleet.drive(ALL, 15.0, 23.0, -0.08)
    assert fleet.pack_current_a[0] < 0
    fleet.speed_mps[:] = 50.0
    fleet.drive(ALL, 50.0, 23.0, 0.35)  # 350 kW of climbing for 250 kW of motor
    assert fleet.speed_mps[0] < 50.0
    assert fleet.shaft_w[0] <= 250e3 * 1.01


def test_the_driven_axle_says_how_hard_regeneration_brakes() -> None:
    rear, front, both = (axle_decel_ms2(axle) for axle in ("rear", "front", "all"))
    assert 2.0 < rear < front < both < 9.0  # weight moves to the front under braking
    # At the limit the axle uses exactly the friction it may: z = 0.6 (0.5 ± 0.19 z).
    for decel, to_axle in ((rear, -0.19), (front, 0.19)):
        z = decel / GRAVITY
        assert z == pytest.approx(0.6 * (0.5 + to_axle * z))


def test_hard_braking_is_shared_with_the_friction_brakes(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    def returned(decel: float) -> tuple[float, float]:
        fleet = make_fleet(1, models=[i4], soc=0.5)
        fleet.speed_mps[:] = 12.0
        fleet.drive(ALL, 12.0 - decel, 23.0)
        return float(fleet.shaft_w[0] / (12.0 - decel / 2)), float(fleet.wheel_w[0])

    gentle, hard = returned(1.0), returned(6.0)
    limit_n = 2.0 * i4.laden_mass_kg * 1.03  # the file's 2.0 m/s² is below what the rear axle holds
    effective = i4.effective
    assert hard[0] == pytest.approx(-limit_n * effective.transmission * effective.regen_share, rel=0.02)
    assert abs(hard[0]) < abs(hard[1]) / 12  # most of a hard stop is heat
    assert abs(gentle[0]) < abs(hard[0])


def test_a_files_own_efficiency_scales_the_map(i4: VehicleModel) -> None:
    worse = i4.model_copy(update={"drivetrain": i4.drivetrain.model_copy(update={"efficiency": 0.90})})
    power = np.array([100e3], dtype=np.float32)
    train = Powertrain.of([i4, worse], dynamometer=True)
    usual, own = (float(motor_efficiency(train.at(number), power)[0]) for number in (0, 1))
    assert own / usual == pytest.approx(0.90 / 0.95, rel=1e-5)
