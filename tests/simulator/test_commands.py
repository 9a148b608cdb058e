"""What each command does to a simulated vehicle, as later telemetry shows it, or why it is refused."""

import time
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Command
from jinqiao.simulator.commands.page import commands_page
from jinqiao.simulator.commands.refusals import Refusal
from jinqiao.simulator.commands.table import PROPERTIES, SERVICES
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.modes import ChargingState, VehicleState
from jinqiao.wire.alink.ev_features import SERVICES as MODEL_SERVICES

PAGE = Path(__file__).parents[2] / "docs" / "commands.md"
HOME = "{commuter: {leaves_home: 12:00, leaves_work: 18:00, charge_below: 0.59, charge_to: 0.6}}"
HUB = "[{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 4}]}]"
CHARGING, FINISHED, SUSPENDED = ChargingState.CHARGING, ChargingState.FINISHED, ChargingState.SUSPENDED


class Cars:
    """A world with a hand on it."""

    def __init__(self, world, seconds=0):
        self.world = world
        self.events = []
        self.until(seconds)

    def until(self, second):
        while self.world.elapsed_s < second and self.world.next_busy_s() < second:
            self.events += self.world.advance().events
        self.world.idle_until(second)

    def wait(self, seconds):
        self.until(self.world.elapsed_s + seconds)

    def call(self, name, row=0, **arguments):
        return self.world.execute(Command(row, "service", name, arguments))

    def set(self, row=0, **values):
        return self.world.execute(Command(row, "set", "", {name.replace("__", ":"): v for name, v in values.items()}))

    def see(self, *names, row=0):
        found = {}
        for batch in self.world.look(np.array([row])):
            assert batch.vehicles.tolist() == [row]
            assert (batch.time_ms == self.world.time_ms).all()
            found |= {name: values[0].item() for name, values in batch.signals.items()}
        return found[names[0]] if len(names) == 1 else [found[name] for name in names]

    def named(self, identifier):
        return [event for event in self.events if event.identifier == identifier]


@pytest.fixture
def cars(make_world, fleet_text):
    def make(agenda=HOME, soc="0.8", seconds=5, count=1, model="bmw-i3-edrive35l-2022", **more):
        more.setdefault("stations", HUB)
        fleet = fleet_text(count, agenda, soc, "{driving: 1 s, charging: 10 s, parked: 5 min}", f"{{{model}: 1}}")
        return Cars(make_world(fleet, **more), seconds)

    return make


@pytest.fixture
def parked(cars):
    return cars()


@pytest.fixture
def charging(cars):
    """At home, below its 60 %."""
    found = cars(soc="0.57", seconds=60)
    assert found.see("charging_state") == CHARGING
    return found


@pytest.fixture
def driving(cars):
    found = cars("{cycle: CLTC-P}", seconds=100)
    assert found.see("vehicle_state") == VehicleState.DRIVING
    return found


def refused(outcome, refusal):
    assert (outcome.code, outcome.message[: len(refusal.text)]) == (refusal.code, refusal.text), outcome
    return True


def done(outcome):
    assert (outcome.code, outcome.message) == (200, "success"), outcome
    return True


# Charging.


def test_a_session_is_suspended_and_goes_on(charging):
    assert charging.see("charge_power") > 5
    done(charging.call("StopCharging"))
    assert charging.see("charging_state", "charge_power", "plug_state", "vehicle_state") == [SUSPENDED, 0, 1, 0]
    soc = charging.world.fleet.soc[0]
    charging.wait(3600)
    assert charging.see("charging_state", "charge_power") == [SUSPENDED, 0]
    assert charging.world.fleet.soc[0] <= soc  # the display may rise: a rest corrects its error
    done(charging.call("StopCharging"))
    done(charging.call("StartCharging"))
    charging.wait(30)
    assert charging.see("charging_state", "vehicle_state") == [CHARGING, VehicleState.CHARGING]
    assert charging.see("charge_power") > 5
    assert len(charging.named("ChargingStarted")) == 1
    charging.until(5 * 3600 - 100)
    assert charging.see("charging_state") == FINISHED
    (finished,) = charging.named("ChargingFinished")
    assert finished.output["EndSoc"] == 60
    assert finished.output["StopReason"] == "limit reached"


