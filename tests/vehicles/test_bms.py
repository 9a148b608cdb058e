from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.vehicles import bms
from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.catalogue import load_catalogue
from jinqiao.vehicles.fleet import Fleet

MakeFleet = Callable[..., Fleet]
ALL = slice(None)
LFP = [model for model in load_catalogue().values() if model.battery.chemistry == "lfp"]
NMC = [model for model in load_catalogue().values() if model.battery.chemistry == "nmc"]


def true_displayed(fleet: Fleet) -> np.ndarray:
    pack = Pack.of(fleet.models).at(fleet.model_of.astype(np.intp))
    return (fleet.soc - pack.low_soc) / pack.span_soc


@given(st.floats(0.0, 1.0), st.floats(-0.05, 0.05))
def test_the_shown_soc_can_be_turned_back(shown: float, error: float) -> None:
    pack = Pack.of(load_catalogue().values()).at(0)  # type: ignore[arg-type]
    soc = bms.soc_shown_as(pack, np.array([shown]), np.array([error], dtype=np.float32))
    assert bms.shown_fraction(pack, soc, np.array([error], dtype=np.float32)) == pytest.approx([shown], abs=1e-6)


@pytest.mark.parametrize(("models", "most"), [(NMC, 0.03), (LFP, 0.05)])
def test_errors_stay_small_and_vanish_at_the_ends(make_fleet: MakeFleet, models: list[object], most: float) -> None:
    fleet = make_fleet(400, soc=0.6, models=models)
    fleet.energy_discharged_kwh += 3000.0  # a summer without a full charge
    off = np.abs(fleet.displayed_soc(ALL) - true_displayed(fleet))
    assert 0.8 * most < off.max() <= most + 1e-6
    for end in (0.0, 1.0):
        ended = make_fleet(40, soc=end, models=models)
        np.testing.assert_allclose(ended.displayed_soc(ALL), true_displayed(ended), atol=1e-6)


def test_a_rest_corrects_nmc_and_hardly_lfp_and_a_full_charge_corrects_both(make_fleet: MakeFleet) -> None:
    left = {}
    for name, models in (("nmc", NMC), ("lfp", LFP)):
        fleet = make_fleet(200, soc=0.6, models=models)
        before = fleet.displayed_soc(ALL) - true_displayed(fleet)
        high = before > 0  # a display that shows too little is not raised by a rest
        fleet.rest(ALL, 8 * 3600, 20.0)
        left[name] = (fleet.displayed_soc(ALL) - true_displayed(fleet))[high].mean() / before[high].mean()
        pack = Pack.of(fleet.models).at(fleet.model_of.astype(np.intp))
        fleet.soc[:] = pack.low_soc + pack.span_soc
        fleet.begin_charge(ALL, "ac")
        fleet.end_charge(ALL)
        assert (fleet.bms_error == 0).all()
    assert left["nmc"] < 0.4
    assert left["lfp"] > 0.6


@pytest.mark.parametrize("models", [NMC, LFP])
@pytest.mark.parametrize("shown", [0.1, 0.5, 0.75, 0.97])
def test_nothing_shown_rises_in_a_car_that_stands_unplugged(
    make_fleet: MakeFleet, models: list[object], shown: float
) -> None:
    fleet = make_fleet(200, soc=shown, models=models)
    fleet.energy_discharged_kwh += 500.0
    last = shown_by(fleet)
    for hours, ambient_degc in ((0.1, -8.0), (1.0, 20.0), (8.0, -15.0), (48.0, 35.0)):
        fleet.rest(ALL, hours * 3600.0, ambient_degc)
        now = shown_by(fleet)
        for name, values in now.items():
            assert (values <= last[name] + 1e-5).all(), (name, hours)
        last = now


def shown_by(fleet: Fleet) -> dict[str, np.ndarray]:
    readings = fleet.sample(ALL, "core") | fleet.sample(ALL, "detail")
    return {name: readings[name] for name in ("soc_displayed", "energy_remaining", "range_remaining")}


def test_what_a_rest_has_found_is_shown_by_and_by_while_the_car_uses_energy(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(200, soc=0.6, models=NMC)
    before = fleet.displayed_soc(ALL) - true_displayed(fleet)
    low = before < -1e-4
    fleet.rest(ALL, 8 * 3600, 20.0)
    rested = fleet.displayed_soc(ALL) - true_displayed(fleet)
    np.testing.assert_allclose(rested[low], before[low], atol=2e-4)
    shown = fleet.displayed_soc(ALL)
    for _ in range(20):
        fleet.drive(ALL, np.full(fleet.n, 15.0), 20.0)
        fleet.drive(ALL, np.full(fleet.n, 20.0), 20.0)
    assert (fleet.displayed_soc(ALL) <= shown).all()
    fleet.energy_discharged_kwh += 5.0  # some 10 % of a pack
    after = fleet.displayed_soc(ALL) - true_displayed(fleet)
    assert np.abs(after[low]).mean() < 0.5 * np.abs(before[low]).mean()


def test_charging_stops_where_the_display_says(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(8, soc=0.79, models=LFP)
    fleet.begin_charge(ALL, "dc")
    fleet.charging_state[:] = 2
    fleet.charge_limit[:] = 80
    while not (done := fleet.at_charge_limit(ALL)).all():
        fleet.charge(np.flatnonzero(~done), 200.0, 25.0)
    assert fleet.displayed_soc(ALL) == pytest.approx(np.full(8, 0.8), abs=1e-6)
    assert np.abs(true_displayed(fleet) - 0.8).max() > 1e-3


def test_the_dynamometer_knows_its_charge(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.5, dynamometer=True)
    np.testing.assert_allclose(fleet.displayed_soc(ALL), true_displayed(fleet), atol=1e-9)
