"""The physics self-check: silent over what the simulator publishes, and every rule speaks when its law is broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.telemetry import Batch
from jinqiao.simulator.check import RULES, Checker
from jinqiao.simulator.check.checker import KEPT, OUT_OF_RANGE
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

SCENARIOS = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yaml"))
DRIVER, CHARGER, SLEEPER = 0, 1, 2
Moment = list[Batch]

#: Rule → (who, signal, what stands there instead of the true value).
DOCTORED: dict[str, tuple[int, dict[str, Callable[[float], float]]]] = {
    "teleport": (DRIVER, {"longitude": lambda v: v + 0.001}),
    "odometer_falls": (CHARGER, {"odometer": lambda v: v - 0.001}),
    "speed_of_odometer": (DRIVER, {"odometer": lambda v: v + 0.05}),
    "speed_jumps": (DRIVER, {"speed": lambda v: v + 40.0}),
    "moves_plugged": (CHARGER, {"speed": lambda _: 5.0}),
    "moves_standing": (CHARGER, {"odometer": lambda v: v + 0.01}),
    "rolls_in_park": (DRIVER, {"gear": lambda _: 0}),
    "charge_appears": (DRIVER, {"soc_displayed": lambda v: v + 1.0}),
    "charge_rises_parked": (SLEEPER, {"soc_displayed": lambda v: v + 0.1}),
    "energy_rises_parked": (SLEEPER, {"energy_remaining": lambda v: v + 0.1}),
    "power": (DRIVER, {"pack_power": lambda v: v + 0.5}),
    "limits": (CHARGER, {"charge_power": lambda _: 800.0}),
    "pack_voltage": (DRIVER, {"pack_voltage": lambda _: 100.0}),
    "more_than_inlet": (CHARGER, {"charge_power": lambda _: 1.0}),
    "probe_too_fast": (DRIVER, {"cell_temperature_max": lambda v: v + 1.0}),
    "counters_fall": (CHARGER, {"energy_regenerated": lambda v: v - 0.01}),
    "traction_energy": (DRIVER, {"energy_discharged": lambda v: v + 0.1}),
    "session_energy": (CHARGER, {"energy_charged": lambda v: v + 0.1}),
    "charge_of_current": (DRIVER, {"soc_displayed": lambda v: v - 5.0}),
    "charge_limit": (CHARGER, {"soc_displayed": lambda _: 90.0}),
    "pack_too_fast": (DRIVER, {"pack_temperature": lambda v: v + 2.0}),
    "cabin_too_fast": (DRIVER, {"cabin_temperature": lambda v: v + 8.0}),
    "motor_too_fast": (DRIVER, {"motor_temperature": lambda v: v + 20.0}),
    "inverter_too_fast": (DRIVER, {"inverter_temperature": lambda v: v - 40.0}),
    "tyre_too_fast": (CHARGER, {"tire_pressure_rl": lambda v: v + 10.0}),
    "cells": (DRIVER, {"cell_voltage_min": lambda v: v + 0.5}),
    "probes": (DRIVER, {"cell_temperature_min": lambda v: v + 10.0}),
    "cells_and_pack": (CHARGER, {"cell_voltage_max": lambda v: v - 0.2}),
    "door_open": (DRIVER, {"doors_open": lambda _: 4}),
    "belt_open": (DRIVER, {"seat_belt_driver": lambda _: 0}),
    "cable": (CHARGER, {"plug_state": lambda _: 0}),
    OUT_OF_RANGE: (DRIVER, {"soc_displayed": lambda _: 101.0}),
}


def checker_of(world: World) -> Checker:
    return Checker(world.fleet.models, world.fleet.model_of, world.fleet.vins)


def doctored(moment: Moment, vehicle: int, lies: dict[str, Callable[[float], float]]) -> Moment:
    """The same batches with other values for one vehicle."""
    batches = []
    for batch in moment:
        signals = {name: values.copy() for name, values in batch.signals.items()}
        for name, lie in lies.items():
            if name in signals:
                signals[name][vehicle] = lie(float(signals[name][vehicle]))
        batches.append(replace(batch, signals=signals))
    return batches


@pytest.fixture(scope="module")
def scene(make_world, fleet_text) -> tuple[World, list[Moment]]:
    """A car at speed, a car at a fast charger and one that sleeps, both groups every second, for a while."""
    every_second = "{driving: 1 s, charging: 1 s, parked: 1 s, detail: 1 s}"
    world = make_world(
        fleet_text(1, "{cycle: HWFET}", "0.8", every_second, "{bmw-i4-edrive40-2022: 1}"),
        fleet_text(1, "{cycle: HWFET}", "0.14", every_second, "{bmw-i4-edrive40-2022: 1}"),
        fleet_text(1, "{commuter: {leaves_home: '20:00'}}", "0.6", every_second, "{bmw-i4-edrive40-2022: 1}"),
    )
    moments = []
    for _ in range(1500):
        batches = world.advance().batches
        moments.append(batches)
        state = world.fleet.charging_state[CHARGER]
        if world.fleet.speed_mps[DRIVER] > 10 and state == 2 and world.fleet.energy_charged_kwh[CHARGER] > 0.5:
            return world, moments[-3:]
    raise AssertionError("nobody drove while somebody charged")


def test_the_table_of_lies_holds_every_rule():
    assert set(DOCTORED) == {rule.name for rule in RULES} | {OUT_OF_RANGE}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_lowered_limit_counts_from_the_next_report_on(scene):
    """What was charged before the limit was lowered is no breach of it, what is charged afterwards is."""
    world, (first, second, third) = scene
    checker = checker_of(world)
    lowered = {"charge_limit": lambda _: 20, "soc_displayed": lambda v: v + 10.0}
    checker.read(doctored(first, CHARGER, {"soc_displayed": lambda v: v + 10.0}))
    checker.read(doctored(second, CHARGER, lowered))
    assert checker.by_rule["charge_limit"] == 0
    checker.read(doctored(third, CHARGER, lowered | {"soc_displayed": lambda v: v + 11.0}))
    assert checker.by_rule["charge_limit"] == 1


def test_the_same_instant_may_be_told_twice(scene):
    world, moments = scene
    checker = checker_of(world)
    for moment in (*moments, moments[-1]):
        assert checker.read(moment) == []


def test_truth_passes(scene):
    world, moments = scene
    checker = checker_of(world)
    for moment in moments:
        assert checker.read(moment) == []
    assert checker.total == 0
    assert checker.checked > 100
    assert checker.as_json() == {"violations": 0, "checked": checker.checked, "by_rule": {}}


@pytest.mark.parametrize("rule", sorted(DOCTORED))
def test_every_rule_finds_its_lie(scene, rule):
    world, moments = scene
    vehicle, lies = DOCTORED[rule]
    checker = checker_of(world)
    for moment in moments[:-1]:
        checker.read(moment)
    found = [v for v in checker.read(doctored(moments[-1], vehicle, lies)) if v.rule == rule]
    assert len(found) == checker.by_rule[rule] == 1
    assert found[0].vin == world.fleet.vins[vehicle].decode()
    assert found[0].time_ms == moments[-1][0].time_ms[0]
    text = str(found[0])
    assert found[0].vin in text
    assert any(f"{name} " in text for name in lies)


def test_a_value_that_is_no_number_is_out_of_range(scene):
    world, moments = scene
    checker = checker_of(world)
    checker.read(doctored(moments[0], DRIVER, {"pack_power": lambda _: np.nan}))
    assert checker.by_rule[OUT_OF_RANGE] == 1


def test_violations_are_counted_without_end_but_kept_up_to_a_bound(scene):
    world, moments = scene
    checker = checker_of(world)
    lie = doctored(moments[0], DRIVER, {"gear": lambda _: 0})
    for second in range(KEPT + 30):
        checker.read([replace(batch, time_ms=batch.time_ms + second * 1000) for batch in lie])
    # The first report has nothing before it.
    assert checker.by_rule["rolls_in_park"] == KEPT + 29
    assert len(checker.violations) == KEPT


@pytest.mark.long
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_examples_break_no_law(path):
    scenario = load_scenario(path)
    world = World(scenario, seed=scenario.seed, vehicles=40)
    checker = checker_of(world)
    while world.next_busy_s() < 420:
        batches = world.advance().batches
        checker.read(batches)
    assert [str(violation) for violation in checker.violations] == []
    assert checker.checked > 5_000


@pytest.mark.long
def test_a_fleet_that_does_everything_breaks_no_law(lively):
    checker = checker_of(lively.world)
    at: dict[int, Moment] = {}
    for batch in lively.batches:
        at.setdefault(int(batch.time_ms[0]), []).append(batch)
    for moment in at.values():
        checker.read(moment)
    assert [str(violation) for violation in checker.violations] == []


@pytest.mark.long
def test_a_cold_night_without_a_cable_breaks_no_law(make_world, fleet_text):
    """What the battery management learns at rest does not show as charge from nowhere."""
    never_plugged = "{commuter: {charge_below: 0.05}}"
    world = make_world(
        fleet_text(12, never_plugged, "uniform(0.3, 0.9)", "{parked: 5 min}"),
        start="2026-12-30T20:00+08:00",
        ambient="-8 degC",
    )
    checker = checker_of(world)
    while world.next_busy_s() < 5 * 3600:
        checker.read(world.advance().batches)
    assert [str(violation) for violation in checker.violations] == []
    assert checker.checked > 10_000