def test_a_suspended_car_is_driven_off_all_the_same(charging):
    charging.call("StopCharging")
    charging.until(5 * 3600 + 30)
    assert charging.see("vehicle_state", "plug_state", "charging_state") == [VehicleState.DRIVING, 0, 0]
    assert [event.output["StopReason"] for event in charging.named("ChargingFinished")] == ["stopped by driver"]


def test_charging_needs_a_cable_room_and_a_session(parked, charging):
    refused(parked.call("StartCharging"), Refusal.NOT_PLUGGED_IN)
    refused(parked.call("StopCharging"), Refusal.NOT_CHARGING)
    charging.until(3600)
    assert charging.see("charging_state") == FINISHED
    assert refused(charging.call("StartCharging"), Refusal.AT_LIMIT)
    assert "60 %" in charging.call("StartCharging").message


def test_the_handshake_is_not_disturbed(cars):
    found = cars(soc="0.4", seconds=10)
    assert found.see("charging_state") == ChargingState.HANDSHAKE
    refused(found.call("StopCharging"), Refusal.NOT_CHARGING)
    done(found.call("StartCharging"))
    found.until(30)
    assert found.see("charging_state") == CHARGING


def test_a_raised_limit_lets_a_finished_car_go_on(charging):
    charging.until(3600)
    done(charging.call("SetChargeLimit", Limit=65))
    assert charging.see("charge_limit", "charging_state") == [65, CHARGING]
    charging.wait(2400)
    assert charging.see("charging_state", "vehicle_state") == [FINISHED, VehicleState.PARKED]
    assert charging.see("soc_displayed") == pytest.approx(65, abs=0.5)
    first, second = charging.named("ChargingFinished")
    assert second.output["StartSoc"] == pytest.approx(first.output["EndSoc"], abs=1.5)  # the display learns at rest
    assert second.output["StopReason"] == "limit reached"
    assert second.output["EnergyKwh"] == pytest.approx((65 - second.output["StartSoc"]) * 0.70 / 0.9, rel=0.15)
    assert len(charging.named("ChargingStarted")) == 2


@pytest.mark.long
def test_a_car_that_charges_by_command_when_its_driver_comes_has_not_rested_meanwhile(cars):
    """A van: its round begins while it charges again; the heated coolant is still warm a second later."""
    found = cars(
        "{delivery: {stops: 1, stop: 1 min, charge_below: 0.5, charge_to: 0.51}}",
        soc="0.49",
        model="bmw-ix3-2021",
        ambient="-20 degC",
    )
    while not found.named("ChargingFinished"):
        found.wait(30)
    done(found.call("SetChargeLimit", Limit=90))
    fleet, wakes_s = found.world.fleet, int(found.world.town.wake_s[0])
    found.until(wakes_s)
    assert found.see("vehicle_state") == VehicleState.CHARGING
    before = float(fleet.coolant_temperature_degc[0])
    assert before > fleet.pack_temperature_degc[0] + 2
    found.wait(1)
    assert found.see("vehicle_state") == VehicleState.DRIVING
    assert fleet.coolant_temperature_degc[0] == pytest.approx(before, abs=0.5)


def test_a_charger_that_fails_ends_the_session_until_the_next_plug(charging):
    assert charging.world.fail_charger(0)
    charging.wait(2)
    assert charging.see("charging_state", "charge_power", "plug_state", "vehicle_state") == [5, 0, 1, 0]
    assert charging.named("ChargingFinished")[0].output["StopReason"] == "charger fault"
    refused(charging.call("StartCharging"), Refusal.CHARGER_FAULT)
    refused(charging.call("StopCharging"), Refusal.NOT_CHARGING)
    done(charging.set(charging__ChargeLimit=90))
    assert charging.see("charging_state") == 5
    assert not charging.world.fail_charger(0)
    charging.until(5 * 3600 + 30)
    assert charging.see("vehicle_state", "charging_state", "plug_state") == [VehicleState.DRIVING, 0, 0]


def test_a_limit_below_the_charge_ends_the_session(charging):
    done(charging.set(charging__ChargeLimit=30))
    charging.wait(2)
    assert charging.see("charging_state", "charge_power", "plug_state") == [FINISHED, 0, 1]
    assert charging.named("ChargingFinished")[0].output["StopReason"] == "limit reached"


