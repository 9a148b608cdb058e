"""The scenario language: a test plan a person can read aloud, one strict YAML file.

`load_scenario(path)` gives a frozen `Scenario`, or a ScenarioError with every problem as `file:line:column`.
"""

from .fleet import FleetSpec, TelemetrySpec
from .load import load_scenario, parse_scenario
from .model import Scenario
from .schema import json_schema, schema_text
from .station import ConnectorSpec, StationSpec
from .weather import AmbientPoint, WeatherSpec

__all__ = [
    "AmbientPoint",
    "ConnectorSpec",
    "FleetSpec",
    "Scenario",
    "StationSpec",
    "TelemetrySpec",
    "WeatherSpec",
    "json_schema",
    "load_scenario",
    "parse_scenario",
    "schema_text",
]
