"""The weather of a scenario: the temperature of the air over simulated time."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from jinqiao.base.quantity import DIMENSIONS

from ..language.fields import Celsius, Model, Offset, ambient_degc, optional

__all__ = ["AmbientPoint", "WeatherSpec"]


class AmbientPoint(Model):
    """The air temperature at one moment."""

    at_s: Offset = Field(alias="at", description="Time since the start of the scenario.")
    degc: Celsius = Field(description="Air temperature, degC.")


def _points(value: Any) -> Any:
    """One temperature for the whole time, `5 degC`, as a list with one point."""
    return value if isinstance(value, (list, tuple)) else [{"at": "0 s", "degc": ambient_degc(value)}]


class _Written:
    """Shows an editor both ways of writing the air temperature."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        kind = DIMENSIONS["temperature"]
        return {"anyOf": [{"type": "string", "pattern": kind.pattern, "examples": ["5 degC"]}, handler(core)]}


Ambient = Annotated[tuple[AmbientPoint, ...], Field(min_length=1), BeforeValidator(_points), _Written()]


class WeatherSpec(Model):
    """The weather: one air temperature, or time points with straight lines between them."""

    ambient: Ambient = optional(
        "20 degC", "Air temperature: one quantity, 5 degC, or time points [{at: 0 min, degc: 2}, …]."
    )

    def ambient_at(self, seconds_since_start: float) -> float:
        """Air temperature, degC: linear between the time points, constant before the first and after the last."""
        times = [point.at_s for point in self.ambient]
        return float(np.interp(seconds_since_start, times, [point.degc for point in self.ambient]))