def test_a_limit_below_the_charge_ends_a_suspended_session(charging):
    charging.call("StopCharging")
    charging.set(charging__ChargeLimit=30)
    charging.wait(2)
    assert charging.see("charging_state") == FINISHED


@pytest.mark.long
def test_a_users_limit_outlives_the_session(cars):
    """The agenda would charge to 60 % at home."""
    found = cars(soc="0.48")
    found.set(charging__ChargeLimit=50)
    found.until(3600)
    assert found.see("charge_limit", "charging_state") == [50, FINISHED]
    assert found.named("ChargingFinished")[0].output["EndSoc"] == 50
    found.until(13 * 3600)  # to work, home again, and plugged in again
    assert found.see("charge_limit") == 50
    assert len(found.named("ChargingFinished")) == 2
    assert max(event.output["EndSoc"] for event in found.named("ChargingFinished")) <= 50.2


@pytest.mark.parametrize(
    ("limit", "ends", "reason"), [(40, 40, "limit reached"), (95, 50, "stopped by driver"), (None, 50, "limit reached")]
)
def test_at_a_station_the_smaller_wish_counts(cars, limit, ends, reason):
    found = cars("{ride_hailing: {charge_below: 0.3, charge_to: 0.5}}", soc="0.25", seed=2)
    if limit:
        found.set(charging__ChargeLimit=limit)
    while not found.named("ChargingFinished"):
        found.wait(10)
    finished = found.named("ChargingFinished")[0].output
    assert finished["EndSoc"] == pytest.approx(ends, abs=0.3)
    assert finished["StopReason"] == reason
    assert found.see("charge_limit") == (limit or 50)


def test_who_starts_again_from_afar_is_not_stopped_where_the_driver_would_have_been(cars):
    """The session has ended where the driver wanted it to; he is not back yet, and the car may take more."""
    found = cars("{ride_hailing: {charge_below: 0.3, charge_to: 0.5}}", soc="0.25", seed=2)
    found.set(charging__ChargeLimit=95)
    while not found.named("ChargingFinished"):
        found.wait(1)
    done(found.call("StartCharging"))
    found.wait(10)
    assert found.see("charging_state") == CHARGING
    assert found.see("soc_displayed") > 50.3
    assert len(found.named("ChargingFinished")) == 1


def test_a_driver_who_waits_does_not_wait_for_ever(cars):
    found = cars("{ride_hailing: {charge_below: 0.3, charge_to: 0.8}}", soc="0.2", seed=2)
    while found.see("charging_state") != CHARGING:
        found.wait(10)
    done(found.call("StopCharging"))
    found.wait(14 * 60)
    assert found.see("charging_state") == SUSPENDED
    found.wait(6 * 60)
    assert found.see("plug_state") == 0
    assert found.named("ChargingFinished")[0].output["StopReason"] == "stopped by driver"


# Climate.


def test_a_parked_car_conditions_its_cabin_from_the_battery_for_half_an_hour(cars):
    found, idle = cars(ambient="0 degC"), cars(ambient="0 degC")
    done(found.call("StartClimate", Target=24))
    assert found.see("climate_on", "target_temperature") == [1, 24]
    found.wait(5)
    assert found.see("hvac_power") > 0.8
    found.wait(900)
    assert found.see("cabin_temperature") > 20
    assert found.see("pack_power") > 0.3
    found.wait(910)
    idle.until(found.world.elapsed_s)
    assert found.see("climate_on", "hvac_power") == [0, 0]
    used = idle.world.fleet.usable_kwh(slice(None))[0] - found.world.fleet.usable_kwh(slice(None))[0]
    assert 0.2 < used < 4
    found.wait(3600)
    assert found.see("cabin_temperature") < 8


def test_asked_again_the_half_hour_begins_again_and_stop_stops(parked):
    parked.call("StartClimate", Target=26)
    parked.wait(1500)
    parked.call("StartClimate")
    parked.wait(600)
    assert parked.see("climate_on", "target_temperature") == [1, 26]
    done(parked.call("StopClimate"))
    assert parked.see("climate_on", "hvac_power") == [0, 0]
    parked.wait(60)
    assert parked.see("climate_on", "hvac_power") == [0, 0]


def test_on_the_cable_the_grid_gives_it(charging):
    stays = charging
    stays.until(3600)
    before = stays.world.fleet.soc[0]
    done(stays.call("StartClimate", Target=28))
    stays.wait(600)
    assert stays.see("hvac_power", "charge_power")[1] > 0.25
    assert before - stays.world.fleet.soc[0] < 1e-3


