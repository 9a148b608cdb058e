"""Commands of a scenario: what the cloud asks of which vehicles, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from jinqiao.base.words import Refused, did_you_mean, one_of, show

from ..commands.inputs import Input, read_all
from ..commands.refusals import Refused as CommandRefused
from ..commands.table import PROPERTIES, SERVICES, CommandRow
from ..language.fields import optional
from ..language.selection import Selected
from ..language.timing import ONE_TIME, Timed

__all__ = ["CommandSpec"]

_NUMBERS = {"type": ["number", "boolean"]}


def _number_schema(one: Input) -> dict[str, Any]:
    if one.kind == "bool":
        return {"type": ["boolean", "integer"]}
    kind = "integer" if one.kind == "int" else "number"
    return {"type": kind, "minimum": one.low, "maximum": one.high, "multipleOf": one.step, "description": one.wanted}


def _known_service(name: object) -> object:
    if not isinstance(name, str) or name not in SERVICES:
        near = did_you_mean(name, SERVICES) if isinstance(name, str) else ""
        raise Refused(f"found {show(name)}, expected a service: {one_of(list(SERVICES))}{near}")
    return name


def _properties(value: object) -> object:
    if not isinstance(value, dict) or not value:
        raise Refused(f"found {show(value)}, expected properties with values: {one_of(list(PROPERTIES))}")
    for name, wanted in value.items():
        if name not in PROPERTIES:
            near = did_you_mean(str(name), PROPERTIES)
            raise Refused(f"found {show(name)}, expected a property: {one_of(list(PROPERTIES))}{near}")
        (one,) = PROPERTIES[name].inputs
        _readable(PROPERTIES[name], {one.name: wanted})
    return value


def _readable(row: CommandRow, arguments: Mapping[str, Any]) -> None:
    try:
        read_all(row.inputs, arguments)
    except CommandRefused as refused:
        raise Refused(re.sub("^request parameter error: ", "", refused.outcome.message)) from None


Service = Annotated[
    str,
    BeforeValidator(_known_service),
    WithJsonSchema({"enum": list(SERVICES)}),
]
Properties = Annotated[
    dict[str, Any],
    BeforeValidator(_properties),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {name: _number_schema(row.inputs[0]) for name, row in PROPERTIES.items()},
            "additionalProperties": False,
            "minProperties": 1,
        }
    ),
]


def _arguments(value: object) -> object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(f"found {show(value)}, expected the service's inputs: {{Target: 22}}")
    return value


Arguments = Annotated[
    dict[str, Any],
    BeforeValidator(_arguments),
    AfterValidator(dict),
    WithJsonSchema({"type": ["object", "null"], "additionalProperties": _NUMBERS}),
]


def _one_service(row: CommandRow) -> dict[str, Any]:
    """What an editor expects in `args` where this service is called."""
    wanted = [one.name for one in row.inputs if not one.optional]
    arguments = {
        "type": "object" if wanted else ["object", "null"],
        "properties": {one.name: _number_schema(one) for one in row.inputs},
        "additionalProperties": False,
        "required": wanted,
    }
    then = {"properties": {"args": arguments}, **({"required": ["args"]} if wanted else {})}
    return {"if": {"properties": {"service": {"const": row.identifier}}, "required": ["service"]}, "then": then}


_SHAPE: dict[str, Any] = {
    "oneOf": [{"required": ["service"]}, {"required": ["set"]}],
    "allOf": [ONE_TIME, *(_one_service(row) for row in SERVICES.values())],
}


class CommandSpec(Timed):
    """One command to some vehicles: a service to call, or properties to set."""

    model_config = ConfigDict(json_schema_extra=_SHAPE)

    on: Selected = Field(description="For whom: [N of | N % | any | all] [state] [fleet], or VINs.")
    service: Service | None = optional(None, "The service to call.")
    args: Arguments = optional({}, "Inputs of the service.")
    set: Properties | None = optional(None, "The properties to set, with their values.")

    @field_validator("args")
    @classmethod
    def _of_the_service(cls, arguments: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        service = info.data.get("service")
        if service is not None:
            _readable(SERVICES[service], arguments)
        return arguments

    @property
    def name(self) -> str:
        """What it is called: the service, or the properties."""
        return self.service or ", ".join(self.set or ())

    @model_validator(mode="after")
    def _one_thing(self) -> CommandSpec:
        if (self.service is None) == (self.set is None):
            found = "neither" if self.service is None else "both"
            raise Refused(f"found {found} of service and set, expected one of service and set")
        if self.args and self.service is None:
            raise Refused("found args beside set, expected args with a service only")
        return self
