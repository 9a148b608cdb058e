"""The kinds of value a scenario is written in: each with its parser, its range, and how the JSON Schema shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, WithJsonSchema

from jinqiao.base.quantity import (
    DIMENSIONS,
    SHARE_PATTERN,
    QuantityError,
    parse_contact_mohm,
    parse_duration_s,
    parse_force_n,
    parse_heating_k_per_min,
    parse_insulation_kohm,
    parse_leak_kpa_per_min,
    parse_power_kw,
    parse_share,
    parse_temperature_degc,
    parse_voltage_mv_per_min,
    parse_voltage_v,
)
from jinqiao.base.variants import Short
from jinqiao.base.words import show

from ..distribution import INITIAL_SHARE, TIME_OF_DAY, Distribution, Domain, distribution_pattern, parse_distribution

__all__ = [
    "AuxVolts",
    "CellNumber",
    "CellRate",
    "CellVolts",
    "Celsius",
    "Contact",
    "Excess",
    "Force",
    "HeatingRate",
    "InitialShare",
    "Insulation",
    "Interval",
    "LeakRate",
    "Model",
    "Offset",
    "Power",
    "Share",
    "Span",
    "Stop",
    "TimeOfDay",
    "WholeNumber",
    "ambient_degc",
    "optional",
]

#: A year of simulated time; longer runs are split.
LONGEST_S = 366 * 86400.0


class Model(BaseModel):
    """Base of every part of a scenario: unknown keys are refused, values do not change afterwards."""

    # Built when it is first used: a scenario builds all of its parts together.
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True, defer_build=True)

    #: Keys that a later version of the language will know, and what they are for.
    later_keys: ClassVar[dict[str, str]] = {}
    #: Of a named kind: the field that a bare value in the place of its options stands for.
    short: ClassVar[Short | None] = None


def optional(written: object, description: str, **more: Any) -> Any:
    """A field that may be left out; its default is `written` as a scenario would write it (an editor inserts it so)."""
    return Field(default=written, description=description, **more)


def _within(
    parse: Callable[[object], float], low: float, high: float, wanted: str, *, whole: bool = False
) -> Callable[[object], float]:
    """Parse a quantity and refuse what lies outside `low` … `high` (or is no whole number of its unit)."""

    def check(value: object) -> float:
        number = parse(value)
        if not low <= number <= high or (whole and number != int(number)):
            raise QuantityError(f"found {show(value)}, expected {wanted}")
        return number

    return check


def _quantity_schema(dimension: str, **more: Any) -> WithJsonSchema:
    kind = DIMENSIONS[dimension]
    units = ", ".join(kind.units)
    return WithJsonSchema(
        {
            "type": "string",
            "pattern": kind.pattern,
            "examples": [kind.example],
            "title": f"{kind.name} ({units})",
            **more,
        }
    )


def _distribution_of(domain: Domain, title: str) -> tuple[PlainValidator, WithJsonSchema]:
    text = {"type": "string", "pattern": distribution_pattern(domain), "examples": [domain.example]}
    schema = {"title": title, "anyOf": [text, {"type": "number", "minimum": 0, "maximum": 1}]}
    if domain is TIME_OF_DAY:
        schema = {"title": title, **text}
    return PlainValidator(lambda value: parse_distribution(value, domain)), WithJsonSchema(schema)


#: A fraction of a second is no interval; half a minute is.
_WHOLE_SECONDS = "^([0-9]+([.]0+)? *s|[0-9]+([.][0-9]+)? *(min|h|d))$"

WholeNumber = Annotated[int, Field(strict=True)]

#: How long something lasts, s.
Span = Annotated[
    float,
    BeforeValidator(_within(parse_duration_s, 1, LONGEST_S, "from 1 s to 366 d")),
    _quantity_schema("duration", examples=["10 min", "2 h"]),
]
#: A moment of the scenario, s since its start.
Offset = Annotated[
    float,
    BeforeValidator(_within(parse_duration_s, 0, LONGEST_S, "from 0 s to 366 d")),
    _quantity_schema("duration", examples=["0 min", "90 min"]),
]
#: Time between two samples, s: the simulation steps in whole seconds.
Interval = Annotated[
    float,
    BeforeValidator(_within(parse_duration_s, 1, 604_800, "a whole number of seconds from 1 s to 7 d", whole=True)),
    _quantity_schema("duration", examples=["1 s", "10 s", "5 min"], pattern=_WHOLE_SECONDS),
]
#: A stop at the kerb or a shift, s.
Stop = Annotated[
    float,
    BeforeValidator(_within(parse_duration_s, 1, 86_400, "from 1 s to 24 h")),
    _quantity_schema("duration", examples=["4 min", "10 h"]),
]
#: Of a connector or a site, kW.
Power = Annotated[
    float,
    BeforeValidator(_within(parse_power_kw, 0.1, 100_000, "from 100 W to 100000 kW")),
    _quantity_schema("power", examples=["7 kW", "120 kW"]),
]
#: A share of a whole, 0 to 1.
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    WithJsonSchema(
        {
            "title": "share (0 to 1, or %)",
            "anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "string", "pattern": SHARE_PATTERN}],
            "examples": [0.8, "80 %"],
        }
    ),
]

#: Of faults, each in the unit that its label says, the first of its dimension.
HeatingRate = Annotated[
    float,
    BeforeValidator(_within(parse_heating_k_per_min, 0.01, 10, "from 0.01 to 10 degC/min")),
    _quantity_schema("heating rate"),
]
#: How much warmer than its neighbours, K.
Excess = Annotated[
    float,
    BeforeValidator(_within(parse_temperature_degc, 1, 100, "from 1 to 100 degC")),
    _quantity_schema("temperature", examples=["40 degC"]),
]
LeakRate = Annotated[
    float,
    BeforeValidator(_within(parse_leak_kpa_per_min, 0.01, 600, "from 0.01 to 600 kPa/min")),
    _quantity_schema("pressure rate"),
]
CellRate = Annotated[
    float,
    BeforeValidator(_within(parse_voltage_mv_per_min, 0.01, 1000, "from 0.01 to 1000 mV/min")),
    _quantity_schema("voltage rate"),
]
CellVolts = Annotated[
    float,
    BeforeValidator(_within(parse_voltage_v, 0.001, 1.0, "from 1 mV to 1 V")),
    _quantity_schema("voltage", examples=["400 mV"]),
]
AuxVolts = Annotated[
    float,
    BeforeValidator(_within(parse_voltage_v, 10.5, 12.6, "from 10.5 to 12.6 V")),
    _quantity_schema("voltage", examples=["11 V"]),
]
Insulation = Annotated[
    float,
    BeforeValidator(_within(parse_insulation_kohm, 0.1, 2000, "from 100 Ohm to 2 MOhm")),
    _quantity_schema("insulation resistance"),
]
Contact = Annotated[
    float,
    BeforeValidator(_within(parse_contact_mohm, 0.1, 20, "from 0.1 to 20 mOhm")),
    _quantity_schema("contact resistance"),
]
Force = Annotated[
    float,
    BeforeValidator(_within(parse_force_n, 1, 5000, "from 1 to 5000 N")),
    _quantity_schema("force"),
]
#: As many as the longest pack of the catalogue has in series; in a shorter one counting begins again.
CellNumber = Annotated[int, Field(strict=True, ge=1, le=1000)]

#: Colder and warmer than any air a car is tested in (vehicle standards end at -40 and 55 degC).
_COLDEST_DEGC, _WARMEST_DEGC = -60, 60
#: A bare number: its key `degc` says the unit.
Celsius = Annotated[float, Field(strict=True, ge=_COLDEST_DEGC, le=_WARMEST_DEGC, allow_inf_nan=False)]
ambient_degc = _within(parse_temperature_degc, _COLDEST_DEGC, _WARMEST_DEGC, "from -60 degC to 60 degC")

InitialShare = Annotated[Distribution, *_distribution_of(INITIAL_SHARE, "distribution of a share")]
TimeOfDay = Annotated[Distribution, *_distribution_of(TIME_OF_DAY, "distribution of a time of day")]
