"""Physical faults: the car itself changes, and everything that it reports follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jinqiao.base.telemetry import Command, Event, Label
from jinqiao.simulator.check import Checker
from jinqiao.simulator.faults.kinds import KINDS
from jinqiao.simulator.faults.physical import PhysicalFault
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.gbt32960.columns import VehicleReader
from jinqiao.vehicles.modes import ChargingState, VehicleState
from jinqiao.wire.gbt32960.items import ALARMS

EVERY_SECOND = "{driving: 1 s, charging: 1 s, parked: 10 s, detail: 1 s}"
HEAD = """
name: Broken
seed: 5
start: 2026-11-23T08:00+08:00
duration: 5 h
weather: {{ambient: {ambient} degC}}
fleets:
  - name: taxis
    count: 12
    models: {{bmw-i4-edrive40-2022: 1, bmw-i3-edrive35l-2022: 1}}
    agenda: ride_hailing
    initial_soc: uniform(0.1, 0.5)
    telemetry: {every}
  - name: benches
    count: 3
    models: {{bmw-ix3-2021: 1}}
    agenda: {{cycle: UDDS}}
    initial_soc: 0.48
    telemetry: {every}
  - name: sleepers
    count: 3
    models: {{bmw-ix3-2021: 1}}
    agenda: {{commuter: {{leaves_home: "normal(08:10, 1 s)", charge_below: 0.3}}}}
    initial_soc: 0.6
    telemetry: {every}
  - name: plugged
    count: 3
    models: {{bmw-ix3-2021: 1}}
    agenda: {{commuter: {{leaves_home: "normal(12:10, 1 s)"}}}}
    initial_soc: 0.3
    telemetry: {every}
charging_stations:
  - {{name: hub, at: [31.2497, 121.5957], connectors: [{{kind: dc, power: 120 kW, count: 8}}]}}
