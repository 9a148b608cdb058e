"""Hundreds of commands at random seconds: nothing crashes, nothing contradicts physics, states stay valid."""

from random import Random

import numpy as np
import pytest

from jinqiao.base.telemetry import Command, Outcome
from jinqiao.simulator.check import Checker
from jinqiao.simulator.commands.refusals import Refusal
from jinqiao.simulator.commands.table import PROPERTIES, SERVICES
from jinqiao.vehicles.modes import ChargingState, Plug, VehicleState

pytestmark = pytest.mark.long

CODES = {200} | {refusal.code for refusal in Refusal}
#: What a storm meets for certain; the rarer reasons have tests of their own.
OFTEN = {
    refusal.code
    for refusal in (
        Refusal.BAD_ARGUMENT,
        Refusal.UPDATING,
        Refusal.DRIVING,
        Refusal.NOT_PLUGGED_IN,
        Refusal.NOT_CHARGING,
        Refusal.BATTERY_LOW,
    )
}
SECONDS = 1800
TELEMETRY = "{driving: 2 s, charging: 5 s, parked: 1 min, detail: 20 s}"


def draw_command(dice: Random, vehicles: int) -> Command:
    """Half of them about charging, which has the most states; some nonsense."""
    row = dice.randrange(vehicles)
    if dice.random() < 0.3:
        values = {
            "charging:ChargeLimit": dice.choice([20, 30, 50, 80, 100, 101, "x"]),
            "climate:TargetTemperature": dice.choice([16, 22.5, 28, 30]),
            "body:Locked": dice.choice([0, 1, True]),
        }
        names = dice.sample(list(PROPERTIES), dice.randint(1, 3))
        return Command(row, "set", "", {name: values[name] for name in names})
    name = dice.choice([*SERVICES, "StartCharging", "StopCharging", "StopCharging", "StartClimate"])
    arguments = {"SetChargeLimit": {"Limit": dice.randint(20, 100)}, "StartClimate": {"Target": dice.choice([18, 26])}}
    return Command(row, "service", name, arguments.get(name, {}))


@pytest.fixture(scope="module")
def storm(make_world, fleet_text):
    def fleet(count, agenda, soc, model="bmw-i3-edrive35l-2022"):
        return fleet_text(count, agenda, soc, TELEMETRY, f"{{{model}: 1}}")

    commuters = "{commuter: {leaves_home: 'normal(07:20, 10 min)', leaves_work: 'normal(07:40, 5 min)'}}"
    world = make_world(
        fleet(60, commuters, "uniform(0.1, 0.95)"),
        fleet(80, "ride_hailing", "uniform(0.04, 0.9)"),
        fleet(30, "{delivery: {stops: 2, stop: 1 min}}", "uniform(0.1, 0.6)", "bmw-ix3-2021"),
        fleet(30, "{cycle: WLTC}", "uniform(0.05, 0.5)", "bmw-i7-xdrive60-2023"),
        ambient="2 degC",
        stations="[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 12}]}]",
        seed=4,
    )
    dice = Random(11)
    checker = Checker(world.fleet.models, world.fleet.model_of, world.fleet.vins)
    outcomes: list[tuple[Command, Outcome]] = []
    events = []
    while world.elapsed_s < SECONDS:
        step = world.advance()
        events += step.events
        checker.read(step.batches)
        commands = [draw_command(dice, world.fleet.n) for _ in range(dice.choice([0, 1, 1, 1, 4]))]
        outcomes += [(command, world.execute(command)) for command in commands]
        if commands:
            checker.read(world.look(np.array([command.vehicle for command in commands])))
        if dice.random() < 0.05:
            world.install(dice.randrange(world.fleet.n), "2.0.0", dice.randint(1, 200))
        if dice.random() < 0.05:
            world.fail_charger(dice.randrange(world.fleet.n))
            world.store_dtc(dice.randrange(world.fleet.n), dice.choice(["P0A80", "P0AA6"]))
        sound(world.fleet)
    return world, checker, outcomes, events


def sound(fleet):
    """What holds at every second."""
    state, session, plug = fleet.vehicle_state, fleet.charging_state, fleet.plug_state
    assert ((session == ChargingState.IDLE) == (plug == Plug.UNPLUGGED)).all()
    busy = (session == ChargingState.HANDSHAKE) | (session == ChargingState.CHARGING)
    assert (busy == (state == VehicleState.CHARGING)).all()
    assert (plug[state == VehicleState.DRIVING] == Plug.UNPLUGGED).all()
    assert ((fleet.charge_limit >= 20) & (fleet.charge_limit <= 100)).all()
    assert (fleet.locked[state == VehicleState.DRIVING] == 1).all()
    assert ((fleet.soc >= 0) & (fleet.soc <= 1)).all()


def test_a_storm_of_commands_breaks_no_rule_of_physics(storm):
    _, checker, outcomes, _ = storm
    assert len(outcomes) > 2000
    assert checker.checked > 1_000_000
    assert checker.total == 0, checker.violations[:5]


def test_every_command_was_done_and_refused_in_the_storm(storm):
    world, _, outcomes, events = storm
    assert {outcome.code for _, outcome in outcomes} <= CODES
    done = {command.identifier for command, outcome in outcomes if outcome.code == 200}
    assert done == {*SERVICES, ""}
    assert {outcome.code for _, outcome in outcomes} >= OFTEN
    assert (world.fleet.charging_state == ChargingState.SUSPENDED).any()
    started = sum(event.identifier == "ChargingStarted" for event in events)
    finished = sum(event.identifier == "ChargingFinished" for event in events)
    running = np.isin(world.fleet.charging_state, [ChargingState.CHARGING, ChargingState.SUSPENDED]).sum()
    assert started - finished == running


def test_the_same_storm_gives_the_same_world(make_world, fleet_text):
    def run():
        world = make_world(fleet_text(12, "ride_hailing", "uniform(0.1, 0.6)"), fleet_text(12, "commuter", "0.3"))
        dice, seen = Random(5), []
        while world.elapsed_s < 300:
            step = world.advance()
            seen += [values.tobytes() for batch in step.batches for values in batch.signals.values()]
            seen += step.events
            seen.append(world.execute(draw_command(dice, 24)))
        return seen

    assert run() == run()
