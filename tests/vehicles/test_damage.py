"""Damage as columns: it heads for its goal, touches nobody else, and the cells of a pack still add up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.vehicles.battery import Pack
from jinqiao.vehicles.cells import probe_places, voltage_places
from jinqiao.vehicles.columns import Columns
from jinqiao.vehicles.damage.cells import mark_hot_cell, mark_low_cell
from jinqiao.vehicles.damage.state import AT_ONCE, Damage, Quantity
from jinqiao.vehicles.fleet import Fleet
from jinqiao.vehicles.modes import ChargingState, VehicleState
from support.examples import examples

ROW = np.array([2], dtype=np.intp)


def harmed(damage: Damage, quantity: Quantity, goal: float, rate: float = AT_ONCE) -> None:
    damage.harm(quantity, ROW, goal, rate)


@settings(max_examples=examples(100))
@given(
    goal=st.floats(0.125, 100, width=32),
    rate=st.floats(0.0078125, 10, width=32),
    rests=st.lists(st.integers(0, 600), min_size=1, max_size=6),
)
def test_a_quantity_goes_to_its_goal_at_its_rate_however_time_is_cut(
    goal: float, rate: float, rests: list[int]
) -> None:
    damage = Damage(4)
    harmed(damage, Quantity.HOT_K, goal, rate)
    for seconds in rests:
        damage.advance(slice(0, 4), np.full(4, seconds, dtype=np.float32))
    assert damage.now[Quantity.HOT_K, 2] == pytest.approx(min(goal, rate * sum(rests)), rel=1e-4)
    assert not damage.now[:, [0, 1, 3]].any()
    damage.mend(Quantity.HOT_K, ROW)
    assert not damage.now.any()
    damage.settle()
    assert not damage.touched.any()


def test_of_two_reasons_the_last_end_mends() -> None:
    damage = Damage(4)
    harmed(damage, Quantity.MOTOR, 0.5)
    harmed(damage, Quantity.MOTOR, 0.8)
    assert damage.now[Quantity.MOTOR, 2] == np.float32(0.8)
    assert not len(damage.mend(Quantity.MOTOR, ROW))
    assert damage.now[Quantity.MOTOR, 2] == np.float32(0.8)
    assert damage.mend(Quantity.MOTOR, ROW).tolist() == [2]
    assert damage.now[Quantity.MOTOR, 2] == 0.0


def test_rows_are_found_in_slices_and_in_numbers() -> None:
    damage = Damage(10)
    damage.harm(Quantity.DRAG_N, np.array([3, 7]), 100.0, AT_ONCE)
    for rows in (slice(2, 9), np.array([0, 3, 4, 7])):
        hurt = damage.among(rows)
        assert hurt is not None
        assert hurt.rows.tolist() == [3, 7]
        assert np.arange(10)[rows][hurt.places].tolist() == [3, 7]
    assert damage.among(slice(4, 7)) is None


def test_a_kept_moment_keeps_its_damage() -> None:
    source, kept = Columns(5), Columns(5)
    source.harmed().harm(Quantity.HOT_K, ROW, 10.0, AT_ONCE)
    kept.take(source, np.array([1, 2]), 3)
    assert kept.damage is not None
    assert kept.damage.touched.tolist() == [False, False, False, False, True]
    source.harmed().mend(Quantity.HOT_K, ROW)
    assert kept.damage.now[Quantity.HOT_K, 4] == 10.0


def damage_everything(fleet: Fleet, row: int) -> None:
    damage, rows = fleet.harmed(), np.array([row])
    vin, series = bytes(fleet.vins[row]), fleet.models[int(fleet.model_of[row])].layout.series
    mark_hot_cell(damage, row, 17, probe_places(vin, series))
    places = voltage_places(vin, series, int(fleet.strong_cell[row]), int(fleet.weak_cell[row]))
    mark_low_cell(damage, row, 18, places)
    for quantity, goal in {
        Quantity.HOT_K: 8.0, Quantity.SHORT_W: 120.0, Quantity.LOW_V: 0.05, Quantity.OHM: 3.0,
        Quantity.LEAK_PER_KOHM: 0.03, Quantity.PACK_FLOW: 0.95, Quantity.MOTOR_FLOW: 0.95, Quantity.CONVERTER: 1.0,
        Quantity.TYRE_RL_KPA: 100.0, Quantity.MOTOR: 0.3, Quantity.DRAG_N: 150.0, Quantity.CONTACT_MOHM: 2.0,
        Quantity.CHARGER: 0.5, Quantity.AUX_DEPTH: 0.3,
    }.items():  # fmt: skip
        damage.harm(quantity, rows, goal, AT_ONCE)


@pytest.mark.parametrize("charging", [False, True])
def test_what_breaks_in_one_car_changes_no_bit_of_another(make_fleet: Callable[..., Fleet], charging: bool) -> None:
    sound, broken = make_fleet(12, soc=0.6, degc=5.0), make_fleet(12, soc=0.6, degc=5.0)
    damage_everything(broken, 5)
    for fleet in (sound, broken):
        if charging:
            fleet.begin_charge(slice(None), "dc")
            fleet.charging_state[:], fleet.vehicle_state[:] = ChargingState.CHARGING, VehicleState.CHARGING
        else:
            fleet.begin_trip(slice(None))
            fleet.vehicle_state[:] = VehicleState.DRIVING
        for second in range(240):
            if charging:
                fleet.charge(slice(None), 80.0, 5.0)
            else:
                fleet.drive(slice(None), 18.0 + 14.0 * np.sin(second / 15.0), 5.0)
    others = np.arange(12) != 5
    for group in ("core", "detail"):
        mine, theirs = broken.sample(slice(None), group), sound.sample(slice(None), group)
        for name, values in theirs.items():
            assert (mine[name][others] == values[others]).all(), name
    assert broken.soc[5] != sound.soc[5]


@pytest.mark.parametrize("charging", [False, True])
def test_the_books_of_a_broken_car_balance(make_fleet: Callable[..., Fleet], charging: bool) -> None:
    """What leaves the cells is what the terminals and their heat took, and what the short burnt."""
    fleet = make_fleet(12, soc=0.6, degc=15.0)
    damage_everything(fleet, 5)
    row = slice(5, 6)
    if charging:
        fleet.begin_charge(slice(None), "dc")
        fleet.charging_state[:], fleet.vehicle_state[:] = ChargingState.CHARGING, VehicleState.CHARGING
    else:
        fleet.begin_trip(slice(None))
        fleet.vehicle_state[:] = VehicleState.DRIVING
    before_ah = float(fleet.soc[5])
    moved_as = 0.0
    for second in range(300):
        if charging:
            fleet.charge(slice(None), 80.0, 15.0)
        else:
            fleet.drive(slice(None), 18.0 + 14.0 * np.sin(second / 15.0), 15.0)
        volts = float(fleet.pack_voltage_v[5])
        moved_as += float(fleet.pack_current_a[5]) + 120.0 / volts
        cells = fleet.cell_voltages(row)[0]
        assert float(cells.sum()) == pytest.approx(volts, abs=0.02)
    model = fleet.models[int(fleet.model_of[5])]
    pack = Pack.of([model])
    capacity_as = float(pack.capacity_as[0]) * float(fleet.state_of_health[5])
    assert (before_ah - float(fleet.soc[5])) * capacity_as == pytest.approx(moved_as, rel=2e-3, abs=3.0), model.id


def test_a_rest_of_many_seconds_is_many_rests(make_fleet: Callable[..., Fleet]) -> None:
    once, often = make_fleet(4, degc=20.0), make_fleet(4, degc=20.0)
    for fleet in (once, often):
        damage_everything(fleet, 2)
        fleet.harmed().harm(Quantity.TYRE_FL_KPA, ROW, 200.0, 0.1)
    once.rest(slice(None), 600.0, 20.0)
    for _ in range(60):
        often.rest(slice(None), 10.0, 20.0)
    for group in ("core", "detail"):
        mine, theirs = once.sample(slice(None), group), often.sample(slice(None), group)
        for name, values in theirs.items():
            assert mine[name] == pytest.approx(values, rel=1e-3, abs=0.05), name
