from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.vehicles.catalogue import find_vehicle, load_catalogue
from jinqiao.vehicles.charge_curve import curve_by_rule, mean_kw
from jinqiao.vehicles.charge_rule import curve_by_envelope

#: Cars whose published time is an input of their curve.
BY_TIME = {"bmw-ix3-50-2025", "mini-cooper-se-2022", "nio-et5-100-2023", "tesla-model-3-rwd-2022"}


def test_mean_power_is_energy_over_time() -> None:
    assert mean_kw([(0, 50), (100, 50)]) == pytest.approx(50)
    # 100 kW for one half, 50 kW for the other: twice as long there.
    assert mean_kw([(10, 100), (45, 100), (45.0001, 50), (80, 50)]) == pytest.approx(200 / 3, rel=1e-4)


@given(peak=st.floats(40, 450), share=st.floats(0.45, 0.9))
def test_the_rule_has_the_peak_and_the_mean_it_was_asked_for(peak: float, share: float) -> None:
    curve = curve_by_rule(peak, share * peak)
    assert max(kw for _, kw in curve) == pytest.approx(peak, abs=0.5)
    assert mean_kw(curve) == pytest.approx(share * peak, rel=0.02)
    falling = [kw for percent, kw in curve if percent >= 10]
    assert all(after <= before for before, after in pairwise(falling))


def test_published_points_stay_as_they_are() -> None:
    head = ((0.0, 168.0), (1.0, 170.0), (11.0, 168.0), (20.0, 129.0))
    curve = curve_by_rule(170.0, 74.5, head)
    assert curve[:4] == head
    assert mean_kw(curve) == pytest.approx(74.5, rel=0.01)
    assert curve_by_rule(150.0, 140.0, ((0.0, 50.0),))[:2] == ((0.0, 50.0), (10.0, 150.0))


def test_an_impossible_mean_gives_the_nearest_curve() -> None:
    assert mean_kw(curve_by_rule(100.0, 100.0)) == pytest.approx(94, abs=2)


@pytest.mark.parametrize("vehicle_id", sorted(set(load_catalogue()) - BY_TIME))
def test_the_catalogue_follows_the_one_envelope(vehicle_id: str) -> None:
    car = find_vehicle(vehicle_id)
    assert car.charging is not None
    peak = max(kw for _, kw in car.charging.dc_curve)
    for found, ruled in zip(car.charging.dc_curve, curve_by_envelope(peak, car.battery.net_kwh), strict=True):
        assert found == pytest.approx(ruled, abs=0.06)  # files have one decimal


@pytest.mark.parametrize("vehicle_id", sorted(BY_TIME))
def test_a_time_that_was_put_in_is_not_tested(vehicle_id: str) -> None:
    figure = find_vehicle(vehicle_id).published.dc_10_80_min
    assert figure is not None
    assert figure.tolerance_pct is None
