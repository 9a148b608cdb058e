"""Charging stations of a scenario: where they stand, which connectors they have, what the site may draw."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from jinqiao.base.words import Refused, show

from ..language.fields import Model, Power, WholeNumber, optional

__all__ = ["ConnectorSpec", "StationSpec"]


def _degrees(name: str, limit: int) -> tuple[BeforeValidator, WithJsonSchema]:
    """A coordinate; the message says the order, as a swapped pair is the usual mistake."""

    def check(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not -limit <= value <= limit:
            wanted = f"a {name} from -{limit} to {limit}; a position is [latitude, longitude]"
            raise Refused(f"found {show(value)}, expected {wanted}")
        return float(value)

    schema = {"type": "number", "minimum": -limit, "maximum": limit, "title": name}
    return BeforeValidator(check), WithJsonSchema(schema)


Latitude = Annotated[float, *_degrees("latitude", 90)]
Longitude = Annotated[float, *_degrees("longitude", 180)]


class ConnectorSpec(Model):
    """Connectors of one kind and power."""

    kind: Literal["ac", "dc"] = Field(description="ac charges through the car's own charger, dc straight to the pack.")
    power_kw: Power = Field(alias="power", description="Most that one connector gives.")
    count: WholeNumber = optional(1, "How many of them.", ge=1, le=10_000)


class StationSpec(Model):
    """A public charging station; cars queue when all connectors of a kind are taken."""

    name: str = Field(strict=True, min_length=1, max_length=80, description="Name of the station, unique.")
    at: tuple[Latitude, Longitude] = Field(description="WGS-84 [latitude, longitude].", examples=[[31.2497, 121.5957]])
    connectors: tuple[ConnectorSpec, ...] = Field(min_length=1, description="Its connectors.")
    site_limit_kw: Power | None = optional(None, "Most that all connectors draw together.", alias="site_limit")
