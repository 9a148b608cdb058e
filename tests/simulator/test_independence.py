"""What happens to one car leaves the telemetry of all others that it does not meet byte for byte as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from jinqiao.base.telemetry import Command
from jinqiao.simulator.language.selection import parse_selection
from jinqiao.simulator.scenario import load_scenario, parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.modes import ChargingState, VehicleState

Act = Callable[[World, int], object]
#: Of each vehicle, by fleet and number: all that it said, in the order of time.
Said = dict[tuple[str, int], list[Any]]

HOUR_S, HALF_AN_HOUR_S = 3600, 1800
#: When something happens.
AT_S = 600
SELDOM = "{driving: 10 s, charging: 10 s, parked: 1 min, detail: 30 s}"
TAXIS = ("taxis", 40, "{ride_hailing: {charge_below: 0.3}}", "uniform(0.25, 0.9)")
COMMUTERS = ("commuters", 30, "{commuter: {leaves_home: 'normal(07:20, 20 min)'}}", "normal(0.5, 0.2)")
VANS = ("vans", 12, "delivery", "uniform(0.2, 0.9)")
#: Nobody ever waits here, nor is any power shared: taxis do not meet.
PLENTY = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 200}]}]"
NARROW = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 60 kW, count: 2}]}]"


def town(*fleets: tuple[str, int, str, str], stations: str = PLENTY, more: str = "", seed: int = 7) -> World:
    lines = ["name: test", "start: 2026-11-23T07:00+08:00", "duration: 1 d", "weather: {ambient: 4 degC}", "fleets:"]
    for name, count, agenda, soc in fleets:
        models = "{bmw-i3-edrive35l-2022: 1, bmw-i4-edrive40-2022: 1}"
        options = f"agenda: {agenda}, initial_soc: '{soc}', telemetry: {SELDOM}, models: {models}"
        lines += [f"  - {{name: {name}, count: {count}, {options}}}"]
    return World(parse_scenario("\n".join([*lines, f"charging_stations: {stations}", more])), seed=seed)


START_MS = town(TAXIS).scenario.start_ms


def said(world: World, seconds: int, act: Act | None = None, row: int = -1) -> Said:
    """Run a world; `act` happens to vehicle `row` at `AT_S`."""
    heard: Said = {(name, i): [] for name, rows, _ in world.fleets for i in range(rows.stop - rows.start)}
    names = list(heard)
    while world.elapsed_s < seconds:
        if act is not None and world.elapsed_s >= AT_S:
            act(world, row)
            act = None
        step = world.advance()
        for batch in step.batches:
            columns = [np.ascontiguousarray(values) for values in batch.signals.values()]
            table = np.concatenate([c.view(np.uint8).reshape(len(c), -1) for c in columns], axis=1)
            for vehicle, values in zip(batch.vehicles.tolist(), table, strict=True):
                heard[names[vehicle]].append((int(batch.time_ms[0]), batch.group, values.tobytes()))
        for event in step.events:
            heard[names[event.vehicle]].append((event.time_ms, event.identifier, dict(event.output)))
    return heard


def differ(one: Said, other: Said, until_s: int) -> set[tuple[str, int]]:
    """Of whom of the first world the second heard different things up to `until_s`."""
    until_ms = START_MS + until_s * 1000
    return {
        name
        for name, heard in one.items()
        if [it for it in heard if it[0] <= until_ms] != [it for it in other[name] if it[0] <= until_ms]
    }


class Quiet(NamedTuple):
    """An hour of forty taxis to whom nothing happens; who parked and who charged at `AT_S`."""

    said: Said
    parked: int
    charging: int


@pytest.fixture(scope="module")
def quiet() -> Quiet:
    found: list[int] = []

    def look(world: World, _: int) -> None:
        found.append(int(np.flatnonzero(world.fleet.vehicle_state == VehicleState.PARKED)[0]))
        found.append(int(np.flatnonzero(world.fleet.charging_state == ChargingState.CHARGING)[0]))

    heard = said(town(TAXIS), HOUR_S, act=look)
    return Quiet(heard, *found)


def service(name: str, **arguments: Any) -> Act:
    return lambda world, row: world.execute(Command(row, "service", name, arguments))


ACTS: dict[str, Act] = {
    "software is installed": lambda world, row: world.install(row, "2.0.0", 300.0),
    "is locked": service("Lock"),
    "is unlocked": service("Unlock"),
    "flashes": service("HonkAndFlash"),
    "is heated": service("StartClimate"),
    "has a charge limit": lambda world, row: world.execute(Command(row, "set", "", {"charging:ChargeLimit": 60})),
    "reports at other intervals": lambda world, row: world.report_every(np.array([row]), {"driving": 3.0, "parked": 7}),
    "stores a trouble code": lambda world, row: world.store_dtc(row, "P0A80"),
    "is looked at": lambda world, row: world.look(np.array([row])),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ACTS)
def test_what_one_taxi_meets_with_changes_no_other(quiet: Quiet, name: str) -> None:
    seconds = HOUR_S if name == "software is installed" else HALF_AN_HOUR_S
    touched = said(town(TAXIS), seconds, act=ACTS[name], row=quiet.parked)
    changed = differ(quiet.said, touched, seconds)
    assert changed <= {("taxis", quiet.parked)}
    assert changed or name == "is looked at"


@pytest.mark.long
def test_a_charger_that_fails_changes_only_its_car(quiet: Quiet) -> None:
    touched = said(town(TAXIS), HALF_AN_HOUR_S, act=lambda world, row: world.fail_charger(row), row=quiet.charging)
    assert differ(quiet.said, touched, HALF_AN_HOUR_S) == {("taxis", quiet.charging)}


@pytest.mark.long
def test_the_same_seed_is_the_same_hour_and_another_seed_another(quiet: Quiet) -> None:
    assert said(town(TAXIS), HOUR_S) == quiet.said
    assert differ(quiet.said, said(town(TAXIS, seed=8), AT_S), AT_S) == set(quiet.said)


@pytest.mark.long
@pytest.mark.parametrize(
    "fleets",
    [
        (TAXIS, COMMUTERS),
        (COMMUTERS, TAXIS),
        (VANS, TAXIS, COMMUTERS),
        (("commuters", 4000, *COMMUTERS[2:]), TAXIS),
        (("test drivers", 5, "{cycle: WLTC}", "0.8"), TAXIS),
    ],
    ids=["behind", "before", "around", "large", "always awake"],
)
def test_other_fleets_change_nothing_for_a_fleet(quiet: Quiet, fleets: tuple[Any, ...]) -> None:
    seconds = AT_S if len(fleets) == 2 and fleets[0][1] > 1000 else HALF_AN_HOUR_S
    assert differ(quiet.said, said(town(*fleets), seconds), seconds) == set()


@pytest.mark.long
def test_cars_asleep_do_not_feel_others_awake() -> None:
    """A world in which nobody is awake skips seconds; with a car that drives all the time it counts each of them."""
    sleepers = ("sleepers", 20, "{commuter: {leaves_home: 07:25, charge_below: 0.6}}", "uniform(0.55, 0.9)")
    alone = said(town(sleepers), HALF_AN_HOUR_S)
    beside = said(town(("test drivers", 1, "{cycle: WLTC}", "0.8"), sleepers), HALF_AN_HOUR_S)
    assert differ(alone, beside, HALF_AN_HOUR_S) == set()


def test_a_scaled_fleet_keeps_its_first_cars() -> None:
    """`--vehicles`: car 1 stays car 1, its place, its age, its charge and its VIN."""
    scenario = load_scenario(Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml")
    whole, scaled = World(scenario, seed=7), World(scenario, seed=7, vehicles=40)
    for (name, rows, spec), (_, few, _) in zip(whole.fleets, scaled.fleets, strict=True):
        same = slice(rows.start, rows.start + few.stop - few.start)
        np.testing.assert_array_equal(whole.town.node[same], scaled.town.node[few], err_msg=name)
        np.testing.assert_array_equal(whole.fleet.odometer_m[same], scaled.fleet.odometer_m[few], err_msg=name)
        shown = whole.fleet.displayed_soc(same), scaled.fleet.displayed_soc(few)
        np.testing.assert_allclose(*shown, atol=1e-6, err_msg=name)
        if len(spec.models) == 1:
            np.testing.assert_array_equal(whole.fleet.vins[same], scaled.fleet.vins[few], err_msg=name)


def test_a_fleet_that_grows_leaves_the_others_their_vins() -> None:
    few, many = town(TAXIS, COMMUTERS), town(("taxis", 90, *TAXIS[2:]), COMMUTERS)
    assert few.fleet.vins[40:].tolist() == many.fleet.vins[90:].tolist()
    assert len(set(many.fleet.vins.tolist())) == many.fleet.n


def test_commands_and_faults_choose_the_same_cars_whatever_was_chosen_before() -> None:
    def locked(*commands: str) -> set[int]:
        world = town(TAXIS, COMMUTERS, more="commands: [" + ", ".join(commands) + "]")
        while world.elapsed_s < 120:
            world.advance()
        return set(np.flatnonzero(world.fleet.charge_limit == 61).tolist())

    def limit(percent: int, on: str, at: str) -> str:
        return f'{{at: {at}, on: {on}, set: {{"charging:ChargeLimit": {percent}}}}}'

    chosen = locked(limit(55, "3 of taxis", "60 s"), limit(61, "5 of commuters", "90 s"))
    assert len(chosen) == 5
    # More are chosen by the first command, or others, or at another time: the second chooses as before.
    assert chosen == locked(limit(55, "30 of taxis", "60 s"), limit(61, "5 of commuters", "90 s"))
    assert chosen == locked(limit(55, "1 of commuters", "95 s"), limit(61, "5 of commuters", "90 s"))
    assert chosen != locked(limit(61, "5 of commuters", "90 s"))  # it is another command


def test_one_car_less_to_choose_from_changes_one_place_of_a_choice() -> None:
    world = town(TAXIS)

    def drawn(state: np.ndarray[Any, Any]) -> set[int]:
        lots = parse_selection("5 of parked taxis").pick(
            slice(0, 40), {"taxis": slice(0, 40)}, state, lambda rows: world.draws.of(rows).words("choice")
        )
        return set(lots.tolist())

    everybody = np.zeros(40, dtype=np.uint8)
    chosen = drawn(everybody)
    for row in range(40):
        state = everybody.copy()
        state[row] = VehicleState.DRIVING
        assert len(chosen - drawn(state)) == (row in chosen)


@pytest.mark.long
def test_only_those_who_meet_at_a_station_feel_each_other() -> None:
    """Ten taxis are low and share two connectors; where a session fails, the next one's begins earlier."""
    low = ("low taxis", 10, "{ride_hailing: {charge_below: 0.3}}", "uniform(0.12, 0.25)")
    full = ("full taxis", 30, "{ride_hailing: {charge_below: 0.15}}", "uniform(0.8, 0.9)")
    found: list[int] = []

    def look(world: World, _: int) -> None:
        found.append(int(np.flatnonzero(world.fleet.charging_state == ChargingState.CHARGING)[0]))

    before = said(town(low, full, stations=NARROW), HALF_AN_HOUR_S, act=look)

    def fails(world: World, row: int) -> None:
        assert world.fail_charger(row)

    touched = said(town(low, full, stations=NARROW), HALF_AN_HOUR_S, act=fails, row=found[0])
    changed = differ(before, touched, HALF_AN_HOUR_S)
    assert ("low taxis", found[0]) in changed
    assert len(changed) > 1  # who queues comes to the connector sooner …
    assert {name for name, _ in changed} == {"low taxis"}  # … and nobody else notices
