"""Where cars come from: VINs that no two share and that nobody else's number changes."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.keyed import Draws, FleetPart
from jinqiao.vehicles.birth import MOST_IN_TOWNS, MOST_TOWNS, draw_vins
from jinqiao.vehicles.catalogue import find_vehicle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.vin import is_valid_vin

MODEL = find_vehicle("bmw-i4-edrive40-2022")


def vins(*sizes: int, seed: int = 1) -> np.ndarray:
    fleets = [FleetPart(f"fleet {number}", size) for number, size in enumerate(sizes)]
    return draw_vins([MODEL], np.zeros(sum(sizes), dtype=np.int16), seed, fleets)


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


def in_towns(*parts: tuple[str, int, int], seed: int = 1) -> np.ndarray:
    fleets = [FleetPart(*part) for part in parts]
    return draw_vins([MODEL], np.zeros(sum(part.size for part in fleets), dtype=np.int16), seed, fleets)


def test_a_town_has_vins_of_its_own_whatever_towns_there_are() -> None:
    pair = in_towns(("cars", 300, 0), ("vans", 20, 0), ("cars", 250, 7), ("vans", 30, 7))
    assert (pair[:320] == vins(300, 20)).all()
    assert (in_towns(("cars", 250, 7), ("vans", 30, 7), ("cars", 9, 8))[:280] == pair[320:]).all()
    assert (in_towns(("cars", 400, 7), ("vans", 30, 7))[:250] == pair[320:570]).all()
    assert all(is_valid_vin(vin.decode()) for vin in pair.tolist())


@pytest.mark.long
@pytest.mark.parametrize("towns", [2, 3, 100, MOST_TOWNS])
def test_as_many_vehicles_as_there_may_be_fit_into_any_number_of_towns(towns: int) -> None:
    size = MOST_IN_TOWNS // towns
    found = in_towns(*(("cars", size, town) for town in range(towns)))
    assert len(np.unique(found)) == size * towns
    last = in_towns(("cars", size, MOST_TOWNS - 1)) if towns == MOST_TOWNS else found
    assert is_valid_vin(last[-1].decode())


def test_a_town_that_would_run_into_the_next_is_refused() -> None:
    with pytest.raises(ValueError, match="found 500100 vehicles of one plant in town 1, expected at most 500000"):
        in_towns(("cars", 500_100, 1))


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
