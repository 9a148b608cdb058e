"""Quantities as people write them: a number and its unit, `30 min`, `7.2 kW`, `-5 degC`, and times of day, `07:45`.

A scenario never leaves a unit to be guessed: a bare number where a unit is needed is refused with the units that fit.
Every parser takes what YAML may hold at its place and returns a float, or raises QuantityError, nothing else.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import InputError
from .words import one_of, show

__all__ = [
    "DIMENSIONS",
    "SHARE_PATTERN",
    "TIME_OF_DAY_PATTERN",
    "Dimension",
    "QuantityError",
    "parse_contact_mohm",
    "parse_data_rate_bps",
    "parse_delay_s",
    "parse_duration_s",
    "parse_energy_kwh",
    "parse_force_n",
    "parse_heating_k_per_min",
    "parse_insulation_kohm",
    "parse_leak_kpa_per_min",
    "parse_length_m",
    "parse_power_kw",
    "parse_quantity",
    "parse_share",
    "parse_temperature_degc",
    "parse_time_of_day_s",
    "parse_voltage_mv_per_min",
    "parse_voltage_v",
]


class QuantityError(InputError, ValueError):
    """What stands there is not the quantity that is needed; the message says what was found and what fits."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a quantity measures: its units with their factor to the unit of the result, and how people misspell them."""

    name: str
    example: str
    units: Mapping[str, float]
    misspelt: Mapping[str, str] = field(default_factory=dict)
    signed: bool = False

    @property
    def pattern(self) -> str:
        """Regular expression (JSON Schema and Python) of what is written for it."""
        return f"^{'-?' if self.signed else ''}[0-9]+([.][0-9]+)? *({'|'.join(self.units)})$"


DIMENSIONS: dict[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension(
            "duration",
            "30 min",
            {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0},
            {"sec": "s", "seconds": "s", "m": "min", "mins": "min", "minutes": "min"}
            | {"hr": "h", "hrs": "h", "hours": "h", "days": "d"},
        ),
        Dimension("power", "7.2 kW", {"kW": 1.0, "W": 0.001}, {"kilowatts": "kW", "watts": "W"}),
        Dimension("energy", "60 kWh", {"kWh": 1.0}),
        Dimension(
            "temperature",
            "-5 degC",
            {"degC": 1.0},
            {"C": "degC", "°C": "degC", "℃": "degC", "deg": "degC", "celsius": "degC"},
            signed=True,
        ),
        Dimension("length", "12 km", {"km": 1000.0, "m": 1.0}, {"kilometres": "km", "metres": "m", "meters": "m"}),
        Dimension("percentage", "55 %", {"%": 1.0}, {"percent": "%", "pct": "%"}),
        Dimension(
            "heating rate",
            "1.5 degC/min",
            {"degC/min": 1.0, "degC/s": 60.0, "degC/h": 1 / 60},
            {"K/min": "degC/min", "C/min": "degC/min", "°C/min": "degC/min", "℃/min": "degC/min", "K/s": "degC/s"},
        ),
        Dimension(
            "pressure rate",
            "5 kPa/min",
            {"kPa/min": 1.0, "kPa/s": 60.0, "kPa/h": 1 / 60, "bar/min": 100.0},
            {"kpa/minute": "kPa/min", "bar/minute": "bar/min"},
        ),
        Dimension("voltage", "11.2 V", {"V": 1.0, "mV": 1e-3}, {"volts": "V", "volt": "V"}),
        Dimension("voltage rate", "10 mV/min", {"mV/min": 1.0, "mV/h": 1 / 60, "V/h": 1000 / 60}),
        Dimension(
            "insulation resistance",
            "30 kOhm",
            {"kOhm": 1.0, "MOhm": 1000.0, "Ohm": 1e-3},
            {"kΩ": "kOhm", "MΩ": "MOhm", "Ω": "Ohm", "kohms": "kOhm", "ohms": "Ohm"},
        ),
        Dimension("contact resistance", "2 mOhm", {"mOhm": 1.0}, {"mΩ": "mOhm", "milliohm": "mOhm"}),
        Dimension("force", "200 N", {"N": 1.0, "kN": 1000.0}, {"newton": "N", "newtons": "N"}),
        Dimension(
            "delay",
            "80 ms",
            {"ms": 0.001, "s": 1.0},
            {"msec": "ms", "millis": "ms", "milliseconds": "ms", "sec": "s", "seconds": "s"},
        ),
        Dimension(
            "data rate",
            "2 Mbit/s",
            {"kbit/s": 1e3, "Mbit/s": 1e6, "Gbit/s": 1e9},
            {"kbps": "kbit/s", "Mbps": "Mbit/s", "Gbps": "Gbit/s", "Kbit/s": "kbit/s", "MBit/s": "Mbit/s"},
        ),
    )
}
_NUMBER = r"[-+]?(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)"
_QUANTITY = re.compile(rf"({_NUMBER}) *([^\s0-9.+-].*)?", re.DOTALL)

#: A share is a fraction, `0.55`, or a percentage, `55 %`; this is what its text may be.
SHARE_PATTERN = "^(0([.][0-9]+)?|1([.]0+)?|[0-9]{1,2}([.][0-9]+)? *%|100([.]0+)? *%)$"
TIME_OF_DAY_PATTERN = "^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"
_TIME_OF_DAY = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?")


