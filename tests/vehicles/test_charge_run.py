from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.catalogue import VehicleModel, load_catalogue
from jinqiao.vehicles.charge_rule import curve_by_envelope
from jinqiao.vehicles.charge_run import ChargeResult, simulate_charge, simulate_charges

CARS = tuple(model for model in load_catalogue().values() if model.charging is not None)


@pytest.fixture(scope="module")
def fast() -> dict[str, ChargeResult]:
    """Every car from 10 to 80 % at a station that limits none of them."""
    return dict(zip([c.id for c in CARS], simulate_charges(CARS, power_kw=[450.0] * len(CARS)), strict=True))


def test_times_and_peaks_of_tested_cars_are_the_published_ones(fast: dict[str, ChargeResult]) -> None:
    timed = 0
    for car in CARS:
        time, peak = car.published.dc_10_80_min, car.published.dc_peak_kw
        if time is not None and time.tolerance_pct is not None:
            low, high = time.range or (time.value, time.value)
            assert low is not None
            assert high is not None
            minutes = fast[car.id].minutes
            assert low * (1 - time.tolerance_pct / 100) <= minutes <= high * (1 + time.tolerance_pct / 100), car.id
            timed += 1
        if peak is not None and peak.value is not None:
            assert fast[car.id].peak_kw == pytest.approx(peak.value, rel=0.05), car.id
    assert timed >= 8


def test_the_curve_is_the_files_own(fast: dict[str, ChargeResult]) -> None:
    for car in CARS:
        assert car.charging is not None
        percent, kw = zip(*car.charging.dc_curve, strict=True)
        for point in fast[car.id].curve:
            assert point.kw <= np.interp(point.soc, percent, kw) * 1.01 + 0.3
        points = fast[car.id].curve
        assert points[0].soc == pytest.approx(10.0, abs=0.2)
        assert points[-1].soc == pytest.approx(80.0, abs=0.01)
        assert all(a.soc < b.soc for a, b in pairwise(points))


def test_station_to_pack_loses_cable_and_loads_only(fast: dict[str, ChargeResult], i4: VehicleModel) -> None:
    for result in fast.values():
        assert 0.955 < result.kwh_battery / result.kwh_delivered < 0.99
    at_50 = simulate_charge(i4, to_percent=60.0, power_kw=50.0)
    assert at_50.kwh_delivered == pytest.approx(50.0 * at_50.minutes / 60.0, rel=1e-3)
    assert max(point.kw for point in at_50.curve) < 50.0
    loads_kw = (at_50.kwh_delivered * 0.99 - at_50.kwh_battery) / (at_50.minutes / 60.0)
    assert 0.1 < loads_kw < 3.0  # 12 V system and chiller


@pytest.mark.long
def test_ac_from_empty_to_full(i4: VehicleModel) -> None:
    result = simulate_charge(i4, from_percent=0.0, to_percent=100.0, power_kw=11.0)
    assert result.minutes == pytest.approx(80.7 / (11.0 * i4.effective.charge) * 60.0, rel=0.05)
    assert result.kwh_battery / result.kwh_delivered == pytest.approx(i4.effective.charge, rel=0.005)
    assert result.stop_reason == "target"


def test_a_cold_pack_charges_slowly_and_a_target_between_percents_is_met(i4: VehicleModel) -> None:
    warm = simulate_charge(i4, from_percent=20.0, to_percent=50.5)
    cold = simulate_charge(i4, from_percent=20.0, to_percent=50.5, ambient_degc=-10.0, pack_degc=-10.0)
    assert 0.15 * warm.peak_kw < cold.curve[0].kw < 0.3 * warm.peak_kw
    assert cold.minutes > 1.5 * warm.minutes
    assert cold.curve[-1].degc > 0.0
    half = simulate_charge(i4, from_percent=20.0, to_percent=50.0)
    assert warm.minutes > half.minutes


def test_no_charging_block_and_nonsense_are_refused(i4: VehicleModel) -> None:
    with pytest.raises(InputError):
        simulate_charge(i4.model_copy(update={"charging": None}))
    with pytest.raises(InputError):
        simulate_charge(i4, from_percent=80.0, to_percent=10.0)
    with pytest.raises(InputError):
        simulate_charge(i4, power_kw=0.0)


@pytest.mark.parametrize(("peak_kw", "net_kwh"), [(50.0, 28.9), (95.0, 66.1), (205.0, 80.7), (250.0, 75.0)])
def test_the_rule_gives_falling_curves_that_hold_the_peak(peak_kw: float, net_kwh: float) -> None:
    points = curve_by_envelope(peak_kw, net_kwh)
    assert max(kw for _, kw in points) == peak_kw
    assert all(a[0] < b[0] for a, b in pairwise(points))
    assert all(a[1] >= b[1] for a, b in pairwise(points[1:]))
    assert points[-2] == (80.0, pytest.approx(0.5 * net_kwh, abs=0.1))
