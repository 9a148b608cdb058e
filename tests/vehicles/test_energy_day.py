"""A simulated day of a whole fleet: what the cells and the inlets give is what road, losses and loads take.

Every step of every car is balanced by `AuditedFleet`, within 0.1 % of what flows.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.vehicles.catalogue import load_catalogue
from jinqiao.vehicles.modes import ChargingState, Plug
from support.examples import examples
from support.ledger import AuditedFleet

CARS, SLOTS, SLOT_S = 50, 8, 3 * 3600
DRIVING_S, CHARGING_S = 260, 260


def fleet_of(soc: np.ndarray, degc: float) -> AuditedFleet:
    models = tuple(load_catalogue().values())
    numbers = (np.arange(len(soc)) % len(models)).astype(np.int16)
    return AuditedFleet(models, numbers, seed=5, initial_soc=soc, ambient_degc=degc)


def drive(fleet: AuditedFleet, rows: np.ndarray, draws: np.random.Generator, degc: np.ndarray, seconds: int) -> None:
    """Traffic: every car its own acceleration now and then, asked for whether the car can or not."""
    fleet.begin_trip(rows)
    asked, pull = np.zeros(len(rows)), np.zeros(len(rows))
    for second in range(seconds):
        anew = draws.random(len(rows)) < 0.2
        pull = np.where(anew, draws.normal(0.3, 1.6, len(rows)), pull)
        stopping = second > seconds - 12
        asked = np.clip(asked + np.where(stopping, -5.0, pull), 0.0, 50.0)
        fleet.drive(rows, asked, degc[rows])


def charge(fleet: AuditedFleet, rows: np.ndarray, draws: np.random.Generator, degc: np.ndarray, seconds: int) -> None:
    """Half at 7 or 11 kW, half at fast chargers; whoever is full waits with the plug in."""
    fast = draws.random(len(rows)) < 0.5
    fleet.begin_charge(rows, np.where(fast, Plug.DC, Plug.AC).astype(np.uint8))
    fleet.charging_state[rows] = ChargingState.CHARGING
    fleet.climate_on[rows] = draws.random(len(rows)) < 0.3
    offered = np.where(fast, draws.choice([40.0, 120.0, 250.0], len(rows)), draws.choice([7.0, 11.0], len(rows)))
    for _ in range(seconds):
        fleet.charge(rows, offered, degc[rows])
    fleet.end_charge(rows)


@pytest.mark.long
def test_a_day_of_the_fleet_balances() -> None:
    draws = np.random.default_rng(11)
    soc = draws.uniform(0.0, 1.0, CARS)
    fleet = fleet_of(soc, 5.0)
    for slot in range(SLOTS):
        degc = draws.uniform(-12.0, 36.0, CARS)
        doing = draws.integers(0, 3, CARS)
        driving, charging = np.flatnonzero(doing == 0), np.flatnonzero(doing == 1)
        drive(fleet, driving, draws, degc, DRIVING_S)
        charge(fleet, charging, draws, degc, CHARGING_S)
        rested = np.where(doing == 0, SLOT_S - DRIVING_S, np.where(doing == 1, SLOT_S - CHARGING_S, SLOT_S))
        fleet.climate_on[:] = draws.random(CARS) < 0.1
        fleet.rest(slice(None), rested.astype(float), degc)
        fleet.assert_balanced()
        assert slot + 1 == SLOTS or fleet.steps < SLOTS * (DRIVING_S + CHARGING_S + 1)
    book = fleet.books
    assert fleet.steps == SLOTS * (DRIVING_S + CHARGING_S + 1)
    for name in ("motor", "driveline", "cell_loss", "loads", "charger", "inlet"):
        assert (book[name] >= 0.0).all(), name
        assert book[name].sum() > 3.6e6, name  # the day had some of everything
    assert (fleet.soc >= 0.0).all()
    assert (fleet.soc <= 1.0).all()


@settings(max_examples=examples(25))
@given(
    plan=st.lists(st.tuples(st.sampled_from(["drive", "charge", "rest"]), st.integers(1, 40)), min_size=1, max_size=5),
    soc=st.floats(0.0, 1.0),
    degc=st.floats(-20.0, 42.0),
    seed=st.integers(0, 1000),
)
def test_any_plan_balances(plan: list[tuple[str, int]], soc: float, degc: float, seed: int) -> None:
    draws = np.random.default_rng(seed)
    fleet = fleet_of(np.full(8, soc), degc)
    everyone, weather = np.arange(8), np.full(8, degc)
    for what, length in plan:
        if what == "drive":
            drive(fleet, everyone, draws, weather, length)
        elif what == "charge":
            fleet.drive(everyone, np.zeros(8), weather)
            charge(fleet, everyone, draws, weather, length)
        else:
            fleet.rest(everyone, length * 60.0, weather)  # a world looks at its sleepers every few minutes
    fleet.assert_balanced()