def test_a_low_battery_has_nothing_for_comfort_but_a_cable_has(cars):
    low = cars("{commuter: {leaves_home: 12:00, charge_below: 0.05}}", soc="0.1")
    assert refused(low.call("StartClimate", Target=22), Refusal.BATTERY_LOW)
    assert low.see("climate_on") == 0
    done(cars(soc="0.1", seconds=60).call("StartClimate", Target=22))


def test_a_target_is_set_at_any_time_within_its_range(driving, parked):
    for found in (driving, parked):
        done(found.set(climate__TargetTemperature=25.5))
        found.wait(2)
        assert found.see("target_temperature") == 25.5
        for wrong in (15.5, 28.5, 20.3, "22", None, True, float("nan"), 10**400):
            assert refused(found.set(climate__TargetTemperature=wrong), Refusal.BAD_ARGUMENT)
    assert parked.see("climate_on") == 0


# Doors, lamps.


def test_a_parked_car_is_unlocked_and_locked(parked):
    assert parked.see("locked") == 1
    done(parked.call("Unlock"))
    assert parked.see("locked") == 0
    parked.wait(600)
    assert parked.see("locked") == 0
    done(parked.set(body__Locked=True))
    assert parked.see("locked") == 1
    done(parked.set(body__Locked=0))
    assert parked.see("locked") == 0


def test_an_unlocked_car_locks_when_it_is_driven(cars):
    found = cars("{commuter: {leaves_home: 07:05}}")
    found.call("Unlock")
    found.until(320)
    assert found.see("locked") == 1


def test_on_the_road_the_doors_stay_locked(driving):
    for outcome in (driving.call("Unlock"), driving.set(body__Locked=0), driving.call("HonkAndFlash")):
        refused(outcome, Refusal.DRIVING)
    for name in ("StartClimate", "StopClimate", "ClearDtc"):
        refused(driving.call(name), Refusal.DRIVING)
    done(driving.call("Lock"))
    driving.wait(2)
    assert driving.see("locked", "hazard_light") == [1, 0]


def test_nobody_is_locked_in_while_he_gets_out(cars):
    found = cars("{commuter: {leaves_home: 07:01}}")
    while not found.named("TripFinished"):
        found.wait(1)
    while found.see("doors_open") == 0:
        found.wait(1)
    refused(found.call("Lock"), Refusal.DOOR_OPEN)
    found.wait(20)
    done(found.call("Lock"))


def test_the_lamps_flash_for_ten_seconds(parked):
    done(parked.call("HonkAndFlash"))
    assert parked.see("hazard_light") == 1
    parked.wait(6)
    done(parked.call("HonkAndFlash"))
    parked.wait(6)
    assert parked.see("hazard_light") == 1
    parked.wait(6)
    assert parked.see("hazard_light") == 0


# Diagnosis.


def test_codes_are_stored_reported_read_and_cleared(parked):
    world = parked.world
    world.store_dtc(0, "P0A80")
    world.store_dtc(0, "P0AA6")
    world.store_dtc(0, "P0A80")
    assert parked.call("ReadDtc").output == {"Codes": ["P0A80", "P0AA6"]}
    assert parked.see("dtc_count") == 2
    assert [dtc.code for dtc in world.dtcs(0)] == ["P0A80", "P0AA6"]
    parked.wait(1)
    reported = [event.output for event in parked.named("diagnostics:DtcReported")]
    assert reported == [{"Code": "P0A80", "Status": 1}, {"Code": "P0AA6", "Status": 1}]
    found = parked.call("RequestDiagnostics").output
    assert found["DtcCount"] == 2
    assert found["SoftwareVersion"] == "1.0.0"
    assert 11 < found["AuxBatteryVoltage"] < 15
    assert found["StateOfHealth"] == pytest.approx(parked.see("state_of_health"), abs=0.01)
    assert found["InsulationResistance"] == pytest.approx(parked.see("insulation_resistance"), abs=1)
    assert parked.call("ClearDtc").output == {"Cleared": 2}
    assert parked.call("ReadDtc").output == {"Codes": []}
    assert parked.see("dtc_count") == 0
    parked.wait(1)
    assert [event.output["Status"] for event in parked.named("diagnostics:DtcReported")] == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="expected a trouble code"):
        world.store_dtc(0, "banana")


