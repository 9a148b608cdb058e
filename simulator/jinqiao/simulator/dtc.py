"""Diagnostic trouble codes: what a vehicle's control units have stored, and what the codes mean.

Few vehicles ever store one, so the store is a dictionary; the telemetry's `dtc_count` follows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["CODES", "Dtc", "DtcStatus", "DtcStore"]


class DtcStatus(IntEnum):
    """`Status` of the event `diagnostics:DtcReported`."""

    PENDING = 0
    CONFIRMED = 1
    CLEARED = 2


class Dtc(NamedTuple):
    """One stored code: `since_ms` is simulated UTC of its first report."""

    code: str
    status: DtcStatus
    since_ms: int


#: A letter for the system and four hexadecimal digits, the first below 4 (SAE J2012 / ISO 15031-6).
_FORM = re.compile(r"[PCBU][0-3][0-9A-F]{3}")

#: Names of SAE J2012DA for the codes that the project's faults store.
CODES: Mapping[str, str] = {
    "P0500": "Vehicle Speed Sensor A",
    "P0562": "System Voltage Low",
    "P0A0A": "High Voltage System Interlock Circuit",
    "P0A1F": "Battery Energy Control Module A",
    "P0A2F": "Drive Motor A Over Temperature",
    "P0A3C": "Drive Motor A Inverter Over Temperature",
    "P0A05": "Motor Electronics Coolant Pump Control Circuit/Open",
    "P0A78": "Drive Motor A Inverter Performance",
    "P0A7E": "Hybrid/EV Battery Pack Over Temperature",
    "P0A7F": "Hybrid/EV Battery Pack Deterioration",
    "P0A80": "Replace Hybrid/EV Battery Pack",
    "P0A94": "DC/DC Converter Performance",
    "P0A9C": "Hybrid/EV Battery Temperature Sensor A Circuit Range/Performance",
    "P0AA1": "Hybrid/EV Battery Positive Contactor Circuit Stuck Closed",
    "P0AA2": "Hybrid/EV Battery Positive Contactor Circuit Stuck Open",
    "P0AA6": "Hybrid/EV Battery Voltage System Isolation Fault",
    "P0AFA": "Hybrid/EV Battery System Voltage Low",
    "P0AFB": "Hybrid/EV Battery System Voltage High",
    "P0BBD": "Hybrid/EV Battery Pack Voltage Variation Exceeded Limit",
    "P0C47": "Hybrid/EV Battery Pack Coolant Pump Control Circuit/Open",
    "C0035": "Left Front Wheel Speed Sensor",
    "U0073": "Control Module Communication Bus A Off",
    "U0111": "Lost Communication With Battery Energy Control Module A",
    "U0140": "Lost Communication With Body Control Module",
    "U019B": "Lost Communication With Battery Charger Control Module A",
    "U0293": "Lost Communication With Hybrid/EV Powertrain Control Module A",
}

#: As many as the signal `dtc_count` and the thing model's array can hold.
MOST = 255


class DtcStore:
    """The stored codes of all vehicles; `count` is the fleet's column, uint8, shape (n,), kept in step."""

    def __init__(self, count: NDArray[np.uint8]) -> None:
        self._count = count
        self._stored: dict[int, dict[str, Dtc]] = {}

    def store(self, row: int, code: str, status: DtcStatus, now_ms: int) -> bool:
        """Store a code or change its status; whether anything changed. ValueError for what is no code."""
        if not _FORM.fullmatch(code):
            raise ValueError(f"found {code!r}, expected a trouble code like P0A80")
        if status == DtcStatus.CLEARED:
            raise ValueError("a code is cleared with `clear`")
        codes = self._stored.setdefault(row, {})
        known = codes.get(code)
        if (known is not None and known.status == status) or (known is None and len(codes) >= MOST):
            return False
        codes[code] = Dtc(code, status, now_ms if known is None else known.since_ms)
        self._count[row] = len(codes)
        return True

    def of(self, row: int) -> tuple[Dtc, ...]:
        """What one vehicle has stored, oldest first."""
        return tuple(self._stored.get(row, {}).values())

    def clear(self, row: int) -> tuple[Dtc, ...]:
        """Forget the codes of one vehicle; returns those that were stored."""
        self._count[row] = 0
        return tuple(self._stored.pop(row, {}).values())