"""
SLEEPERS, PLUGGED, BENCHES = (slice(15, 18), slice(18, 21), slice(12, 15))


class Watched:
    """A world with these faults: every signal of every second, labels and events, all of it checked."""

    def __init__(self, *faults: str, ambient: int = 20) -> None:
        text = HEAD.format(ambient=ambient, every=EVERY_SECOND)
        if faults:
            text += "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)
        self.world = World(parse_scenario(text), seed=5)
        fleet = self.world.fleet
        self.checker = Checker(fleet.models, fleet.model_of, fleet.vins)
        self.labels: list[Label] = []
        self.events: list[Event] = []
        self._seen: dict[str, list[tuple[int, int, Any]]] = {}

    def until(self, second: int) -> Watched:
        while self.world.elapsed_s < second:
            step = self.world.advance()
            self.labels += step.labels
            self.events += step.events
            self.checker.read(step.batches, step.labels)
            for batch in step.batches:
                at = (batch.time_ms - self.world.scenario.start_ms) // 1000
                for name, values in batch.signals.items():
                    self._seen.setdefault(name, []).extend(
                        zip(at.tolist(), batch.vehicles.tolist(), values.tolist(), strict=True)
                    )
        return self

    def of(self, row: int, name: str) -> dict[int, float]:
        """Second → value."""
        return {at: value for at, vehicle, value in self._seen[name] if vehicle == row}

    def all(self, name: str) -> dict[tuple[int, int], float]:
        return {(at, vehicle): value for at, vehicle, value in self._seen[name]}

    @property
    def names(self) -> list[str]:
        return list(self._seen)

    @property
    def struck(self) -> list[int]:
        rows: list[int] = self.labels[0].vehicles.tolist()
        return rows

    def codes(self, row: int) -> list[str]:
        return [code.code for code in self.world.dtcs(row)]


@pytest.fixture(scope="module")
def hot() -> Watched:
    """Two charging taxis, each with a cell that warms, for 15 minutes from the fifth on."""
    return Watched("at: 5 min, on: 2 of charging taxis, fault: cell_overheat, cell: 17, for: 15 min").until(1800)


@pytest.fixture(scope="module")
def sound() -> Watched:
    return Watched().until(1800)


def test_a_hot_cell_warms_at_its_rate_and_the_pack_hardly(hot: Watched, sound: Watched) -> None:
    for row in hot.struck:
        cell, pack = hot.of(row, "cell_temperature_max"), hot.of(row, "pack_temperature")
        warmed = (cell[800] - pack[800]) - (cell[400] - pack[400])
        assert warmed == pytest.approx(1.5 * 400 / 60, abs=0.7)  # 10 K, with what the plates do to the others
        more = pack[800] - sound.of(row, "pack_temperature")[800]
        assert -0.5 < more < 0.5  # a short of 100 W warms it a little, and it is charged less


def test_the_battery_management_reduces_and_then_ends_the_charge(hot: Watched) -> None:
    for row in hot.struck:
        power, state = hot.of(row, "charge_power"), hot.of(row, "charging_state")
        limit = hot.of(row, "charge_power_limit")
        ends = min(at for at, value in state.items() if value == ChargingState.FAULT)
        assert 300 + 9 * 60 < ends < 300 + 10 * 60  # 15 K over the others at 1.5 K/min
        assert power[ends - 10] < 0.5 * power[500]
        assert limit[ends - 30] < 0.5 * limit[500]
        (finished,) = [e for e in hot.events if e.vehicle == row and e.identifier == "ChargingFinished"]
        assert finished.output["StopReason"] == "battery management"


def test_the_alarm_rises_with_the_cell_and_falls_when_it_has_cooled(hot: Watched) -> None:
    for row in hot.struck:
        level = hot.of(row, "alarm_level")
        assert level[300] == 0
        assert [grade for grade in dict.fromkeys(level.values()) if grade] == [1, 2, 3]
        assert level[1200] == 3
        assert level[max(level)] == 0


def test_others_are_the_same_bit_for_bit(hot: Watched, sound: Watched) -> None:
    """The struck cars share a station with others, whose site has power enough for all."""
    struck = set(hot.struck)
    for name in sound.names:
        mine, other = hot.all(name), sound.all(name)
        differs = {row for at, row in mine if mine[at, row] != other.get((at, row))}
        differs |= {row for at, row in other if (at, row) not in mine}
        assert differs <= struck, name


def test_a_label_says_when_it_begins_and_ends(hot: Watched) -> None:
    assert [
        (label.kind, label.phase, (label.time_ms - hot.world.scenario.start_ms) // 1000) for label in hot.labels
    ] == [
        ("cell_overheat", "begin", 300),
        ("cell_overheat", "end", 1200),
    ]
    assert hot.labels[0].parameters == {"cell": 17, "rate": 1.5, "up_to": 40.0}


def test_every_cell_agrees_with_the_extremes_on_gbt_and_in_the_fleet() -> None:
    run = Watched(
        "at: 1 s, on: all benches, fault: cell_overheat, cell: 17, rate: 10 degC/min",
        "at: 1 s, on: all benches, fault: weak_cell, cell: 5",
    ).until(120)
    fleet, rows = run.world.fleet, np.arange(12, 15)
    signals = fleet.sample(rows, "core") | fleet.sample(rows, "detail")
    volts, degc = fleet.cell_voltages(rows), fleet.cell_temperatures(rows)
    frames = VehicleReader(fleet).read(rows)
    for place, row in enumerate(rows.tolist()):
        assert volts[place].sum() == pytest.approx(float(signals["pack_voltage"][place]), abs=0.01)
        assert volts[place].min() == pytest.approx(float(signals["cell_voltage_min"][place]), abs=1e-3)
        assert volts[place].max() == pytest.approx(float(signals["cell_voltage_max"][place]), abs=1e-3)
        low = "cell_voltage_min_index" if run.world.fleet.pack_current_a[row] > 20 else "cell_voltage_max_index"
        if abs(run.world.fleet.pack_current_a[row]) > 20:
            assert signals[low][place] == 5
        assert degc[place].argmax() + 1 == 17
        assert degc[place].max() == pytest.approx(float(signals["cell_temperature_max"][place]), abs=1e-3)
        assert degc[place].min() == pytest.approx(float(signals["cell_temperature_min"][place]), abs=1e-3)
        assert frames.probes_degc[place].argmax() + 1 == 17
        assert frames.cells_mv[place] == pytest.approx(volts[place] * 1000.0, abs=1.0)


def test_a_leak_falls_below_the_limits_of_the_standard_and_ends_the_charge() -> None:
    run = Watched("at: 5 min, on: 1 of charging taxis, fault: isolation_loss, resistance: 20 kOhm, for: 20 min")
    run.until(600)
    (row,) = run.struck
    insulation, level = run.of(row, "insulation_resistance"), run.of(row, "alarm_level")
    volts = run.of(row, "pack_voltage")
    assert insulation[300] > 2000
    assert insulation[600] == pytest.approx(20, abs=1)
    for at in insulation:
        grade = 3 if insulation[at] * 1000 < 99 * volts[at] else 2 if insulation[at] * 1000 < 495 * volts[at] else 0
        assert level[at] >= grade
    assert max(level.values()) == 3
    assert ChargingState.FAULT in run.of(row, "charging_state").values()
    assert run.of(row, "charge_power")[599] == 0
    assert "P0AA6" in run.codes(row)
    flags = VehicleReader(run.world.fleet).read(np.array([row])).flags
    assert flags[0] >> ALARMS.index("insulation") & 1
    run.until(1600)
    assert run.world.fleet.sample(np.array([row]), "detail")["insulation_resistance"][0] > 2000
    assert run.world.fleet.sample(np.array([row]), "core")["alarm_level"][0] == 0


def test_a_weak_cell_sags_and_takes_the_range() -> None:
    run = Watched("at: 5 min, on: 1 of benches, fault: weak_cell, cell: 40, capacity: 20 %, resistance: 8").until(900)
    (row,) = run.struck
    before, after = run.of(row, "state_of_health")[300], run.of(row, "state_of_health")[301]
    assert after == pytest.approx(0.8 * before, rel=1e-3)
    assert run.of(row, "energy_remaining")[301] == pytest.approx(0.8 * run.of(row, "energy_remaining")[300], rel=0.01)
    assert run.of(row, "range_remaining")[301] == pytest.approx(0.8 * run.of(row, "range_remaining")[300], rel=0.01)
    low, high, number = (run.of(row, f"cell_voltage_{which}") for which in ("min", "max", "min_index"))
    current = run.of(row, "pack_current")
    hard = [at for at in current if at > 301 and current[at] > 60]
    assert hard
    assert all(number[at] == 40 for at in hard)
    assert max(high[at] - low[at] for at in hard) > 0.1
    assert "P0A80" in run.codes(row)
    assert run.checker.total == 0


def test_an_imbalance_grows_at_its_rate() -> None:
    run = Watched("at: 1 min, on: 1 of benches, fault: cell_imbalance, cell: 9, rate: 50 mV/min, up_to: 400 mV")
    run.until(600)
    (row,) = run.struck
    low, high = run.of(row, "cell_voltage_min"), run.of(row, "cell_voltage_max")
    assert high[300] - low[300] == pytest.approx(0.2, abs=0.03)
    assert high[599] - low[599] == pytest.approx(0.4, abs=0.03)
    assert "P0BBD" in run.codes(row)
    flags = VehicleReader(run.world.fleet).read(np.array([row])).flags
    assert flags[0] >> ALARMS.index("cells_uneven") & 1


def test_without_coolant_the_pack_of_a_fast_charge_warms_more() -> None:
    run = Watched("at: 1 min, on: 1 of charging taxis, fault: coolant_pump_failure", ambient=35).until(1200)
    base = Watched(ambient=35).until(1200)
    (row,) = run.struck
    assert run.of(row, "pack_temperature")[1100] > base.of(row, "pack_temperature")[1100] + 1.0
    assert "P0C47" in run.codes(row)


def test_without_coolant_the_motor_warms_more() -> None:
    run = Watched("at: 1 min, on: 1 of benches, fault: coolant_pump_failure, loop: motor").until(1200)
    base = Watched().until(1200)
    (row,) = run.struck
    for name in ("motor_temperature", "inverter_temperature"):
        assert run.of(row, name)[1200] > base.of(row, name)[1200] + 2.0
    assert "P0A05" in run.codes(row)


def test_a_derated_motor_gives_no_more_than_it_is_left() -> None:
    run = Watched("at: 1 s, on: all benches, fault: motor_derate, power: 10 %").until(500)
    base = Watched().until(500)
    peak_kw = run.world.fleet.models[int(run.world.fleet.model_of[12])].drivetrain.peak_kw
    most = max(max(run.of(row, "motor_power").values()) for row in range(12, 15))
    assert most <= 0.1 * peak_kw + 0.01
    assert max(max(base.of(row, "motor_power").values()) for row in range(12, 15)) > 0.12 * peak_kw
    assert {run.of(row, "alarm_level")[500] for row in range(12, 15)} == {2}


def test_a_tyre_leaks_at_its_rate_warns_and_is_filled_at_the_end() -> None:
    run = Watched("at: 1 min, on: 1 of benches, fault: tyre_leak, tyre: rl, rate: 6 kPa/min, for: 12 min").until(1000)
    (row,) = run.struck
    leaking, sound = run.of(row, "tire_pressure_rl"), run.of(row, "tire_pressure_rr")
    assert (leaking[60] - leaking[660]) - (sound[60] - sound[660]) == pytest.approx(60, abs=3)
    level = run.of(row, "alarm_level")
    assert level[400] == 0  # 34 of 250 kPa
    assert level[700] == 1
    assert level[1000] == 0
    assert leaking[1000] > 240


def test_nobody_drives_on_a_flat_tyre() -> None:
    run = Watched("at: 1 min, on: all taxis, fault: tyre_leak, rate: 60 kPa/min, for: 30 min").until(1200)
    state = [run.of(row, "vehicle_state") for row in range(12)]
    assert not any(values[max(values)] == VehicleState.DRIVING for values in state)
    assert min(min(run.of(row, "tire_pressure_fl").values()) for row in range(12)) == 0
    run.until(3000)
    assert any(run.world.fleet.vehicle_state[:12] == VehicleState.DRIVING)


def test_a_dragging_brake_costs_energy() -> None:
    run = Watched("at: 1 s, on: all benches, fault: brake_drag, force: 200 N").until(1300)
    base = Watched().until(1300)
    for row in range(12, 15):
        km = run.of(row, "odometer")[1300] - run.of(row, "odometer")[2]
        more = run.of(row, "energy_discharged")[1300] - base.of(row, "energy_discharged")[1300]
        more -= run.of(row, "energy_regenerated")[1300] - base.of(row, "energy_regenerated")[1300]
        assert more == pytest.approx(200 * km / 3600, rel=0.35)  # kWh at the wheels, with the powertrain's losses


def outcome(run: Watched, row: int, service: str, **arguments: float) -> int:
    return run.world.execute(Command(row, "service", service, arguments)).code


def test_a_car_whose_12_v_battery_is_low_refuses_and_does_not_set_out() -> None:
    run = Watched("at: 1 min, on: all sleepers, fault: auxiliary_battery_low, voltage: 11 V, for: 20 min").until(120)
    row = SLEEPERS.start
    assert run.of(row, "aux_voltage")[max(run.of(row, "aux_voltage"))] == pytest.approx(11.0, abs=0.01)
    assert run.of(row, "alarm_level")[max(run.of(row, "alarm_level"))] == 1
    assert "P0562" in run.codes(row)
    assert outcome(run, row, "StartClimate", Target=22.0) == 100011
    run.until(1200)
    assert not run.world.fleet.on_trip[SLEEPERS].any()
    assert {run.of(row, "vehicle_state")[max(run.of(row, "vehicle_state"))] for row in range(15, 18)} == {0}
    run.until(1300)
    assert (run.world.fleet.vehicle_state[SLEEPERS] == VehicleState.DRIVING).all()


def test_without_its_converter_a_car_lives_on_its_12_v_battery_until_it_stops() -> None:
    run = Watched("at: 1 min, on: all benches, fault: dc_dc_failure").until(900)
    row = BENCHES.start
    volts = run.of(row, "aux_voltage")
    assert volts[30] > 14
    assert 12.3 < volts[100] < 12.7
    assert volts[900] < volts[100] - 0.05
    assert run.of(row, "alarm_level")[100] == 2
    assert "P0A94" in run.codes(row)
    run.world.fleet.harmed().now[7, BENCHES] = 0.95  # as after hours
    run.until(3600)
    assert run.world.fleet.vehicle_state[row] == VehicleState.PARKED


def test_a_contactor_that_does_not_close_lets_no_trip_begin() -> None:
    run = Watched("at: 1 min, on: all sleepers, fault: contactor_stuck, for: 20 min").until(1250)
    assert all(run.of(row, "vehicle_state")[max(run.of(row, "vehicle_state"))] == 0 for row in range(15, 18))
    assert run.codes(15) == ["P0AA2"]
    run.until(1300)
    assert (run.world.fleet.vehicle_state[SLEEPERS] == VehicleState.DRIVING).all()


def test_a_welded_contactor_refuses_the_next_charge_and_not_the_one_that_runs() -> None:
    run = Watched("at: 5 min, on: all plugged, fault: contactor_stuck, position: closed").until(400)
    row = PLUGGED.start
    assert run.world.fleet.charging_state[row] == ChargingState.CHARGING
    assert outcome(run, row, "StopCharging") == 200
    assert outcome(run, row, "StartCharging") == 100012


def test_an_on_board_charger_that_fails_ends_ac_and_not_dc() -> None:
    run = Watched("at: 5 min, on: charging, fault: onboard_charger_fault").until(400)
    fleet = run.world.fleet
    assert (fleet.charging_state[PLUGGED] == ChargingState.FAULT).all()
    on_dc = [row for row in run.struck if row < 12]
    assert on_dc
    assert (fleet.charging_state[on_dc] == ChargingState.CHARGING).all()
    assert outcome(run, PLUGGED.start, "StartCharging") == 100005


def test_hot_contacts_derate_the_charge_and_a_worse_one_ends_it() -> None:
    run = Watched("at: 1 min, on: 1 of charging taxis, fault: connector_overheat").until(800)
    base = Watched().until(800)
    (row,) = run.struck
    assert run.of(row, "charging_state")[800] == ChargingState.CHARGING
    assert 0.5 < run.of(row, "charge_power")[800] / base.of(row, "charge_power")[800] < 0.95
    worse = Watched("at: 1 min, on: 1 of charging taxis, fault: connector_overheat, resistance: 4 mOhm").until(600)
    assert worse.of(worse.struck[0], "charging_state")[200] == ChargingState.CHARGING
    assert ChargingState.FAULT in worse.of(worse.struck[0], "charging_state").values()


def test_a_runaway_is_a_thermal_event_and_the_car_is_left() -> None:
    run = Watched("at: 2 min, on: 1 of driving taxis, fault: thermal_runaway, cell: 3").until(900)
    (row,) = run.struck
    cell = run.of(row, "cell_temperature_max")
    assert cell[130] - cell[120] == pytest.approx(20, abs=1)
    low = run.of(row, "cell_voltage_min")
    assert low[140] < 0.75 * low[119]
    assert run.of(row, "alarm_level")[121] == 3
    assert run.world.fleet.vehicle_state[row] == VehicleState.PARKED
    frames = VehicleReader(run.world.fleet).read(np.array([row]))
    assert frames.flags[0] >> ALARMS.index("pack_thermal_event") & 1
    assert frames.level[0] == 3


PHYSICAL = sorted(name for name, kind in KINDS.items() if issubclass(kind, PhysicalFault))


@pytest.mark.long
@pytest.mark.parametrize("kind", PHYSICAL)
def test_physics_stays_consistent_while_a_fault_comes_and_goes(kind: str) -> None:
    run = Watched(f"at: 4 min, on: all, fault: {kind}, for: 12 min").until(1500)
    assert [str(violation) for violation in run.checker.violations[:5]] == []
    assert run.checker.checked > 1_000_000


@pytest.mark.parametrize("kind", PHYSICAL)
def test_after_the_end_a_parked_car_is_as_if_nothing_had_been(kind: str) -> None:
    run = Watched(f"at: 10 s, on: all sleepers, fault: {kind}, for: 60 s").until(590)
    base = Watched().until(590)
    rows = np.arange(15, 18)
    for group in ("core", "detail"):
        mine, sound = (world.world.fleet.sample(rows, group) for world in (run, base))
        for name, values in mine.items():
            if name == "dtc_count":
                continue
            assert values == pytest.approx(sound[name], rel=2e-3, abs=0.06), name
    assert not run.world.fleet.harmed().touched.any() or kind in ("cell_overheat",)


def test_a_stretch_is_the_same_as_its_seconds() -> None:
    faults = ("at: 60 s, on: all, fault: cell_overheat, for: 5 min", "at: 90 s, on: all sleepers, fault: tyre_leak")

    def said(stretch: Callable[[World], int]) -> dict[tuple[str, int, int], float]:
        text = HEAD.format(ambient=20, every="{driving: 7 s, charging: 10 s, parked: 30 s, detail: 30 s}")
        text += "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)
        world = World(parse_scenario(text), seed=5)
        seen = {}
        while world.elapsed_s < 900:
            for batch in world.advance(stretch(world)).batches:
                for name, values in batch.signals.items():
                    for at, row, value in zip(batch.time_ms, batch.vehicles, values, strict=True):
                        if at <= world.scenario.start_ms + 900_000:
                            seen[name, int(at), int(row)] = float(value)
        return seen

    assert said(lambda _: 0) == said(lambda _: 900)


QUIET = """
name: Night
seed: 5
start: 2026-11-23T01:00+08:00
duration: 2 h
weather: {ambient: 3 degC}
fleets:
  - name: sleepers
    count: 3
    models: {bmw-ix3-2021: 1}
    agenda: commuter
    initial_soc: 0.6
    telemetry: {parked: 47 s, detail: 47 s}
