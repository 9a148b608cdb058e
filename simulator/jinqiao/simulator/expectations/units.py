"""Units that an expectation may be written in, with their factor to the unit of the signal table or of a figure."""

from __future__ import annotations

from collections.abc import Mapping

from jinqiao.base.signals import SIGNALS
from jinqiao.base.words import one_of

__all__ = ["UNITS", "UnitProblem", "in_unit", "with_unit"]

#: What may be written where a unit is needed; a unit that is not here is written as it is.
UNITS: Mapping[str, Mapping[str, float]] = {
    "kW": {"kW": 1.0, "W": 0.001},
    "kWh": {"kWh": 1.0, "Wh": 0.001},
    "km": {"km": 1.0, "m": 0.001},
    "s": {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "ms": 0.001},
    "ms": {"ms": 1.0, "s": 1000.0},
    "min": {"min": 1.0, "h": 60.0, "s": 1.0 / 60.0},
    "V": {"V": 1.0, "mV": 0.001},
    "kOhm": {"kOhm": 1.0, "MOhm": 1000.0},
    "kPa": {"kPa": 1.0, "bar": 100.0},
    "degC": {"degC": 1.0},
}
#: How people write units that are written otherwise here.
MISSPELT = {"C": "degC", "°C": "degC", "℃": "degC", "kph": "km/h", "kmh": "km/h", "percent": "%", "sec": "s"}
_ALL = (
    {row.unit for row in SIGNALS.values() if row.unit}
    | {"ms", "kWh/100km"}
    | {u for known in UNITS.values() for u in known}
)


class UnitProblem(ValueError):
    """A number without the unit that is needed, or with one that does not fit."""


def in_unit(number: float, found: str, unit: str, about: str) -> float:
    """A number of what is `about`, which is measured in `unit`, written with the unit `found`. Raises UnitProblem."""
    fitting = UNITS.get(unit, {unit: 1.0} if unit else {})
    if found in fitting:
        return number * fitting[found]
    if not unit:
        if not found:
            return number
        raise UnitProblem(f"found {number:g} {found}, expected a number without a unit: {about} has none")
    units = one_of(list(fitting))
    if not found:
        raise UnitProblem(f"found {number:g} without a unit, expected {about} in {units}, like '{number:g} {unit}'")
    meant = next((known for known in fitting if known.casefold() == found.casefold()), MISSPELT.get(found))
    near = f" (did you mean '{number:g} {meant}'?)" if meant in fitting else ""
    raise UnitProblem(f"found '{number:g} {found}', expected {about} in {units}{near}")


def with_unit(number: float, unit: str) -> str:
    """As it is written."""
    return f"{number:g} {unit}".rstrip()