# The door.


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (Command(0, "service", "Lok"), Refusal.NO_SUCH_SERVICE),
        (Command(0, "service", "Lock", {"now": 1}), Refusal.BAD_ARGUMENT),
        (Command(0, "service", "Lock", [1]), Refusal.BAD_ARGUMENT),
        (Command(0, "service", "SetChargeLimit", {}), Refusal.BAD_ARGUMENT),
        (Command(0, "service", "SetChargeLimit", {"Limit": 80.5}), Refusal.BAD_ARGUMENT),
        (Command(0, "set", "", {}), Refusal.BAD_ARGUMENT),
        (Command(0, "set", "", {"VehicleSpeed": 3}), Refusal.NO_SUCH_PROPERTY),
        (Command(0, "set", "", {"body:Locked": 2}), Refusal.BAD_ARGUMENT),
        (Command(0, "set", "", {"body:Locked": {"value": 1}}), Refusal.BAD_ARGUMENT),
    ],
)
def test_nonsense_is_refused(parked, command, refusal):
    refused(parked.world.execute(command), refusal)


def test_a_set_is_done_whole_or_not_at_all(driving, parked):
    values = {"charging__ChargeLimit": 70, "climate__TargetTemperature": 20, "body__Locked": 0}
    refused(driving.set(**values), Refusal.DRIVING)
    driving.wait(2)
    assert driving.see("charge_limit", "target_temperature", "locked") == [100, 22, 1]
    done(parked.set(**values))
    assert parked.see("charge_limit", "target_temperature", "locked") == [70, 20, 0]


def test_there_is_no_other_vehicle(parked):
    for row in (-1, 1):
        with pytest.raises(IndexError):
            parked.world.execute(Command(row, "service", "Lock"))


def test_a_command_in_a_quiet_minute_finds_its_second_and_is_reported(parked):
    """All sleep, and the world has run ahead to nobody's next second."""
    world = parked.world
    parked.until(40)
    assert world.elapsed_s == 40
    parked.call("HonkAndFlash")
    assert world.next_busy_s() == 40
    batches = world.advance().batches
    assert {batch.group for batch in batches} == {"core", "detail"}
    assert all((batch.time_ms == world.scenario.start_ms + 41_000).all() for batch in batches)
    assert world.next_busy_s() == 50


def test_looking_changes_nothing(cars):
    def run(looks):
        found = cars("{cycle: WLTC}", count=3)
        seen = []
        for _ in range(60):
            batches = found.world.advance().batches
            seen += [values.tobytes() for batch in batches for values in batch.signals.values()]
            if looks:
                core, detail = found.world.look(np.array([2, 0, 2]))
                assert core.vehicles.tolist() == detail.vehicles.tolist() == [0, 2]
        return seen

    assert run(looks=True) == run(looks=False)
    assert cars().world.look(np.array([], dtype=int)) == []


def test_a_command_costs_little(cars):
    """CPU time, not wall time: a fifth of a millisecond each is what a thousand a second can afford."""
    world = cars(count=50).world
    calls = [
        Command(row, "service", name) for row in range(50) for name in ("Unlock", "Lock", "HonkAndFlash", "ReadDtc")
    ]
    began = time.process_time()
    for command in calls:
        world.execute(command)
    assert (time.process_time() - began) / len(calls) < 1e-3


# Software.


def test_software_is_installed_in_a_parked_car_which_is_silent_meanwhile(cars):
    found = cars("{commuter: {leaves_home: 07:03}}", ambient="0 degC")
    world = found.world
    assert world.software_version(0) == "1.0.0"
    done(world.install(0, "2.1.0", 400))
    assert world.is_silent(0)
    assert world.look(np.array([0])) == []
    refused(found.call("Lock"), Refusal.UPDATING)
    refused(world.install(0, "3", 5), Refusal.UPDATING)
    while world.elapsed_s < 400:  # a departure at 180 s among them
        batches = world.advance().batches
        assert not batches or world.elapsed_s > 405
        assert world.software_version(0) == ("1.0.0" if world.elapsed_s <= 405 else "2.1.0")
    found.until(410)
    assert world.software_version(0) == "2.1.0"
    assert found.see("vehicle_state") == VehicleState.DRIVING
    refused(world.install(0, "3", 5), Refusal.NOT_PARKED)


