from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.vehicles.battery import Pack, source
from jinqiao.vehicles.catalogue import VehicleModel, load_catalogue
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import ChargingState, Plug
from jinqiao.vehicles.vehicle_file import Battery
from support.examples import examples

#: The shipped cars, and one with LFP cells whose display hides nothing.
SHIPPED = tuple(load_catalogue().values())
MODELS = SHIPPED[::3]
MODELS += (MODELS[0].model_copy(update={"battery": Battery(chemistry="lfp", gross_kwh=60.0, net_kwh=60.0)}),)
MakeFleet = Callable[..., Fleet]
ALL = slice(None)


def plug_in(fleet: Fleet, kind: str, *, limit: int = 100) -> Fleet:
    fleet.begin_charge(ALL, kind)
    fleet.charging_state[:] = ChargingState.CHARGING
    fleet.charge_limit[:] = limit
    return fleet


def charge_out(fleet: Fleet, offered_kw: float, degc: float) -> np.ndarray:
    """Charge every car to its limit; seconds each took."""
    seconds = np.zeros(fleet.n)
    while not (done := fleet.at_charge_limit(ALL)).all():
        rows = np.flatnonzero(~done).astype(np.int32)
        fleet.charge(rows, offered_kw, degc)
        seconds[rows] += 1
        assert seconds.max() < 100_000
    return seconds


@pytest.mark.long
def test_ac_takes_energy_over_power_and_efficiency(make_fleet: MakeFleet) -> None:
    fleet = plug_in(make_fleet(len(SHIPPED), soc=0.85), "ac")
    missing_kwh = make_fleet(len(SHIPPED), soc=1.0).usable_kwh(ALL) - fleet.usable_kwh(ALL)
    hours = charge_out(fleet, 22.0, 23.0) / 3600
    efficiency = np.array([m.effective.charge for m in SHIPPED])
    assert hours == pytest.approx(missing_kwh / 11.0 / efficiency, rel=0.03)
    assert fleet.energy_charged_kwh == pytest.approx([11.0 * h for h in hours], rel=0.03)
    assert fleet.displayed_soc(ALL) == pytest.approx(np.ones(fleet.n), abs=1e-6)


