from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.vehicles.fleet import Fleet

MakeFleet = Callable[..., Fleet]
ALL = slice(None)
DAY_S = 86_400


def test_a_day_asleep_costs_a_little_and_brings_the_outside_in(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.8, degc=25.0)
    before = fleet.usable_kwh(ALL).astype(float)
    fleet.rest(ALL, DAY_S, 0.0)
    # 5 W of standby; at 1 % a month at 25 degC and half of it at 15, the cells lose as much as 20 Wh by themselves.
    assert (before - fleet.usable_kwh(ALL) > 0.12).all()
    assert (before - fleet.usable_kwh(ALL) < 0.145).all()
    assert fleet.cabin_temperature_degc == pytest.approx([0.0] * 4, abs=0.01)
    assert (fleet.pack_temperature_degc > 1.0).all()
    assert (fleet.pack_temperature_degc < 10.0).all()


def test_one_long_rest_is_many_short_ones(make_fleet: MakeFleet) -> None:
    long, short = make_fleet(4, degc=30.0), make_fleet(4, degc=30.0)
    long.rest(ALL, 7200, -5.0)
    for _ in range(24):
        short.rest(ALL, np.full(4, 300.0), -5.0)
    np.testing.assert_allclose(long.pack_temperature_degc, short.pack_temperature_degc, atol=0.01)
    np.testing.assert_allclose(long.cabin_temperature_degc, short.cabin_temperature_degc, atol=0.01)
    np.testing.assert_allclose(long.soc, short.soc, atol=1e-5)


def test_only_the_rows_asked_for_rest_each_for_its_time(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, degc=30.0)
    fleet.rest(np.array([1, 3], dtype=np.int32), np.array([600.0, 6000.0]), 0.0)
    cabin = fleet.cabin_temperature_degc
    assert cabin[0] == cabin[2] == 30.0
    assert cabin[3] < cabin[1] < 30.0


def test_the_first_rest_after_a_trip_ends_it(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, degc=0.0)
    fleet.begin_trip(ALL)
    for _ in range(60):
        fleet.drive(ALL, 10.0, 0.0)
    assert (fleet.hvac_w > 0).all()
    fleet.rest(ALL, 1.0, 0.0)
    assert (fleet.climate_on == 0).all()
    assert (fleet.speed_mps == 0).all()
    assert (fleet.pack_current_a < 0.1).all()


def test_a_cabin_asked_to_be_warm_gets_warm_and_takes_energy(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, degc=-5.0)
    fleet.climate_on[:] = 1
    before = fleet.usable_kwh(ALL).astype(float)
    fleet.rest(ALL, 900.0, -5.0)
    assert (fleet.cabin_temperature_degc > 15.0).all()
    used = before - fleet.usable_kwh(ALL)
    assert (used > 0.15).all()
    assert (used < 1.5).all()
    assert (fleet.climate_on == 1).all()


def test_nobody_drains_below_empty(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.0)
    fleet.soc[:] = 1e-4
    fleet.rest(ALL, 400 * DAY_S, 20.0)
    assert (fleet.soc >= 0).all()
    assert (fleet.soc < 1e-4).all()
    fleet.rest(ALL, DAY_S, 20.0)
    assert (fleet.pack_current_a >= 0).all()
