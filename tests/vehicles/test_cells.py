from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import ChargingState, VehicleState

MakeFleet = Callable[..., Fleet]
ALL = slice(None)


def agree(fleet: Fleet, n: int) -> None:
    """Every cell of every car agrees with the telemetry of its pack."""
    said = {**fleet.sample(ALL, "core"), **fleet.sample(ALL, "detail")}
    for row, (volts, degc) in enumerate(zip(fleet.cell_voltages(ALL), fleet.cell_temperatures(ALL), strict=True)):
        series = fleet.models[fleet.model_of[row]].layout.series
        assert len(volts) == len(degc) == series
        assert volts.sum(dtype=float) == pytest.approx(said["pack_voltage"][row], rel=1e-5)
        assert volts.max() == pytest.approx(said["cell_voltage_max"][row], abs=1e-5)
        assert volts.min() == pytest.approx(said["cell_voltage_min"][row], abs=1e-5)
        assert volts.argmax() + 1 == said["cell_voltage_max_index"][row]
        assert volts.argmin() + 1 == said["cell_voltage_min_index"][row]
        assert degc.max() == pytest.approx(said["cell_temperature_max"][row], abs=1e-3)
        assert degc.min() == pytest.approx(said["cell_temperature_min"][row], abs=1e-3)
    assert n == fleet.n


def test_cells_of_a_car_are_its_pack(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(24, soc=0.6, degc=20.0)
    agree(fleet, 24)
    rest = [volts.max() - volts.min() for volts in fleet.cell_voltages(ALL)]
    assert min(rest) >= 0.005
    assert max(rest) < 0.05
    fleet.begin_trip(ALL)
    fleet.vehicle_state[:] = VehicleState.DRIVING
    for speed in np.linspace(0.0, 30.0, 12):
        fleet.drive(ALL, speed, 20.0)
    agree(fleet, 24)


def test_the_weak_cell_sags_under_load_and_rises_on_a_fast_charge(make_fleet: MakeFleet, i4: object) -> None:
    fleet = make_fleet(200, soc=0.3, degc=25.0, models=[i4])
    fleet.begin_charge(ALL, "dc")
    fleet.charging_state[:] = ChargingState.CHARGING
    for _ in range(240):
        fleet.charge(ALL, 250.0, 25.0)
    charging = fleet.sample(ALL, "detail")["cell_voltage_max_index"]
    assert (charging == fleet.weak_cell).any()
    assert (charging == fleet.strong_cell).any()
    agree(fleet, 200)


def test_cells_are_the_same_whenever_asked_and_only_those_asked_for(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(9)
    some = fleet.cell_voltages(np.array([2, 7]))
    whole = fleet.cell_voltages(ALL)
    assert len(some) == 2
    np.testing.assert_array_equal(some[1], whole[7])


def test_probes_move_no_faster_than_the_pack(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(8, soc=0.7, degc=10.0)
    before = fleet.sample(ALL, "core")["cell_temperature_max"]
    fleet.drive(ALL, 6.0, 10.0)
    assert (np.abs(fleet.sample(ALL, "core")["cell_temperature_max"] - before) < 0.1).all()
