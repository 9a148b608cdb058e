"""Events and services of the EV thing model, and what the signal table leaves open: names of units and modules.

Identifiers here are a promise to subscribers: they may be added to, never renamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinqiao.base.signals import SIGNALS

__all__ = ["EVENTS", "MODULES", "SERVICES", "STEPS", "TYPES", "UNITS", "EventRow", "ServiceRow"]

Parameters = tuple[tuple[str, Mapping[str, Any]], ...]

#: `functionBlockId` → `functionBlockName`, in the order of the document.
MODULES: Mapping[str, str] = {
    "powertrain": "Powertrain",
    "battery": "Traction battery",
    "charging": "Charging",
    "climate": "Climate",
    "body": "Body",
    "location": "Position quality",
    "trip": "Trip",
    "diagnostics": "Diagnostics",
}

#: Unit of the signal table → `unitName`.
UNITS: Mapping[str, str] = {
    "%": "percent",
    "A": "ampere",
    "Nm": "newton metre",
    "V": "volt",
    "deg": "degree",
    "degC": "degree Celsius",
    "kOhm": "kiloohm",
    "kPa": "kilopascal",
    "kW": "kilowatt",
    "kWh": "kilowatt hour",
    "km": "kilometre",
    "km/h": "kilometre per hour",
    "m": "metre",
    "m/s^2": "metre per second squared",
    "min": "minute",
    "rpm": "revolution per minute",
    "s": "second",
}

#: Where the type differs from the signal's width: the platform's standard GeoLocation is double throughout.
TYPES: Mapping[str, str] = {"GeoLocation.Altitude": "double"}

#: Where the step differs from the signal's decimals: a set point moves in half degrees.
STEPS: Mapping[str, str] = {"climate:TargetTemperature": "0.5"}


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event: its address, type and outputs."""

    address: str
    type: Literal["info", "alert", "error"]
    output: Parameters
    meaning: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service: its address, call type, inputs and outputs."""

    address: str
    call_type: Literal["async", "sync"]
    input: Parameters
    output: Parameters
    meaning: str


def number(kind: str, low: float, high: float, step: str, unit: str = "") -> Mapping[str, Any]:
    """A number's `dataType`; every entry of `specs` is text."""
    specs = {"min": f"{low:.15g}", "max": f"{high:.15g}", "step": step}
    if unit:
        specs |= {"unit": unit, "unitName": UNITS[unit]}
    return {"type": kind, "specs": specs}


def enum(*names: str, first: int = 0) -> Mapping[str, Any]:
    return {"type": "enum", "specs": {str(key): name for key, name in enumerate(names, first)}}


def text(length: int) -> Mapping[str, Any]:
    return {"type": "text", "specs": {"length": str(length)}}


def _array(size: int, item: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"type": "array", "specs": {"size": str(size), "item": item}}


_DURATION = number("int", 0, 9_999_999, "1", "s")
_ENERGY = number("float", -1_000, 9_999, "0.001", "kWh")
_SOC = number("float", 0, 100, "0.1", "%")
_LIMIT = SIGNALS["charge_limit"]
_TARGET = SIGNALS["target_temperature"]
_INSULATION = SIGNALS["insulation_resistance"]
#: SAE J2012 / ISO 15031-6: one letter and four hexadecimal digits.
_DTC = text(5)

EVENTS: tuple[EventRow, ...] = (
    EventRow(
        "TripFinished",
        "info",
        (
            ("DistanceKm", number("float", 0, 99_999, "0.001", "km")),
            ("DurationS", _DURATION),
            ("EnergyKwh", _ENERGY),
            ("RegeneratedKwh", _ENERGY),
        ),
        "A trip ended: distance, time, energy out of the pack and back into it",
    ),
    EventRow(
        "ChargingStarted",
        "info",
        (),
        "A charging session began",
    ),
    EventRow(
        "ChargingFinished",
        "info",
        (
            ("EnergyKwh", _ENERGY),
            ("DurationS", _DURATION),
            ("StartSoc", _SOC),
            ("EndSoc", _SOC),
            ("StopReason", text(32)),
        ),
        "A charging session ended",
    ),
    EventRow(
        "Collision",
        "alert",
        (
            ("Level", enum("light", "medium", "severe", first=1)),
            ("Acceleration", number("float", -1_000, 1_000, "0.1", "m/s^2")),
        ),
        "The restraint system saw a collision",
    ),
    EventRow(
        "battery:ThermalWarning",
        "alert",
        (("Level", number("int", 1, 3, "1")), ("MaxTemperature", number("float", -60, 200, "0.1", "degC"))),
        "A cell is too hot; levels as GB/T 32960 grades alarms",
    ),
    EventRow(
        "diagnostics:DtcReported",
        "error",
        (("Code", _DTC), ("Status", enum("pending", "confirmed", "cleared"))),
        "A diagnostic trouble code changed its state",
    ),
)

SERVICES: tuple[ServiceRow, ...] = (
    ServiceRow("Lock", "async", (), (), "Lock all doors"),
    ServiceRow("Unlock", "async", (), (), "Unlock all doors"),
    ServiceRow(
        "StartClimate",
        "async",
        (("Target", number("float", _TARGET.low, _TARGET.high, "0.5", "degC")),),
        (),
        "Heat or cool the cabin to a target",
    ),
    ServiceRow("StopClimate", "async", (), (), "Switch the climate control off"),
    ServiceRow("StartCharging", "async", (), (), "Charge now, if plugged in"),
    ServiceRow("StopCharging", "async", (), (), "Suspend the charging session"),
    ServiceRow(
        "SetChargeLimit",
        "async",
        (("Limit", number("int", _LIMIT.low, _LIMIT.high, "1", "%")),),
        (),
        "State of charge at which charging stops",
    ),
    ServiceRow("HonkAndFlash", "async", (), (), "Horn and lights, to find the car"),
    ServiceRow(
        "RequestDiagnostics",
        "sync",
        (),
        (
            ("DtcCount", number("int", 0, 255, "1")),
            ("AuxBatteryVoltage", number("float", 0, 20, "0.01", "V")),
            ("StateOfHealth", number("float", 0, 110, "0.01", "%")),
            ("InsulationResistance", number("int", 0, _INSULATION.high, "1", "kOhm")),
            ("SoftwareVersion", text(64)),
        ),
        "A short self-test",
    ),
    ServiceRow("ReadDtc", "sync", (), (("Codes", _array(255, _DTC)),), "Stored diagnostic trouble codes"),
    ServiceRow("ClearDtc", "sync", (), (("Cleared", number("int", 0, 255, "1")),), "Clear the stored codes"),
)
