"""Where cars come from: VINs that no two share and that nobody else's number changes."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.keyed import Draws
from jinqiao.vehicles.birth import draw_vins
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.vin import is_valid_vin

MODEL = find_vehicle("bmw-i4-edrive40-2022")


def vins(*sizes: int, seed: int = 1) -> np.ndarray:
    return draw_vins([MODEL], np.zeros(sum(sizes), dtype=np.int16), seed, sizes)


@pytest.mark.parametrize("sizes", [(5,), (3000, 2500), (7,) * 70, (1_000_000, 10)], ids=str)
def test_no_two_cars_have_one_vin(sizes: tuple[int, ...]) -> None:
    found = vins(*sizes)
    assert len(np.unique(found)) == sum(sizes)
    assert all(is_valid_vin(vin.decode()) for vin in found[:: max(1, len(found) // 50)].tolist())


def test_a_car_keeps_its_vin_when_its_fleet_or_another_grows() -> None:
    few = vins(300, 40)
    assert (vins(2500, 40, 9)[:300] == few[:300]).all()
    assert (vins(2500, 70, 9)[2500:2540] == few[300:]).all()


def test_another_seed_numbers_them_in_another_order() -> None:
    assert not (vins(1000) == vins(1000, seed=2)).all()
    assert set(vins(1000).tolist()) == set(vins(1000, seed=2).tolist())  # the same lot of the same plant


def test_a_plant_that_would_run_into_the_next_is_refused() -> None:
    with pytest.raises(ValueError, match="found 1000001 vehicles of one plant, expected at most 1000000"):
        vins(1_000_001, 1)


def test_what_a_car_is_like_depends_on_its_fleets_name_and_its_number_only() -> None:
    def fleet(*parts: tuple[str, int]) -> Fleet:
        n = sum(size for _, size in parts)
        return Fleet(
            [MODEL],
            np.zeros(n, dtype=np.int16),
            seed=4,
            initial_soc=np.full(n, 0.5),
            ambient_degc=15.0,
            fleets=parts,
        )

    alone, beside = fleet(("cars", 20)), fleet(("vans", 7), ("cars", 30))
    for name in ("odometer_m", "state_of_health", "bms_error", "weak_cell", "tyre_rr_kpa", "soc"):
        assert getattr(beside, name)[7:27].tolist() == getattr(alone, name).tolist()
    assert len(np.unique(alone.odometer_m)) == 20
    assert Draws.of(4, [("cars", 2)]).keys.tolist() != Draws.of(4, [("vans", 2)]).keys.tolist()
