"""Fleets to try things on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from jinqiao.vehicles.catalogue import VehicleModel, find_vehicle, load_catalogue
from jinqiao.vehicles.fleet import Fleet

MakeFleet = Callable[..., Fleet]


@pytest.fixture(scope="session")
def models() -> tuple[VehicleModel, ...]:
    return tuple(load_catalogue().values())


@pytest.fixture(scope="session")
def make_fleet() -> MakeFleet:
    """`make_fleet(n, soc=.., degc=.., models=.., seed=.., new=True, dynamometer=..)`: models take turns."""

    def make(
        n: int = 4,
        *,
        soc: float = 0.8,
        degc: float = 23.0,
        models: Sequence[VehicleModel] | None = None,
        seed: int = 7,
        new: bool = True,
        dynamometer: bool = False,
    ) -> Fleet:
        cars = tuple(models or load_catalogue().values())
        fleet = Fleet(
            cars,
            (np.arange(n) % len(cars)).astype(np.int16),
            seed=seed,
            initial_soc=np.full(n, soc),
            ambient_degc=degc,
            dynamometer=dynamometer,
        )
        if new:
            fleet.state_of_health[:] = 1.0
        return fleet

    return make


@pytest.fixture(scope="session")
def i4() -> VehicleModel:
    return find_vehicle("bmw-i4-edrive40-2022")
