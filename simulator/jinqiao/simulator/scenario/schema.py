"""The scenario language as a JSON Schema, for completion and checks in an editor (draft 2020-12).

Checked in as docs/schema/scenario-1.json; `jinqiao schema --write` puts it beside a scenario, which names it in its
first line: `# yaml-language-server: $schema=scenario-1.json`. It has no `$id`: nothing is fetched from anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jinqiao.vehicles.catalogue import VehicleModel, load_catalogue

from .model import Scenario

__all__ = ["SCHEMA_NAME", "json_schema", "schema_text"]

SCHEMA_NAME = "scenario-1.json"
#: The name of a vehicle file.
_FILE = "[.][yY][aA]?[mM][lL]$"
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(model: type[Scenario] = Scenario, vehicles: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The schema of a `model` of the language.

    `vehicles` maps the known ids to what an editor shows beside them (default: the catalogue).
    """
    schema = model.model_json_schema(by_alias=True, mode="validation")
    fleet = schema["$defs"]["FleetSpec"]["properties"]
    weights = fleet["models"]
    weight = weights.pop("additionalProperties")
    known = _catalogue() if vehicles is None else vehicles
    weights["properties"] = {name: {**weight, "description": about} for name, about in sorted(known.items())}
    weights["patternProperties"] = {_FILE: {**weight, "description": "A vehicle file."}}
    weights["additionalProperties"] = False
    fleet["vehicles"]["items"] = {"anyOf": [{"enum": sorted(known)}, {"type": "string", "pattern": _FILE}]}
    return {"$schema": _DRAFT, **schema}


def schema_text(model: type[Scenario] = Scenario) -> str:
    """The schema as it is checked in and printed."""
    return json.dumps(json_schema(model), indent=2, ensure_ascii=False) + "\n"


def _catalogue() -> dict[str, str]:
    return {name: _about(model) for name, model in load_catalogue().items()}


def _about(model: VehicleModel) -> str:
    battery = model.battery
    return f"{model.make} {model.model} {model.model_year}, {battery.net_kwh:g} kWh {battery.chemistry.upper()}"
