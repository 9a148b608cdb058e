"""The JSON Schema an editor works with: current, valid, and of one mind with `jinqiao validate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from jinqiao.base.errors import ScenarioError
from jinqiao.base.yaml_tree import YamlTree
from jinqiao.sandbox.scenario import RunScenario
from jinqiao.simulator.scenario import json_schema, parse_scenario, schema_text
from jinqiao.vehicles.catalogue import catalogue_ids

CHECKED_IN = Path("docs/schema/scenario-1.json")
BASE = """\
name: Test
start: 2026-11-23T07:00+08:00
duration: 2 h
weather: {ambient: 5 degC}
fleets:
  - name: a
    count: 2
    models: {bmw-ix3-2021: 1}
    agenda: commuter
    initial_soc: 0.5
charging_stations:
  - {name: Hub, at: [31.2, 121.6], connectors: [{kind: ac, power: 7 kW}]}
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json_schema(RunScenario)


def _editor_accepts(schema: dict[str, Any], text: str) -> bool:
    return not list(Draft202012Validator(schema).iter_errors(YamlTree(text).data))


def _validate_accepts(text: str) -> bool:
    try:
        parse_scenario(text, model=RunScenario)
    except ScenarioError:
        return False
    return True


def test_the_checked_in_schema_is_current() -> None:
    assert CHECKED_IN.read_text(encoding="utf-8") == schema_text(RunScenario), (
        f"write it anew: jinqiao schema > {CHECKED_IN}"
    )


def test_the_schema_is_a_schema_of_its_draft(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "$id" not in schema  # an editor would fetch it
    assert json.loads(schema_text(RunScenario)) == schema


@pytest.mark.parametrize("path", sorted(Path("scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_scenarios_fit(schema: dict[str, Any], path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [error.message for error in Draft202012Validator(schema).iter_errors(YamlTree(text).data)] == []
    # An editor's YAML parser may turn a start with seconds into a time stamp; ours are written so that it stays text.
    assert isinstance(YAML(typ="safe", pure=True).load(text)["start"], str)


RIGHT = (
    ("", ""),
    ("duration: 2 h", "duration: 1.5 d"),
    ("5 degC", "[{at: 0 min, degc: -2.5}]"),
    ("agenda: commuter", "agenda: {commuter: }"),
    ("agenda: commuter", "agenda: {commuter: {leaves_home: 07:30, home_charger: 3600 W}}"),
    ("agenda: commuter", "agenda: {cycle: FTP-75}"),
    ("agenda: commuter", "agenda: {cycle: {name: UDDS, charge_to: 90 %}}"),
    ("agenda: commuter", "agenda: {delivery: {stops: 3}}"),
    ("0.5", "55 %"),
    ("0.5", "lognormal(0.5, 0.2)"),
    ("0.5", "choice(20 %, 0.5, 1)"),
    ("0.5", "choice(0.3)"),
    ("0.5", "triangular(0.2, 0.3, 0.4)"),
    ("count: 2", "count: 2\n    telemetry: {driving: 5.0 s, parked: 0.5 min}"),
    ("bmw-ix3-2021: 1", "bmw-ix3-2021: 1, bmw-i4-m50-2022: 0.5"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: SetChargeLimit, args: {Limit: 80}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: Lock, args: }]"),
    ("count: 2", "count: 2\n    telemetry: {driving: 5 s}"),
    ("power: 7 kW}]", "power: 7 kW, count: 3}], site_limit: 20 kW"),
    ("name: Test", "name: Test\nseed: 3\nplace: jinqiao\nsinks: []"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: parked a, service: StartClimate, args: {Target: 22}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 0 s, on: any, service: Lock}]"),
    (
        "name: Test",
        "name: Test\ncommands: [{at: 1 h, on: a, set: {body:Locked: 0}}]",
    ),
    ("name: Test", "name: Test\nsinks: [{parquet: {dir: out}}, {influx: {url: 'http://x:1', org: me, token: t}}]"),
    (
        "name: Test",
        "name: Test\nsinks: [{record: {file: x.mcap}}, {null: {}}, {gbt32960: {url: 'gbt32960://h:1?every=5s'}}]",
    ),
)
WRONG = (
    ("name: Test", "name: 3"),
    ("name: Test", "nmae: Test"),
    ("name: Test", "name: Test\nnetwork: {}"),
    ("name: Test", "name: Test\nsinks: [{parquet: {}}]"),
    ("name: Test", "name: Test\nsinks: [parquet]"),
    ("name: Test", "name: Test\nsinks: [{gbt32960: {url: 'http://h:1'}}]"),
    ("name: Test", "name: Test\nsinks: [{record: {}}]"),
    ("name: Test", "name: Test\nsinks: [{parket: {dir: out}}]"),
    ("name: Test", "name: Test\nsinks: [{influx: {url: 'ftp://x'}}]"),
    ("name: Test", "name: Test\nsinks: [{influx: {url: 'http://x:1', bucket: 3}}]"),
    ("name: Test", "name: Test\nplace: paris"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: Lok}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all}]"),
    ("name: Test", "name: Test\ncommands: [{on: all, service: Lock}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: 3, service: Lock}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: Lock, set: {body:Locked: 1}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, set: {charging:ChargeLimit: 10}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, set: {climate:TargetTemperature: 20.3}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, set: {VehicleSpeed: 10}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: StartClimate, args: {Target: 35}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: StartClimate, args: {target: 22}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: SetChargeLimit, args: {limit: 80}}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: SetChargeLimit}]"),
    ("name: Test", "name: Test\ncommands: [{at: 5 min, on: all, service: Lock, args: {Locked: 1}}]"),
    ("count: 2", "count: 2\n    telemetry: {driving: 0.5 s}"),
    ("0.5", "normal(0.5)"),
    ("0.5", "triangular(0.5, 0.6)"),
    ("2026-11-23T07:00+08:00", "2026-11-23T07:00"),
    ("duration: 2 h", "duration: 120"),
    ("duration: 2 h", "duration: 2 hours"),
    ("5 degC", "5"),
    ("5 degC", "[{at: 5, degc: 2}]"),
    ("count: 2", "count: 0"),
    ("bmw-ix3-2021: 1", "bmw-ix9-2021: 1"),
    ("bmw-ix3-2021: 1", ""),
    ("agenda: commuter", "agenda: comuter"),
    ("agenda: commuter", "agenda: cycle"),
    ("agenda: commuter", "agenda: {cycle: FTP75}"),
    ("agenda: commuter", "agenda: {commuter: {shift: 10 h}}"),
    ("agenda: commuter", "agenda: {commuter: , delivery: }"),
    ("0.5", "normal 0.5"),
    ("0.5", "norml(0.5, 0.1)"),
    ("0.5", "1.5"),
    ("kind: ac", "kind: dcc"),
    ("[31.2, 121.6]", "[121.6, 31.2]"),
    ("[31.2, 121.6]", "[31.2]"),
    ("power: 7 kW", "power: 7"),
)


