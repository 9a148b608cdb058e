"""`outage:` of a network: when, or where, vehicles have none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from jinqiao.base.quantity import DIMENSIONS, QuantityError, parse_length_m
from jinqiao.base.words import Refused, show

from ..language.fields import Model, Offset, Span, WholeNumber, optional

if TYPE_CHECKING:
    from ..areas import Place
    from ..world import World

__all__ = ["CircleSpec", "OutageSpec"]

#: A place is some kilometres wide at most; the earth is round.
_WIDEST_M = 100_000.0
_MOST_CORNERS, _MOST_BYTES = 10_000, 1 << 20


def _radius(value: object) -> float:
    metres = parse_length_m(value)
    if not 1 <= metres <= _WIDEST_M:
        raise QuantityError(f"found {show(value)}, expected from 1 m to {_WIDEST_M / 1000:g} km")
    return metres


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _point(value: object) -> tuple[float, float]:
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_number, value)):
        latitude, longitude = float(value[0]), float(value[1])
        if -90 <= latitude <= 90 and -180 <= longitude <= 180:
            return latitude, longitude
    raise Refused(f"found {show(value)}, expected a position: [latitude, longitude], WGS-84")


def _corners(value: object) -> tuple[tuple[float, float], ...]:
    if not isinstance(value, (list, tuple)) or not 3 <= len(value) <= _MOST_CORNERS:
        raise Refused(f"found {show(value)}, expected at least three corners: [[latitude, longitude], …]")
    return tuple(map(_point, value))


def _rings(value: object, info: ValidationInfo) -> tuple[NDArray[np.float64], ...]:
    """The polygons of a GeoJSON file (RFC 7946): corners there are [longitude, latitude]."""
    if not isinstance(value, str) or not value:
        raise Refused(f"found {show(value)}, expected the name of a GeoJSON file")
    file = Path((info.context or {}).get("folder", ".")) / value
    try:
        text = file.read_bytes()[: _MOST_BYTES + 1]
        if len(text) > _MOST_BYTES:
            raise Refused(f"{value}: more than {_MOST_BYTES >> 20} MB, expected the outline of a place")
        rings = [np.array(ring, np.float64) for ring in _of_geojson(json.loads(text))]
    except OSError as error:
        raise Refused(f"{value} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"{value} is not GeoJSON with a polygon") from None
    if not rings or sum(map(len, rings)) > _MOST_CORNERS:
        raise Refused(f"{value}: expected one polygon or several, of {_MOST_CORNERS:,} corners at most")
    if any(ring.ndim != 2 or ring.shape[1] < 2 or len(ring) < 3 or not np.isfinite(ring).all() for ring in rings):
        raise Refused(f"{value}: expected rings of at least three corners [longitude, latitude]")
    return tuple(np.ascontiguousarray(ring[:, :2]) for ring in rings)


def _of_geojson(found: Any) -> list[Any]:
    kind = found["type"]
    if kind == "FeatureCollection":
        return [ring for feature in found["features"] for ring in _of_geojson(feature)]
    if kind == "Feature":
        return _of_geojson(found["geometry"])
    if kind == "Polygon":
        return list(found["coordinates"])
    if kind == "MultiPolygon":
        return [ring for polygon in found["coordinates"] for ring in polygon]
    raise ValueError(kind)


_POSITION: dict[str, Any] = {
    "type": "array",
    "title": "[latitude, longitude]",
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 2,
}
Point = Annotated[tuple[float, float], PlainValidator(_point), WithJsonSchema(_POSITION)]
Corners = Annotated[
    tuple[tuple[float, float], ...],
    PlainValidator(_corners),
    WithJsonSchema({"type": "array", "items": _POSITION, "minItems": 3, "maxItems": _MOST_CORNERS}),
]
Rings = Annotated[Any, PlainValidator(_rings), WithJsonSchema({"type": "string", "minLength": 1})]
Radius = Annotated[
    float,
    BeforeValidator(_radius),
    WithJsonSchema(
        {
            "type": "string",
            "title": "length (km, m)",
            "pattern": DIMENSIONS["length"].pattern,
            "examples": ["400 m"],
        }
    ),
]


class CircleSpec(Model):
    """Everything within a distance of a point."""

    center: Point = Field(description="[latitude, longitude], WGS-84.")
    radius_m: Radius = Field(alias="radius", description="How far from it.")


class OutageSpec(Model):
    """No network: for a time, or in a place as long as a vehicle is there."""

    at_s: Offset | None = optional(None, "From then on, from the scenario's start.", alias="at")
    between: tuple[Offset, Offset] | None = optional(None, "Or from a moment drawn between these two.")
    for_s: Span | None = optional(None, "How long; to the end of the run without it.", alias="for")
    inside: CircleSpec | None = optional(None, "Or within a circle.")
    polygon: Corners | None = optional(None, "Or within a polygon: [[latitude, longitude], …].")
    geojson: Rings | None = optional(None, "Or within the polygons of a GeoJSON file beside the scenario.")
    tunnel: WholeNumber | None = optional(
        None, "Or on so many roads of the town that run below ground, drawn from the seed.", ge=1, le=100
    )

    @model_validator(mode="after")
    def _once(self) -> OutageSpec:
        names = ("at_s", "between", "inside", "polygon", "geojson", "tunnel")
        said = [name.removesuffix("_s") for name in names if getattr(self, name) is not None]
        if len(said) != 1:
            found = f"found {' and '.join(said)}" if said else "found no time and no place"
            raise Refused(f"{found}, expected one of at, between, inside, polygon, geojson and tunnel")
        if self.for_s is not None and said[0] not in ("at", "between"):
            raise Refused(f"found for beside {said[0]}, expected it with at or between: a place lasts")
        if self.between is not None and self.between[0] >= self.between[1]:
            raise Refused("between: the second time is not after the first")
        return self

    def place(self, world: World, number: int, seed: int) -> Place | None:
        """Where it is; None for an outage that has a time. `number` is that of its entry."""
        from ..areas import Circle, Polygon, Tunnel

        if self.inside is not None:
            return Circle(*self.inside.center, self.inside.radius_m)
        if self.polygon is not None:
            return Polygon([np.array(self.polygon, np.float64)[:, ::-1]])
        if self.geojson is not None:
            return Polygon(self.geojson)
        if self.tunnel is not None:
            return Tunnel(world, number, self.tunnel, seed)
        return None

    def parameters(self) -> dict[str, Any]:
        """For the labels of a place."""
        if self.inside is not None:
            return {"center": list(self.inside.center), "radius_m": self.inside.radius_m}
        return {"place": next(name for name in ("polygon", "geojson", "tunnel") if getattr(self, name) is not None)}
