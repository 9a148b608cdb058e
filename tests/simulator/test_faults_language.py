"""`faults:` in a scenario: what is read, what is refused and where, and when it is to happen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import jsonschema
import numpy as np
import pytest

from jinqiao.base.errors import ScenarioError
from jinqiao.simulator.clock import NEVER
from jinqiao.simulator.faults.base import FaultSpec, LastingFault, fault
from jinqiao.simulator.faults.kinds import KINDS
from jinqiao.simulator.faults.page import faults_page
from jinqiao.simulator.faults.plan import FaultPlan
from jinqiao.simulator.scenario import Scenario, parse_scenario
from jinqiao.simulator.scenario.schema import json_schema
from jinqiao.vehicles.can.database import SENDERS

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
HEAD = """name: Faults
start: 2026-11-23T08:00+08:00
duration: 10 min
fleets:
  - name: cars
    count: 4
    models: {bmw-ix3-2021: 1}
    agenda: {cycle: WLTC}
    telemetry: {can: {vehicles: 2}}
faults:
"""
GOOD = {
    "can_missing_message": "message: BatteryPack, for: 30 s",
    "can_stuck_signal": "signal: VehicleSpeed, for: 2 min",
    "can_wrong_checksum": "message: VehicleMotion",
    "can_counter_jump": "message: VehicleMotion, by: 3",
    "can_bus_off": "node: BMS",
    "can_error_frames": "rate: 20, for: 1 min",
    "ota_failure": "step: -3",
    "dtc": "code: P0A80",
    "charger_fault": "",
    "cell_overheat": "cell: 17, rate: 1.5 degC/min, up_to: 30 degC, for: 1 h",
    "thermal_runaway": "cell: 3",
    "weak_cell": "cell: 17, capacity: 20 %, resistance: 4",
    "cell_imbalance": "rate: 20 mV/min, up_to: 300 mV",
    "isolation_loss": "resistance: 30 kOhm, over: 1 min",
    "coolant_pump_failure": "loop: motor",
    "motor_derate": "power: 30 %",
    "tyre_leak": "tyre: rl, rate: 5 kPa/min",
    "brake_drag": "force: 200 N",
    "auxiliary_battery_low": "voltage: 11 V",
    "dc_dc_failure": "",
    "contactor_stuck": "position: closed",
    "onboard_charger_fault": "power: 50 %",
    "connector_overheat": "resistance: 3 mOhm",
    "malformed_payload": "kind: truncated, share: 50 %, for: 1 min",
    "power_cut": "station: hub, for: 5 min",
    "connector_broken": "station: hub, connector: ac",
    "site_limit": "station: hub, limit: 50 kW",
    "sensor_stuck": "signal: VehicleSpeed, for: 2 min",
    "sensor_offset": "signal: AmbientTemperature, offset: 5 degC",
    "sensor_drift": "signal: battery:PackVoltage, rate: 1 V/min",
    "sensor_noise": "signal: Odometer, sd: 40 m",
    "sensor_spike": "signal: body:DoorsOpen, size: 4, every: 30 s",
    "clock_skew": "offset: -90 s, rate: 2 s/h",
    "sensor_dropout": "signal: GeoLocation.Longitude",
    "outage": "",
    "late": "share: 50 %, by: 5 s",
    "duplicate": "share: 20 %",
    "out_of_order": "share: 20 %",
    "lost": "share: 20 %",
}


HUB = "charging_stations: [{name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 60 kW}]}]\n"


def scenario(*entries: str, head: str = HEAD) -> Scenario:
    return parse_scenario(head + "".join(f"  - {{{entry}}}\n" for entry in entries), name="s.yaml")


def faults_of(found: Scenario) -> list[FaultSpec]:
    return [spec for spec in found.faults if isinstance(spec, FaultSpec)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_read_and_fits_the_schema(kind: str) -> None:
    on = "on: any, " if KINDS[kind].needs_vehicles else ""
    found = scenario(f"at: 1 min, {on}fault: {kind}, {GOOD[kind]}", head=HUB + HEAD)
    (spec,) = found.faults
    assert isinstance(spec, FaultSpec)
    assert spec.kind == kind
    own = KINDS[kind].model_fields.keys() - LastingFault.model_fields.keys() - {"fault"}
    assert set(spec.parameters()) == {KINDS[kind].model_fields[name].alias or name for name in own}
    json.dumps(spec.parameters())
    schema = json_schema()
    written: dict[str, Any] = {"at": "1 min", "fault": kind} | ({"on": "any"} if on else {})
    for part in filter(None, GOOD[kind].split(", ")):
        name, value = part.split(": ")
        written[name] = int(value) if value.lstrip("-").isdigit() else value
    fault_schema = {"$defs": schema["$defs"], **schema["properties"]["faults"]["items"]}
    jsonschema.validate(written, fault_schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**written, "unknown": 1}, fault_schema)


def test_the_way_that_is_called_null_is_written_as_it_is_called() -> None:
    for written in ("null", "'null'"):
        (spec,) = scenario(f"at: 1 min, on: any, fault: malformed_payload, kind: {written}").faults
        assert isinstance(spec, FaultSpec)
        assert spec.parameters() == {"kind": "null", "share": 1.0}


def test_the_names_of_the_kinds_are_those_of_the_table() -> None:
    assert set(KINDS) == set(GOOD)
    for kind, model in KINDS.items():
        assert get_args(model.model_fields["fault"].annotation) == (kind,)
    assert set(get_args(KINDS["can_bus_off"].model_fields["node"].annotation)) == set(SENDERS)


@pytest.mark.parametrize(
    ("entry", "where", "told"),
    [
        ("at: 1 min, on: any, fault: can_bussoff, node: BMS", "faults.0.fault", "can_bus_off"),
        ("at: 1 min, on: any", "faults.0.fault", "missing"),
        ("at: 1 min, on: any, fault: dtc, code: P0A80, for: 1 s", "faults.0.for", "unknown key 'for'"),
        ("at: 1 min, on: any, fault: dtc, code: P0A81", "faults.0.code", "did you mean 'P0AA1'"),
        ("at: 1 min, on: any, fault: can_missing_message, message: BatteryPak", "faults.0.message", "BatteryPack"),
        ("at: 1 min, on: any, fault: can_wrong_checksum, message: DoorStatus", "faults.0.message", "counter and CRC"),
        ("at: 1 min, on: any, fault: can_stuck_signal, signal: VehicleSped", "faults.0.signal", "VehicleSpeed"),
        ("at: 1 min, on: any, fault: can_bus_off, node: BNS", "faults.0.node", "BMS"),
        ("at: 1 min, on: any, fault: can_error_frames, rate: 0", "faults.0.rate", "more than 0"),
        ("at: 1 min, on: any, fault: malformed_payload, kind: truncatd", "faults.0.kind", "truncated"),
        ("at: 1 min, on: any, fault: malformed_payload", "faults.0.kind", "missing"),
        ("at: 1 min, on: any, fault: ota_failure, step: -5", "faults.0.step", "at least -4"),
        ("at: 1 min, on: any, fault: can_bus_off, node: BMS, nod: 1", "faults.0.nod", "unknown key"),
        ("at: 1, on: any, fault: can_bus_off, node: BMS", "faults.0.at", "unit"),
        ("on: any, fault: can_bus_off, node: BMS", "faults.0", "expected one of at:, between: and when:"),
        ("at: 1 min, on: any, fault: cell_overheat, rate: 1.5", "faults.0.rate", "without a unit"),
        ("at: 1 min, on: any, fault: cell_overheat, rate: 1.5 K/min", "faults.0.rate", "did you mean '1.5 degC/min'?"),
        ("at: 1 min, on: any, fault: cell_overheat, rate: 50 degC/min", "faults.0.rate", "from 0.01 to 10 degC/min"),
        ("at: 1 min, on: any, fault: cell_overheat, cell: 0", "faults.0.cell", "at least 1"),
        ("at: 1 min, on: any, fault: cell_overheatt", "faults.0.fault", "cell_overheat"),
        ("at: 1 min, station: hubb, fault: power_cut", "faults.0.station", "did you mean 'hub'?"),
        ("at: 1 min, station: hub, on: all, fault: power_cut", "faults.0.on", "unknown key 'on'"),
        ("at: 1 min, station: hub, fault: site_limit, limit: 50", "faults.0.limit", "without a unit"),
        ("at: 1 min, fault: power_cut", "faults.0.station", "missing"),
        ("at: 1 min, on: any, fault: tyre_leak, rate: 5 kPa", "faults.0.rate", "kPa/min"),
        ("at: 1 min, on: any, fault: tyre_leak, tyre: fk", "faults.0.tyre", "fl"),
        ("at: 1 min, on: any, fault: isolation_loss, resistance: 30 kOm", "faults.0.resistance", "kOhm"),
        ("at: 1 min, on: any, fault: weak_cell, capacity: 60 %", "faults.0.capacity", "0.5"),
        ("at: 1 min, on: any, fault: auxiliary_battery_low, voltage: 9 V", "faults.0.voltage", "from 10.5 to 12.6 V"),
        ("between: [2 min, 1 min], on: any, fault: dtc, code: P0A80", "faults.0", "not after"),
        ("at: 1 min, on: 3 of cabs, fault: dtc, code: P0A80", "faults.0.on", "cars"),
        ("at: 1 min, on: any, fault: sensor_stuck, signal: VehicleSped", "faults.0.signal", "'VehicleSpeed'"),
        ("at: 1 min, on: any, fault: sensor_stuck, signal: GeoLocation", "faults.0.signal", "GeoLocation.Latitude"),
        ("at: 1 min, on: any, fault: sensor_stuck, signal: 3", "faults.0.signal", "a signal of the thing model"),
        ("at: 1 min, on: any, fault: sensor_dropout", "faults.0.signal", "missing"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: VehicleSpeed, offset: 5", "faults.0.offset", "a unit"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: VehicleSpeed, offset: 5 degC", "faults.0.offset", "km/h"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: VehicleSpeed, offset: 0 km/h", "faults.0.offset", "not 0"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: VehicleSpeed, offset: 301 km/h", "faults.0.offset", "300"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: VehicleSpeed, offset: much", "faults.0.offset", "'5 km/h'"),
        ("at: 1 min, on: any, fault: sensor_offset, signal: GearPosition, offset: 1 m", "faults.0.offset", "no unit"),
        ("at: 1 min, on: any, fault: sensor_noise, signal: GearPosition, sd: -1", "faults.0.sd", "more than 0"),
        ("at: 1 min, on: any, fault: sensor_drift, signal: VehicleSpeed, rate: 5 km/h", "faults.0.rate", "per time"),
        ("at: 1 min, on: any, fault: sensor_drift, signal: VehicleSpeed, rate: 5 V/min", "faults.0.rate", "km/h"),
        ("at: 1 min, on: any, fault: clock_skew", "faults.0", "offset: or rate:"),
        ("at: 1 min, on: any, fault: clock_skew, offset: 90", "faults.0.offset", "unit"),
        ("at: 1 min, on: any, fault: clock_skew, offset: -400 d", "faults.0.offset", "366 d"),
        ("at: 1 min, on: any, fault: clock_skew, rate: 2 s", "faults.0.rate", "'2 s/h'"),
        ("at: 1 min, on: any, fault: clock_skew, rate: -2 s/s", "faults.0.rate", "half a second"),
        (
            "at: 1 min, on: any, fault: sensor_spike, signal: GearPosition, size: 1, every: 0.5 s",
            "faults.0.every",
            "from 1 s",
        ),
        ("at: 1 min, on: 200 %, fault: dtc, code: P0A80", "faults.0.on", "100 %"),
    ],
)
def test_a_wrong_fault_is_one_finding_with_its_place(entry: str, where: str, told: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        scenario(entry, head=HUB + HEAD)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (12, where)
    assert told in str(problem)


def test_the_page_of_faults_is_current() -> None:
    """After a change of a kind: python -m jinqiao.simulator.faults.page > docs/faults.md"""
    assert PAGE.read_text(encoding="utf-8") == faults_page()


def test_a_second_kind_of_one_name_is_refused() -> None:
    with pytest.raises(ValueError, match="two kinds of fault are called 'dtc'"):
        fault(KINDS["dtc"])


def test_a_fault_of_a_bus_that_nobody_sends_is_refused() -> None:
    head = HEAD.replace("    telemetry: {can: {vehicles: 2}}\n", "")
    with pytest.raises(ScenarioError, match="no fleet sends its CAN"):
        scenario("at: 1 min, on: any, fault: can_bus_off, node: BMS", head=head)
    assert scenario("at: 1 min, on: any, fault: dtc, code: P0A80", head=head).faults


def test_the_plan_goes_by_time_and_ends_before_it_begins() -> None:
    found = scenario(
        "at: 20 s, on: all, fault: can_bus_off, node: BMS, for: 10 s",
        "at: 30 s, on: all, fault: can_bus_off, node: BMS, for: 10 s",
        "at: 25 s, on: all, fault: dtc, code: P0A80",
        "at: 50 s, on: all, fault: ota_failure, step: -1",
    )
    plan = FaultPlan(faults_of(found), 1)
    rows = np.array([0, 2], dtype=np.intp)
    seen = []
    while plan.next_s() < NEVER:
        seen += [(c.at_s, c.spec.kind, c.phase) for c in plan.due(plan.next_s(), lambda *_: rows)]
    assert seen == [
        (20, "can_bus_off", "begin"),
        (25, "dtc", "once"),
        (30, "can_bus_off", "end"),
        (30, "can_bus_off", "begin"),
        (40, "can_bus_off", "end"),
        (50, "ota_failure", "begin"),  # to the end of the run
    ]


def test_drawn_moments_lie_between_and_follow_the_seed() -> None:
    found = scenario(*["between: [1 min, 3 min], on: any, fault: dtc, code: P0A80"] * 40)
    moments = {}
    for seed in (1, 1, 2):
        plan = FaultPlan(faults_of(found), seed)
        at = [change.at_s for change in plan.due(600, lambda *_: np.zeros(0, dtype=np.intp))]
        assert at == sorted(at)
        assert at[0] >= 60
        assert at[-1] <= 180
        assert moments.setdefault(seed, at) == at
    assert moments[1] != moments[2]