def test_an_installation_that_is_to_fail_leaves_the_old_version(parked):
    world = parked.world
    world.fleet.ota_failure[0] = -4
    assert world.ota_failure(0) == -4
    done(world.install(0, "2.0.0", 30))
    parked.wait(60)
    assert not world.is_silent(0)
    assert world.software_version(0) == "1.0.0"
    world.fleet.ota_failure[0] = -2  # the download's: nothing that was downloaded can be installed
    done(world.install(0, "2.0.0", 30))
    parked.wait(60)
    assert world.software_version(0) == "2.0.0"


def test_no_installation_with_a_low_battery(cars):
    found = cars("{commuter: {leaves_home: 12:00, charge_below: 0.05}}", soc="0.1")
    refused(found.world.install(0, "2", 5), Refusal.BATTERY_LOW)


# The scenario's own commands.

SCENARIO = """
name: orders
start: 2026-11-23T07:00+08:00
duration: 1 h
weather: {ambient: 0 degC}
fleets:
  - {name: commuters, count: 8, models: {bmw-i3-edrive35l-2022: 1}, agenda: {commuter: {leaves_home: 12:00}},
     initial_soc: 0.8}
  - {name: benches, count: 2, models: {bmw-i3-edrive35l-2022: 1}, agenda: {cycle: WLTC}, initial_soc: 0.8}
commands:
  - {at: 90.5 s, on: parked commuters, service: StartClimate, args: {Target: 24}}
  - {at: 1 min, on: 3 of commuters, set: {charging:ChargeLimit: 70}}
  - {at: 3 min, on: all, service: Unlock}
"""


def test_a_scenario_gives_its_commands_at_their_second():
    world = World(parse_scenario(SCENARIO), seed=3)
    fleet = world.fleet
    limited = []
    while world.elapsed_s < 300:
        before = world.elapsed_s
        world.advance()
        assert (fleet.climate_on[:8] == (before >= 91)).all()
        assert (fleet.charge_limit == 70).sum() == (3 if before >= 60 else 0)
        limited.append(np.flatnonzero(fleet.user_limit).tolist())
    assert world.command_outcomes == {
        "charging:ChargeLimit": {200: 3},
        "StartClimate": {200: 8},
        "Unlock": {200: 8, Refusal.DRIVING.code: 2},
    }
    assert (fleet.locked[:8] == 0).all()
    assert all(row < 8 for row in limited[-1])


def test_the_same_seed_commands_the_same_vehicles():
    def limited(seed):
        world = World(parse_scenario(SCENARIO), seed=seed)
        while world.elapsed_s < 70:
            world.advance()
        return np.flatnonzero(world.fleet.user_limit).tolist()

    assert limited(1) == limited(1)
    assert len({tuple(limited(seed)) for seed in range(6)}) > 1


def test_everybody_sleeps_until_the_command():
    text = SCENARIO.replace("  - {name: benches", "  #").replace("parked: 5 min", "parked: 1 h")
    world = World(parse_scenario(text), seed=3)
    steps = 0
    while world.elapsed_s < 60:
        world.advance()
        steps += 1
    assert steps < 20
    assert world.elapsed_s == 61


# The table.


def test_the_table_is_the_thing_models():
    assert list(SERVICES) == [row.address for row in MODEL_SERVICES]
    for row in MODEL_SERVICES:
        assert [one.name for one in SERVICES[row.address].inputs] == [name for name, _ in row.input]
        assert list(SERVICES[row.address].outputs) == [name for name, _ in row.output]
    assert list(PROPERTIES) == [signal.identifier for signal in SIGNALS.values() if signal.access == "rw"]


def test_every_reason_has_its_own_code_and_somebody_who_gives_it():
    codes = [refusal.code for refusal in Refusal]
    assert len(set(codes)) == len(codes)
    assert all(code in (460, 5159, 5161) or 100000 <= code <= 110000 for code in codes)


def test_the_page_of_commands_is_current():
    """After a change of the table: python -m jinqiao.simulator.commands.page > docs/commands.md"""
    page = commands_page()
    assert PAGE.read_text(encoding="utf-8") == page
    for name in [*PROPERTIES, *SERVICES, *(str(refusal.code) for refusal in Refusal)]:
        assert name in page
