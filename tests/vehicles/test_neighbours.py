"""A car's second depends on the car alone: whichever rows stand together in a call, the bits are the same.

Steps and samples are cut into blocks, and those of several seconds or towns are put together, as is quickest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from jinqiao.base.signals import GROUPS
from jinqiao.vehicles.catalogue import load_catalogue
from jinqiao.vehicles.columns import Columns
from jinqiao.vehicles.fleet import Fleet

CARS = 240


def mixed_fleet() -> Fleet:
    """Every model in turn; full, empty, frozen, hot, with and without climate control, on both plugs."""
    models = list(load_catalogue().values())
    draws = np.random.default_rng(11)
    fleet = Fleet(
        models,
        (np.arange(CARS) % len(models)).astype(np.int16),
        seed=3,
        initial_soc=draws.choice([0.0, 0.02, 0.3, 0.7, 0.97, 1.0], CARS),
        ambient_degc=12.0,
    )
    fleet.soc[::17] = 5e-6  # contactors open
    fleet.pack_temperature_degc[:] = draws.uniform(-15.0, 55.0, CARS)
    fleet.coolant_temperature_degc[:] = draws.uniform(-15.0, 55.0, CARS)
    fleet.cabin_temperature_degc[:] = draws.uniform(-15.0, 55.0, CARS)
    fleet.speed_mps[:] = draws.uniform(0.0, 40.0, CARS)
    fleet.begin_trip(slice(None))
    fleet.climate_on[:] = draws.integers(0, 2, CARS)
    fleet.charge_limit[::5] = 40
    return fleet


def ambient(seconds: int) -> np.ndarray:
    return np.random.default_rng(seconds).uniform(-25.0, 45.0, CARS).astype(np.float32)


def drive(fleet: Fleet, rows: np.ndarray, second: int) -> None:
    draws = np.random.default_rng(second)
    wanted, grade = draws.uniform(0.0, 55.0, CARS), draws.uniform(-0.1, 0.1, CARS)
    fleet.drive(rows, wanted[rows], ambient(second)[rows], grade[rows])


def plug_in(fleet: Fleet) -> None:
    draws = np.random.default_rng(2)
    fleet.speed_mps[:] = 0.0
    fleet.begin_charge(slice(None), draws.integers(0, 3, CARS).astype(np.uint8))
    fleet.charging_state[:] = 2


def charge(fleet: Fleet, rows: np.ndarray, second: int) -> None:
    wanted = fleet.acceptable_kw(rows)
    fleet.charge(rows, wanted * np.float32(1.0 - second / 100.0), ambient(second)[rows])


def rest(fleet: Fleet, rows: np.ndarray, second: int) -> None:
    seconds = np.random.default_rng(second).choice([0, 1, 60, 7200, 400_000], CARS)
    fleet.rest(rows, seconds[rows], ambient(second)[rows])


def whole() -> Iterator[np.ndarray]:
    yield np.arange(CARS)


def one_by_one() -> Iterator[np.ndarray]:
    for row in range(CARS):
        yield np.array([row])


def by_lot() -> Iterator[np.ndarray]:
    lot = np.random.default_rng(5).integers(0, 9, CARS)
    for number in range(9):
        yield np.flatnonzero(lot == number)


def assert_equal(one: Fleet, other: Fleet) -> None:
    for name in Columns.__annotations__:
        # As numbers: nothing that is derived or reported distinguishes -0.0 from 0.0.
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("step", [drive, charge, rest])
@pytest.mark.parametrize("groups", [one_by_one, by_lot])
def test_a_step_does_not_depend_on_the_rows_beside(
    step: Callable[[Fleet, np.ndarray, int], None], groups: Callable[[], Iterator[np.ndarray]]
) -> None:
    together, apart = mixed_fleet(), mixed_fleet()
    for fleet, cut in ((together, whole), (apart, groups)):
        if step is not drive:
            plug_in(fleet)
        for second in range(4):
            for rows in cut():
                step(fleet, rows, second)
    assert_equal(together, apart)


@pytest.mark.parametrize("group", GROUPS)
def test_a_sample_does_not_depend_on_the_rows_beside(group: str) -> None:
    fleet = mixed_fleet()
    drive(fleet, np.arange(0, CARS, 2), 1)
    fleet.vehicle_state[::2] = 1
    plug_in(fleet)
    charge(fleet, np.arange(1, CARS, 2), 1)
    together = fleet.sample(slice(None), group)
    for groups in (one_by_one, by_lot):
        for rows in groups():
            for name, values in fleet.sample(rows, group).items():
                np.testing.assert_array_equal(values, together[name][rows], err_msg=name)