"""
AWAKE = """  - {name: benches, count: 2, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: UDDS}, initial_soc: 0.9}
"""
NIGHT = """faults:
  - {at: 31 s, on: all sleepers, fault: cell_overheat, for: 10 min}
  - {at: 77 s, on: all sleepers, fault: tyre_leak, for: 10 min}
"""


def test_what_breaks_in_a_sleeping_car_does_not_depend_on_who_is_awake() -> None:
    def said(text: str) -> dict[tuple[str, int, int], float]:
        world = World(parse_scenario(text), seed=5)
        seen = {}
        while world.next_busy_s() < 1200:
            for batch in world.advance().batches:
                for name, values in batch.signals.items():
                    for at, row, value in zip(batch.time_ms, batch.vehicles, values, strict=True):
                        if row < 3:
                            seen[name, int(at), int(row)] = float(value)
        return seen

    alone, among = said(QUIET + NIGHT), said(QUIET + AWAKE + NIGHT)
    assert alone == among
    assert {value for (name, _, _), value in alone.items() if name == "alarm_level"} == {0, 1, 2}


def test_a_world_without_faults_knows_no_damage() -> None:
    assert Watched().until(60).world.fleet.damage is None


def test_who_only_looks_does_not_age_what_is_broken() -> None:
    faults = ("at: 60 s, on: all sleepers, fault: cell_overheat", "at: 61 s, on: all sleepers, fault: tyre_leak")
    seen, alone = Watched(*faults), Watched(*faults)
    for second in range(61, 400, 7):
        seen.until(second)
        seen.world.peek(np.arange(15, 18))
    seen.until(500)
    alone.until(500)
    for name in alone.names:
        assert seen.all(name) == alone.all(name), name