@pytest.mark.parametrize(("before", "after"), RIGHT)
def test_what_is_right_is_right_in_the_editor(schema: dict[str, Any], before: str, after: str) -> None:
    text = BASE.replace(before, after) if before else BASE
    assert _validate_accepts(text)
    assert _editor_accepts(schema, text)


@pytest.mark.parametrize(("before", "after"), WRONG)
def test_what_is_wrong_is_underlined_in_the_editor(schema: dict[str, Any], before: str, after: str) -> None:
    text = BASE.replace(before, after, 1)
    assert text != BASE
    assert not _validate_accepts(text)
    assert not _editor_accepts(schema, text)


def test_an_editor_can_complete_models_agendas_and_cycles(schema: dict[str, Any]) -> None:
    fleet = schema["$defs"]["FleetSpec"]["properties"]
    assert tuple(fleet["models"]["properties"]) == tuple(sorted(catalogue_ids()))
    assert "kWh" in fleet["models"]["properties"]["bmw-ix3-2021"]["description"]
    written = fleet["agenda"]["anyOf"]
    assert [way["const"] for way in written[:-1]] == ["commuter", "delivery", "ride_hailing"]
    cycle = written[-1]["properties"]["cycle"]["anyOf"]
    assert {"enum": ["WLTC", "NEDC", "CLTC-P", "UDDS", "HWFET", "US06", "FTP-75"]} in cycle


def test_every_key_is_described(schema: dict[str, Any]) -> None:
    for name, part in [("Scenario", schema), *schema["$defs"].items()]:
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_defaults_are_written_as_a_scenario_writes_them(schema: dict[str, Any]) -> None:
    options = schema["$defs"]["RideHailingAgenda"]["properties"]
    assert (options["shift"]["default"], options["charge_to"]["default"]) == ("10 h", 0.8)
    commuter = schema["$defs"]["CommuterAgenda"]["properties"]
    assert commuter["leaves_home"]["default"] == "normal(07:45, 40 min)"


def test_other_vehicles_can_be_offered() -> None:
    models = json_schema(vehicles={"my-car-2026": "mine"})["$defs"]["FleetSpec"]["properties"]["models"]
    assert set(models["properties"]) == {"my-car-2026"}
    assert models["properties"]["my-car-2026"]["description"] == "mine"


def test_a_vehicle_file_may_stand_among_the_models(schema: dict[str, Any]) -> None:
    assert _editor_accepts(schema, BASE.replace("bmw-ix3-2021: 1", "vehicles/my-van.yaml: 1"))
    assert not _editor_accepts(schema, BASE.replace("bmw-ix3-2021: 1", "vehicles/my-van.yaml: 0"))
