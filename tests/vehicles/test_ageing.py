from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles import ageing
from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.fleet import Fleet

MakeFleet = Callable[..., Fleet]
ALL = slice(None)
CARS = 420


def year_of(fleet: Fleet, *, charge_c: np.ndarray, cycles_a_day: np.ndarray) -> np.ndarray:
    """Loss of a new fleet's first year in percent: daily steps through the seasons; fast charging warms a pack."""
    pack = Pack.of(fleet.models).at(fleet.model_of.astype(np.intp))
    fleet.aged_calendar[:] = fleet.aged_cycles[:] = 0.0
    habit = charge_c.astype(np.float32)
    for day in range(365):
        outside = 15.0 + 10.0 * np.sin(2 * np.pi * (day - 100) / 365)
        degc = (outside + 3.0 + 6.0 * np.maximum(habit - 0.3, 0.0)).astype(np.float32)
        soc = np.full(fleet.n, 0.62)
        ageing.age(fleet, pack, ALL, days=1.0, soc=soc, degc=degc, cycles=cycles_a_day, charge_c=habit)
    return (1.0 - fleet.state_of_health) * 100.0


def test_a_mixed_fleet_loses_what_fleets_lose_in_a_year(make_fleet: MakeFleet) -> None:
    rng = np.random.default_rng(3)
    habit = np.where(rng.random(CARS) < 0.25, 1.0, rng.uniform(0.05, 0.4, CARS))
    cycles = 14_000 * rng.lognormal(0.0, 0.45, CARS) * 0.17 / 75 / 0.82 / 365
    assert 1.8 < year_of(make_fleet(CARS), charge_c=habit, cycles_a_day=cycles).mean() < 2.8


def test_fast_chargers_age_their_cars_about_twice_as_fast(make_fleet: MakeFleet) -> None:
    daily = np.full(CARS, 0.105)
    fast, slow = (
        year_of(make_fleet(CARS), charge_c=np.full(CARS, habit), cycles_a_day=daily).mean() for habit in (1.2, 0.12)
    )
    assert 1.6 < fast / slow < 2.4
    heavy = year_of(make_fleet(CARS), charge_c=np.full(CARS, 0.12), cycles_a_day=daily * 3).mean()
    assert 0.3 < heavy - slow < 1.6  # heavy daily use


def test_one_long_stretch_is_many_short_ones(make_fleet: MakeFleet) -> None:
    long, short = make_fleet(4, new=False), make_fleet(4, new=False)
    pack = Pack.of(long.models).at(long.model_of.astype(np.intp))
    for fleet, steps in ((long, 1), (short, 200)):
        for _ in range(steps):
            ageing.age(
                fleet,
                pack,
                ALL,
                days=400.0 / steps,
                soc=np.full(4, 0.7),
                degc=np.full(4, 25.0, dtype=np.float32),
                cycles=np.full(4, 60.0 / steps),
                charge_c=np.full(4, 0.5, dtype=np.float32),
            )
    np.testing.assert_allclose(long.state_of_health, short.state_of_health, atol=1e-9)


def test_a_parked_year_ages_by_the_calendar_more_when_hot(make_fleet: MakeFleet) -> None:
    lost = {}
    for degc in (5.0, 35.0):
        fleet = make_fleet(4, soc=0.9, degc=degc, new=False)
        before = fleet.state_of_health.copy()
        for _ in range(12):
            fleet.rest(ALL, 30 * 86_400, degc)
        lost[degc] = before - fleet.state_of_health
    assert (lost[5.0] > 0).all()
    assert (lost[35.0] > 3 * lost[5.0]).all()


def test_a_habit_follows_the_charges(make_fleet: MakeFleet) -> None:
    habit = np.zeros(1, dtype=np.float32)
    for _ in range(20 * 1800):
        habit = ageing.remember_charge(habit, np.full(1, 2.0, dtype=np.float32))
    assert habit[0] == pytest.approx(2.0 * (1 - np.exp(-2.0)), rel=0.01)  # twenty full charges at 2 C, memory of ten
