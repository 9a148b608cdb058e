"""Keys about one signal of the thing model: its name, and amounts in its unit, whichever that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from jinqiao.base.quantity import DIMENSIONS, parse_duration_s
from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.units import UNITS, in_unit
from jinqiao.base.words import Refused, did_you_mean, one_of, show

from .fields import LONGEST_S

__all__ = ["ADDRESSES", "Amount", "ClockOffset", "ClockRate", "Drift", "SignalAddress", "Size", "known_address"]

#: Address in the thing model → signal.
ADDRESSES: Mapping[str, Signal] = {signal.identifier: signal for signal in SIGNALS.values() if signal.identifier}

_QUANTITY = re.compile(r"\s*([-+]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+))\s*(.*?)\s*", re.DOTALL)
_TIMES = DIMENSIONS["duration"].units
#: A clock goes on, however wrong it is: samples of different seconds keep different times.
_MOST_RATE = 0.5


def known_address(value: object) -> str:
    """The same, if it is the address of a signal. Raises Refused with the nearest one, or with the parts it has."""
    if isinstance(value, str) and value in ADDRESSES:
        return value
    if not isinstance(value, str):
        raise Refused(f"found {show(value)}, expected a signal of the thing model, like VehicleSpeed")
    parts = [known for known in ADDRESSES if known.startswith((f"{value}.", f"{value}["))]
    if parts:
        raise Refused(f"found {value}, which has parts, expected one of them: {one_of(parts)}")
    raise Refused(f"found {show(value)}, expected a signal of the thing model{did_you_mean(value, ADDRESSES)}")


def _parts(value: object, signal: Signal, example: str) -> tuple[float, str]:
    """Number and unit of what stands there."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value), ""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise Refused(f"found {show(value)}, expected a number{_of(signal)}, like {example!r}")
    return float(match[1]), match[2]


def _of(signal: Signal) -> str:
    return f" in {one_of(list(UNITS.get(signal.unit, {signal.unit: 1.0})))}" if signal.unit else ""


def _signal(info: ValidationInfo) -> Signal | None:
    """The one that the key `signal`, which comes first, names; None where that is wrong itself."""
    return ADDRESSES.get(info.data.get("signal", ""))


def _within(number: float, signal: Signal, value: object) -> float:
    """No sensor is further off than its whole range, and one that is not off at all is well."""
    most = signal.high - signal.low
    if not 0 < abs(number) <= most:
        unit = f" {signal.unit}" if signal.unit else ""
        raise Refused(
            f"found {show(value)}, expected up to {most:g}{unit}, and not 0: {signal.identifier} goes from"
            f" {signal.low:g} to {signal.high:g}{unit}"
        )
    return number


def _amount(value: object, info: ValidationInfo) -> float:
    signal = _signal(info)
    if signal is None:
        return 1.0
    number, unit = _parts(value, signal, f"5 {signal.unit}".strip())
    return _within(in_unit(number, unit, signal.unit, signal.identifier), signal, value)


def _size(value: object, info: ValidationInfo) -> float:
    number = _amount(value, info)
    if number < 0:
        raise Refused(f"found {show(value)}, expected more than 0")
    return number


def _drift(value: object, info: ValidationInfo) -> float:
    """A change per time, in the signal's unit per second."""
    signal = _signal(info)
    if signal is None:
        return 1.0
    example = f"0.5 {signal.unit}/min"
    number, unit = _parts(value, signal, example)
    measure, slash, time = unit.rpartition("/")
    if not slash or time.strip() not in _TIMES or unit in UNITS.get(signal.unit, {}):
        raise Refused(
            f"found {show(value)}, expected a change of {signal.identifier} per time ({one_of(list(_TIMES))}),"
            f" like {example!r}"
        )
    per_time = in_unit(number, measure.strip(), signal.unit, signal.identifier)
    return _within(per_time, signal, value) / _TIMES[time.strip()]


def _clock_offset(value: object) -> float:
    seconds = parse_duration_s(value)
    if abs(seconds) > LONGEST_S:
        raise Refused(f"found {show(value)}, expected from -366 d to 366 d")
    return seconds


def _clock_rate(value: object) -> float:
    """Seconds per second."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    measure, _, time = match[2].partition("/") if match is not None else ("", "", "")
    measure, time = measure.strip(), time.strip()
    if match is None or measure not in _TIMES or time not in _TIMES:
        raise Refused(f"found {show(value)}, expected a time per time ({one_of(list(_TIMES))}), like '2 s/h'")
    rate = float(match[1]) * _TIMES[measure] / _TIMES[time]
    if not abs(rate) <= _MOST_RATE:
        raise Refused(f"found {show(value)}, expected at most half a second per second, ahead or behind")
    return rate


def _shown(title: str, *examples: str) -> WithJsonSchema:
    pattern = "^ *[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)"
    text: dict[str, Any] = {"type": "string", "pattern": pattern, "examples": list(examples)}
    return WithJsonSchema({"title": title, "anyOf": [text, {"type": "number"}]})


#: By how much a clock is ahead, s.
ClockOffset = Annotated[
    float,
    BeforeValidator(_clock_offset),
    WithJsonSchema(
        {
            "title": "duration, ahead or behind",
            "type": "string",
            "pattern": f"^[-+]?[0-9]+([.][0-9]+)? *({'|'.join(_TIMES)})$",
            "examples": ["90 s", "-2 h"],
        }
    ),
]
#: By how much more, s per s.
ClockRate = Annotated[
    float,
    BeforeValidator(_clock_rate),
    WithJsonSchema(
        {
            "title": "time per time",
            "type": "string",
            "pattern": f"^ *[-+]?[0-9]+([.][0-9]+)? *({'|'.join(_TIMES)}) */ *({'|'.join(_TIMES)}) *$",
            "examples": ["2 s/h", "-1 s/min"],
        }
    ),
]
#: A signal of the thing model by its address, `battery:PackVoltage`, `GeoLocation.Longitude`. Comes before its amounts.
SignalAddress = Annotated[str, BeforeValidator(known_address), WithJsonSchema({"enum": list(ADDRESSES)})]
#: Up or down, in the unit of `signal`; a bare number where it has none.
Amount = Annotated[float, BeforeValidator(_amount), _shown("amount, in the signal's unit", "5 degC", "-2 km/h")]
#: The same, more than 0.
Size = Annotated[float, BeforeValidator(_size), _shown("size, in the signal's unit", "0.5 degC", "2 km/h")]
#: In the unit of `signal` per second.
Drift = Annotated[
    float,
    BeforeValidator(_drift),
    WithJsonSchema(
        {
            "title": "change per time",
            "type": "string",
            "pattern": "^ *[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+).*/ *(s|min|h|d) *$",
            "examples": ["0.5 degC/min", "-1 km/h/min"],
        }
    ),
]
