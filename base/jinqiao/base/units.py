"""The units of signals and figures, and others that people write for them: `60 kW` and `60000 W` are the same power."""

from __future__ import annotations

from collections.abc import Mapping

from .words import Refused, did_you_mean, one_of

__all__ = ["UNITS", "in_unit"]

#: Unit of a signal → what may be written for it → factor to that unit.
UNITS: Mapping[str, Mapping[str, float]] = {
    "%": {"%": 1.0},
    "km/h": {"km/h": 1.0, "m/s": 3.6},
    "km": {"km": 1.0, "m": 1e-3},
    "m": {"m": 1.0, "km": 1e3},
    "m/s^2": {"m/s^2": 1.0},
    "deg": {"deg": 1.0},
    "degC": {"degC": 1.0},
    "V": {"V": 1.0, "mV": 1e-3},
    "A": {"A": 1.0, "mA": 1e-3},
    "kW": {"kW": 1.0, "W": 1e-3},
    "kWh": {"kWh": 1.0, "Wh": 1e-3, "MWh": 1e3},
    "kOhm": {"kOhm": 1.0, "Ohm": 1e-3, "MOhm": 1e3},
    "kPa": {"kPa": 1.0, "bar": 100.0},
    "Nm": {"Nm": 1.0},
    "rpm": {"rpm": 1.0},
    "min": {"min": 1.0, "s": 1.0 / 60.0, "h": 60.0},
    "s": {"s": 1.0, "ms": 1e-3, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "ms": {"ms": 1.0, "s": 1e3},
}


def in_unit(number: float, written: str, unit: str, what: str) -> float:
    """`number` of the unit `written` in the signal's `unit`; both are empty where there is none.

    Raises Refused, which says what is measured by `what`.
    """
    if written == unit:
        return number
    fitting = UNITS.get(unit, {unit: 1.0} if unit else {})
    if not fitting:
        raise Refused(f"found {number:g} {written}, expected a bare number: {what} has no unit")
    wanted = f"{what} in {one_of(list(fitting))}"
    if not written:
        raise Refused(f"found {number:g} without a unit, expected {wanted}")
    if written not in fitting:
        raise Refused(f"found {number:g} {written}, expected {wanted}{did_you_mean(written, fitting)}")
    return float(f"{number * fitting[written]:.12g}")  # 2.2 bar are 220 kPa, not a last bit more
