from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.base.signals import CHARGING, GEAR, GROUPS, PLUG, SIGNALS, VEHICLE_STATE
from jinqiao.vehicles import modes
from jinqiao.vehicles.cycles import load_cycle
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import ChargingState, VehicleState
from jinqiao.vehicles.sampling import READINGS, WORLD_SIGNALS

MakeFleet = Callable[..., Fleet]
ALL = slice(None)


def everything(fleet: Fleet, rows: slice | np.ndarray = ALL) -> dict[str, np.ndarray]:
    return {name: values for group in GROUPS for name, values in fleet.sample(rows, group).items()}


def test_every_signal_a_cloud_sees_comes_from_the_car_or_the_world(make_fleet: MakeFleet) -> None:
    sampled = everything(make_fleet(5))
    assert set(sampled) | WORLD_SIGNALS == {signal.name for group in GROUPS for signal in SIGNALS.group(group)}
    assert set(sampled) == set(READINGS)
    for name, values in sampled.items():
        assert values.dtype == np.dtype(SIGNALS[name].dtype)
        assert values.shape == (5,)


@pytest.mark.parametrize(
    ("enumeration", "table"),
    [
        (modes.VehicleState, VEHICLE_STATE),
        (modes.Gear, GEAR),
        (modes.Plug, PLUG),
        (modes.ChargingState, CHARGING),
    ],
)
def test_modes_are_those_of_the_signal_table(enumeration: type[modes.Gear], table: dict[int, str]) -> None:
    assert {int(member) for member in enumeration} == set(table)


@pytest.mark.parametrize("degc", [-25.0, 5.0, 42.0])
@pytest.mark.parametrize("soc", [0.01, 0.5, 1.0])
def test_values_stay_inside_the_table_whatever_the_car_does(make_fleet: MakeFleet, degc: float, soc: float) -> None:
    fleet = make_fleet(8, soc=soc, degc=degc, new=False)

    def check() -> None:
        for name, values in everything(fleet).items():
            signal = SIGNALS[name]
            assert np.isfinite(values).all(), name
            assert (values >= signal.low).all(), name
            assert (values <= signal.high).all(), name

    check()
    fleet.begin_trip(ALL)
    fleet.vehicle_state[:] = VehicleState.DRIVING
    for second, kmh in enumerate(load_cycle("US06").speed_kmh[1:300]):
        fleet.drive(ALL, kmh / 3.6 * 1.3, degc)
        if second % 20 == 0:
            check()
    fleet.vehicle_state[:] = VehicleState.CHARGING
    fleet.rest(ALL, 60, degc)
    fleet.begin_charge(ALL, "dc")
    fleet.charging_state[:] = ChargingState.CHARGING
    for _ in range(5):
        fleet.charge(ALL, 250.0, degc)
        check()


def test_a_driving_car_is_consistent(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(8, degc=10.0)
    fleet.begin_trip(ALL)
    fleet.vehicle_state[:] = VehicleState.DRIVING
    trace = load_cycle("WLTC").speed_kmh / 3.6
    before = everything(fleet)
    for speed in trace[1:200]:
        fleet.drive(ALL, speed, 10.0)
        now = everything(fleet)
        np.testing.assert_allclose(now["pack_power"], now["pack_voltage"] * now["pack_current"] / 1000, rtol=1e-5)
        np.testing.assert_allclose(
            (now["odometer"] - before["odometer"]) * 1000, (now["speed"] + before["speed"]) / 7.2, atol=1e-4
        )
        series = np.array([m.layout.series for m in fleet.models])[fleet.model_of]
        mean = now["pack_voltage"] / series
        assert (now["cell_voltage_max"] >= mean).all()
        assert (now["cell_voltage_min"] <= mean).all()
        assert (now["cell_voltage_max"] - now["cell_voltage_min"] < 0.1).all()
        assert (now["cell_temperature_max"] - now["cell_temperature_min"] < 5.0).all()
        assert (now["cell_temperature_min"] <= now["pack_temperature"]).all()
        assert (now["brake_light"] == (now["brake_pedal"] > 0)).all()
        before = now
    assert (now["gear"] == modes.Gear.D).all()
    assert (now["seat_belt_driver"] == 1).all()
    np.testing.assert_allclose(now["trip_distance"], np.full(8, trace[:200].sum() / 1000), rtol=0.01)
    assert (now["trip_duration"] == 199).all()
    assert (now["trip_energy"] > 0).all()
    assert (now["insulation_resistance"] > 500 * now["pack_voltage"] / 1000).all()  # 500 Ohm/V


def test_displayed_charge_is_the_net_window(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.5)
    assert fleet.sample(ALL, "core")["soc_displayed"] == pytest.approx([50.0] * 4)
    full, empty = make_fleet(4, soc=1.0), make_fleet(4, soc=0.0)
    net = np.array([fleet.models[number].battery.net_kwh for number in fleet.model_of])
    assert full.usable_kwh(ALL) == pytest.approx(net, rel=0.04)
    assert (empty.usable_kwh(ALL) < 1e-3).all()
    assert (empty.soc > 0).all()
    assert (full.soc < 1).all()


def test_a_session_that_ended_shows_no_power(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(4, soc=0.5)
    fleet.begin_charge(ALL, "dc")
    fleet.vehicle_state[:] = VehicleState.CHARGING
    fleet.charging_state[:] = ChargingState.CHARGING
    fleet.charge(ALL, 100.0, 20.0)
    during = everything(fleet)
    assert (during["pack_current"] < 0).all()
    assert (during["charge_power"] > 50).all()
    assert (during["minutes_to_limit"] < 120).all()
    assert during["charge_current_limit"] == pytest.approx(100_000 / during["pack_voltage"], rel=1e-4)
    fleet.charging_state[:] = ChargingState.FINISHED
    after = everything(fleet)
    for name in ("pack_current", "pack_power", "charge_power"):
        assert (after[name] == 0).all(), name
    assert (after["pack_voltage"] < during["pack_voltage"]).all()
    assert (after["minutes_to_limit"] == 9999).all()


def test_range_follows_recent_consumption(make_fleet: MakeFleet) -> None:
    gentle, fast = make_fleet(1, soc=0.9), make_fleet(1, soc=0.9)
    for _ in range(1500):
        gentle.drive(ALL, 14.0, 20.0)
        fast.drive(ALL, 42.0, 20.0)
    assert gentle.expected_kwh_per_km(0) < 0.8 * fast.expected_kwh_per_km(0)
    shown, shown_fast = (fleet.sample(ALL, "core")["range_remaining"][0] for fleet in (gentle, fast))
    assert shown > 1.25 * shown_fast
    # The battery management reckons with the charge it shows, which is near the true one.
    assert shown == pytest.approx(gentle.usable_kwh(ALL)[0] / gentle.expected_kwh_per_km(0), rel=0.04)


def test_lamps_by_night(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(100)
    fleet.vehicle_state[:50] = VehicleState.DRIVING
    by_day = fleet.sample(ALL, "detail")["low_beam"]
    assert 0 < by_day[:50].sum() < 50
    fleet.dark = True
    assert fleet.sample(ALL, "detail")["low_beam"].tolist() == [1] * 50 + [0] * 50


def test_some_rows_are_those_rows(make_fleet: MakeFleet) -> None:
    fleet = make_fleet(9, new=False)
    rows = np.array([0, 4, 5], dtype=np.int32)
    whole, some = everything(fleet), everything(fleet, rows)
    for name, values in some.items():
        np.testing.assert_array_equal(values, whole[name][rows], err_msg=name)