def test_dc_follows_the_curve_and_stops_at_the_limit(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(len(SHIPPED), soc=0.1, degc=25.0)
    fleet.pack_temperature_degc[:] = 30.0
    plug_in(fleet, "dc", limit=80)
    peak = np.zeros(fleet.n)
    while not (done := fleet.at_charge_limit(ALL)).all():
        rows = np.flatnonzero(~done)
        fleet.charge(rows, 450.0, 25.0)
        power = -fleet.pack_current_a * fleet.pack_voltage_v / 1000
        assert (power[rows] > 0).all()
        for row in rows:
            percent, kw = zip(*fleet.models[row].charging.dc_curve, strict=True)  # type: ignore[union-attr]
            at = fleet.displayed_soc(ALL)[row] * 100
            assert power[row] <= np.interp(at, percent, kw) * 1.02 + 0.5
        peak = np.maximum(peak, power)
    published = {n: m.published.dc_peak_kw for n, m in enumerate(SHIPPED) if m.published.dc_peak_kw is not None}
    assert len(published) >= 15
    for number, figure in published.items():
        if figure.value is not None:
            assert peak[number] == pytest.approx(figure.value, rel=0.05), SHIPPED[number].id
    assert fleet.displayed_soc(ALL) == pytest.approx(np.full(fleet.n, 0.8), abs=1e-6)
    assert (fleet.acceptable_kw(ALL) == 0).all()


def test_cold_packs_charge_slower_and_warm_up(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    warm, cold = (plug_in(make_fleet(1, soc=0.1, models=[i4], degc=degc), "dc", limit=80) for degc in (25.0, -10.0))
    start_warm, start_cold = warm.acceptable_kw(ALL)[0], cold.acceptable_kw(ALL)[0]
    assert 0.15 * start_warm < start_cold < 0.35 * start_warm
    assert charge_out(cold, 350.0, -10.0)[0] > 1.2 * charge_out(warm, 350.0, 25.0)[0]
    assert cold.pack_temperature_degc[0] > 5.0


def test_acceptable_power_by_plug(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.3)
    assert (fleet.acceptable_kw(ALL) == 0).all()
    fleet.begin_charge(ALL, "ac")
    assert fleet.acceptable_kw(ALL) == pytest.approx([11.0] * 4)
    fleet.begin_charge(ALL, "dc")
    assert (fleet.acceptable_kw(ALL) > 80).all()
    fleet.begin_charge(np.array([0, 2]), np.array([Plug.AC, Plug.DC]))
    assert fleet.plug_state.tolist() == [Plug.AC, Plug.DC, Plug.DC, Plug.DC]
    fleet.charge_limit[:] = 30
    assert fleet.at_charge_limit(ALL).all()
    assert (fleet.acceptable_kw(ALL) == 0).all()
    fleet.end_charge(ALL)
    assert (fleet.plug_state == Plug.UNPLUGGED).all()


def test_a_car_without_a_charging_block_takes_nothing(make_fleet: MakeFleet, i4: VehicleModel) -> None:
    fleet = make_fleet(1, models=[i4.model_copy(update={"charging": None})])
    for kind in ("ac", "dc"):
        assert plug_in(fleet, kind).acceptable_kw(ALL)[0] == 0


@settings(max_examples=examples(40))
@given(
    soc=st.floats(0.0, 1.0),
    degc=st.floats(-25.0, 45.0),
    offered=st.floats(0.0, 400.0),
    limit=st.integers(20, 100),
    kind=st.sampled_from(["ac", "dc"]),
    climate=st.booleans(),
)
def test_every_second_of_charging_keeps_the_books(
    soc: float, degc: float, offered: float, limit: int, kind: str, climate: bool
) -> None:
    fleet = Fleet(
        MODELS,
        np.arange(len(MODELS), dtype=np.int16),
        seed=3,
        initial_soc=np.full(len(MODELS), soc),
        ambient_degc=degc,
    )
    plug_in(fleet, kind, limit=limit)
    fleet.climate_on[:] = climate
    pack = Pack.of(fleet.models)
    efficiency = np.array([m.effective.charge for m in MODELS]) if kind == "ac" else np.full(len(MODELS), 0.99)
    inlet_kwh = np.zeros(fleet.n)
    for _ in range(20):
        before = fleet.soc.copy()
        links = fleet.rc_fast_a.copy(), fleet.rc_slow_a.copy()
        resistance = source(pack, before, fleet.pack_temperature_degc.copy(), *links).resistance_ohm
        acceptable = fleet.acceptable_kw(ALL)
        fleet.charge(ALL, offered, degc)
        inlet_kwh += fleet.charge_power_kw / 3600
        current, voltage = fleet.pack_current_a.astype(float), fleet.pack_voltage_v.astype(float)
        assert (fleet.soc >= before).all()
        assert (fleet.charge_power_kw <= offered * (1 + 1e-5) + 1e-6).all()
        assert (fleet.charge_power_kw <= acceptable * 1.2 + 10.0).all()
        loads = fleet.hvac_w.astype(float) + fleet.aux_w
        np.testing.assert_allclose(
            fleet.charge_power_kw * 1000.0 * efficiency, -voltage * current + loads, rtol=1e-3, atol=1.0
        )
        capacity_as = pack.capacity_as * fleet.state_of_health
        np.testing.assert_allclose(fleet.soc - before, -current / capacity_as, rtol=1e-5, atol=1e-12)
        # What warms the cells is what the charger gives and the open-circuit voltage does not take up.
        assert (fleet.cells_loss_w >= -1e-3 * np.abs(voltage * current) - 1.0).all()
        assert (voltage + resistance * current <= pack.most_v * 1.001).all()
        assert (fleet.displayed_soc(ALL) <= np.maximum(limit / 100, soc) + 1e-6).all()
    np.testing.assert_allclose(fleet.energy_charged_kwh, inlet_kwh, rtol=1e-5, atol=1e-9)