def parse_quantity(value: object, dimension: Dimension) -> float:
    """`value` in s, kW, kWh, degC, m, % or bit/s: the unit with factor 1 of its dimension."""
    article = "an" if dimension.name[0] in "aeiou" else "a"
    wanted = f"{article} {dimension.name} in {one_of(list(dimension.units))}"
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if (isinstance(value, (int, float)) and not isinstance(value, bool)) or (match and not match[2]):
        raise QuantityError(f"found {show(value)} without a unit, expected {wanted}, like {dimension.example!r}")
    if match is None:
        raise QuantityError(f"found {show(value)}, expected {wanted}, like {dimension.example!r}")
    number, unit = match[1], match[2]
    if unit not in dimension.units:
        near = _nearest(unit, dimension)
        meant = f" (did you mean '{number} {near}'?)" if near else f", like {dimension.example!r}"
        raise QuantityError(f"found {show(value)}, expected {wanted}{meant}")
    result = float(number) * dimension.units[unit]
    if not math.isfinite(result):
        raise QuantityError(f"found {show(value)}, expected a number that can be reckoned with")
    return result


def _nearest(unit: str, dimension: Dimension) -> str | None:
    """The unit that was probably meant: by a known misspelling, by case, or by likeness; not another dimension's."""
    spellings = {**dimension.misspelt, **{name: name for name in dimension.units}}
    folded = {spelling.casefold(): name for spelling, name in spellings.items()}
    words = [spelling for spelling in folded if len(spelling) > 1]  # one letter is near to everything
    if unit in dimension.misspelt or unit.casefold() in folded:
        return dimension.misspelt.get(unit) or folded[unit.casefold()]
    if any(unit in other.units for other in DIMENSIONS.values()):
        return None
    near = difflib.get_close_matches(unit.casefold(), words, 1, 0.6)
    return folded[near[0]] if near else None


def parse_duration_s(value: object) -> float:
    """A duration, s: `30s`, `5 min`, `2 h`, `1 d`."""
    return parse_quantity(value, DIMENSIONS["duration"])


def parse_power_kw(value: object) -> float:
    """A power, kW: `120 kW`, `800 W`."""
    return parse_quantity(value, DIMENSIONS["power"])


def parse_energy_kwh(value: object) -> float:
    """An energy, kWh: `60 kWh`."""
    return parse_quantity(value, DIMENSIONS["energy"])


def parse_temperature_degc(value: object) -> float:
    """A temperature, degC: `-5 degC`."""
    return parse_quantity(value, DIMENSIONS["temperature"])


def parse_length_m(value: object) -> float:
    """A length, m: `12 km`, `400 m`."""
    return parse_quantity(value, DIMENSIONS["length"])


def parse_heating_k_per_min(value: object) -> float:
    """How fast something warms, K/min: `1.5 degC/min`."""
    return parse_quantity(value, DIMENSIONS["heating rate"])


def parse_leak_kpa_per_min(value: object) -> float:
    """How fast a pressure falls, kPa/min: `5 kPa/min`, `0.2 bar/min`."""
    return parse_quantity(value, DIMENSIONS["pressure rate"])


def parse_voltage_v(value: object) -> float:
    """A voltage, V: `11.2 V`, `300 mV`."""
    return parse_quantity(value, DIMENSIONS["voltage"])


def parse_voltage_mv_per_min(value: object) -> float:
    """How fast voltages part, mV/min: `10 mV/min`."""
    return parse_quantity(value, DIMENSIONS["voltage rate"])


def parse_insulation_kohm(value: object) -> float:
    """An insulation resistance, kOhm: `30 kOhm`, `1.2 MOhm`."""
    return parse_quantity(value, DIMENSIONS["insulation resistance"])


def parse_contact_mohm(value: object) -> float:
    """The resistance of a contact, mOhm: `2 mOhm`."""
    return parse_quantity(value, DIMENSIONS["contact resistance"])


def parse_force_n(value: object) -> float:
    """A force, N: `200 N`."""
    return parse_quantity(value, DIMENSIONS["force"])


def parse_delay_s(value: object) -> float:
    """How long something takes on its way, s: `80 ms`, `1.5 s`."""
    return parse_quantity(value, DIMENSIONS["delay"])


def parse_data_rate_bps(value: object) -> float:
    """A data rate, bit/s: `2 Mbit/s`, `384 kbit/s`."""
    return parse_quantity(value, DIMENSIONS["data rate"])


def parse_share(value: object) -> float:
    """A share of a whole, 0 to 1: a bare fraction, `0.55`, or a percentage, `55 %`."""
    wanted = "a share from 0 to 1, or a percentage"
    number = float(value) if isinstance(value, str) and re.fullmatch(_NUMBER, value) else value
    if isinstance(number, (int, float)) and not isinstance(number, bool):
        if 0 <= number <= 1:
            return float(number)
        meant = f" (did you mean '{number:g} %'?)" if 1 < number <= 100 else ""
        raise QuantityError(f"found {show(value)}, expected {wanted}{meant}")
    if not isinstance(value, str):
        raise QuantityError(f"found {show(value)}, expected {wanted}, like 0.55 or '55 %'")
    share = parse_quantity(value, DIMENSIONS["percentage"]) / 100
    if not 0 <= share <= 1:
        raise QuantityError(f"found {value!r}, expected a share from 0 % to 100 %")
    return share


def parse_time_of_day_s(value: object) -> float:
    """A local time of day, seconds since midnight: `07:45` or `07:45:30`."""
    match = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    hour, minute, second = (int(part or 0) for part in match.groups()) if match else (24, 0, 0)
    if hour > 23 or minute > 59 or second > 59:
        raise QuantityError(f"found {show(value)}, expected a time of day from 00:00 to 23:59, like '07:45'")
    return hour * 3600.0 + minute * 60.0 + second
