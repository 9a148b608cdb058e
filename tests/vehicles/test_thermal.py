"""The pack's coolant loop, the tyres, and what a driver does with doors and belt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles import body, thermal
from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import ChargingState, VehicleState

MakeFleet = Callable[..., Fleet]
ALL = slice(None)


def one(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_the_loop_moves_heat_and_loses_none(i4):
    pack = Pack.of([i4]).at(0)
    degc, coolant = one(20.0), one(20.0)
    for _ in range(600):
        degc, coolant = thermal.step_pack(pack, degc, coolant, degc, one(1000.0), one(500.0))
    joule = (degc - 20.0) / pack.k_per_j + (coolant - 20.0) * thermal.COOLANT_J_PER_K
    assert joule == pytest.approx([1500.0 * 600], rel=0.01)
    assert coolant[0] > degc[0]  # the heater's heat is on its way


def test_only_a_cold_pack_is_heated_and_only_a_hot_one_cooled(i4):
    pack = Pack.of([i4]).at(0)
    yes = np.ones(1, dtype=bool)
    for degc, sign in ((-10.0, 1), (10.0, 1), (25.0, 0), (30.0, 0), (38.0, -1)):
        loop = thermal.condition(pack, one(degc), one(degc), heat=yes)
        assert np.sign(loop.heat_w[0]) == sign
        assert (loop.electric_w[0] > 0) == (sign != 0)
        assert thermal.condition(pack, one(degc), one(degc)).heat_w[0] <= 0


def test_a_cold_pack_warms_on_a_fast_charger_through_its_coolant(make_fleet: MakeFleet):
    fleet = make_fleet(4, soc=0.2, degc=-10.0)
    fleet.begin_charge(ALL, "dc")
    fleet.charging_state[:] = ChargingState.CHARGING
    first = fleet.acceptable_kw(ALL).copy()
    for _ in range(1200):
        fleet.charge(ALL, 250.0, -10.0)
    assert (fleet.pack_temperature_degc > 0.0).all()
    assert (fleet.coolant_temperature_degc > fleet.pack_temperature_degc).all()
    assert (fleet.acceptable_kw(ALL) > first).all()


def test_tyres_warm_on_the_road_and_follow_the_weather(make_fleet: MakeFleet):
    fleet = make_fleet(4, degc=0.0)
    fleet.begin_trip(ALL)
    cold = fleet.sample(ALL, "detail")["tire_pressure_fl"]
    for _ in range(1200):
        fleet.drive(ALL, 25.0, 0.0)
    warm = fleet.sample(ALL, "detail")["tire_pressure_fl"]
    assert (warm - cold > 8.0).all()
    assert (warm - cold < 40.0).all()
    fleet.rest(ALL, 4 * 3600.0, 0.0)
    assert fleet.sample(ALL, "detail")["tire_pressure_fl"] == pytest.approx(cold, abs=0.5)


def test_the_driver_gets_out_step_by_step(make_fleet: MakeFleet):
    fleet = make_fleet(1)

    def told() -> tuple[int, int, int]:
        now = fleet.sample(ALL, "detail")
        return tuple(int(now[name][0]) for name in ("seat_belt_driver", "doors_open", "locked"))

    assert told() == (0, 0, 1)  # stood over night
    fleet.begin_trip(ALL)
    fleet.vehicle_state[:] = VehicleState.DRIVING
    for _ in range(5):
        fleet.drive(ALL, 10.0, 20.0)
        assert told() == (1, 0, 1)
    fleet.vehicle_state[:] = VehicleState.PARKED
    story = []
    for _ in range(int(body.LOCKED_S) + 2):
        fleet.rest(ALL, 1.0, 20.0)
        if told() not in story:
            story.append(told())
    assert story == [(1, 0, 0), (0, 0, 0), (0, 1, 0), (0, 0, 1)]
