"""The messages of GB/T 27930-2015, one row each: parameter group, priority, sender, period, fields.

Tables 4 to 7 of the standard name and time them, clause 10 lays out the fields. The edition of 2023 keeps this set as
its class A.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jinqiao.base.errors import ProtocolError

from .fields import Ascii, Bcd, Field, Number, Raw, Split, Twos

__all__ = ["ADDRESS", "BY_GROUP", "MESSAGES", "Message", "Side", "can_id", "parse_id"]

Side = Literal["charger", "bms"]
#: Addresses on the bus (7.5): the charger 86, the battery management 244.
ADDRESS: Mapping[Side, int] = {"charger": 0x56, "bms": 0xF4}
_OTHER: Mapping[Side, Side] = {"charger": "bms", "bms": "charger"}

VOLT = Number(2, per=10)
AMPERE = Number(2, per=10, offset=-400)
CELL = Number(2, per=100)
DEGC = Number(1, offset=-50)


@dataclass(frozen=True, slots=True)
class Message:
    """One row. `group` is the PDU format byte; more than 8 bytes go over the transport protocol."""

    name: str
    group: int
    priority: int
    sender: Side
    period_ms: int
    fields: Mapping[str, Field]

    @property
    def size(self) -> int:
        return sum(field.size for field in self.fields.values())

    @property
    def id(self) -> int:
        """29-bit identifier of the message itself."""
        return can_id(self.priority, self.group, self.sender)

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """The bytes; KeyError for a missing field, InputError for a value that does not fit."""
        return b"".join(field.pack(values[name], f"{self.name}.{name}") for name, field in self.fields.items())

    def unpack(self, data: bytes) -> dict[str, Any]:
        """Fields by name; those behind the end of a shorter form are left out. ProtocolError when one is cut."""
        found: dict[str, Any] = {}
        at = 0
        for name, field in self.fields.items():
            if at == len(data):
                break
            if at + field.size > len(data):
                raise ProtocolError(f"{self.name}: found {len(data)} bytes, expected {self.size}")
            found[name] = field.unpack(data[at : at + field.size])
            at += field.size
        return found


def can_id(priority: int, group: int, sender: Side) -> int:
    """Priority, PDU format, destination and source address (SAE J1939-21, 5.2; PDU 1)."""
    return priority << 26 | group << 16 | ADDRESS[_OTHER[sender]] << 8 | ADDRESS[sender]


def parse_id(identifier: int) -> tuple[int, int, int, int]:
    """Priority, PDU format, destination, source."""
    return identifier >> 26 & 7, identifier >> 16 & 0xFF, identifier >> 8 & 0xFF, identifier & 0xFF


#: Reasons to stop and what stood behind them: byte 1, bytes 2 and 3, byte 4 (10.3.8 and 10.3.9, tables 27 to 32).
BST_REASONS = Twos(("soc_reached", "total_voltage_reached", "cell_voltage_reached", "charger_stopped"))
BST_FAULTS = Twos(
    ("insulation", "output_connector_hot", "bms_hot", "connector", "battery_hot", "relay", "checkpoint_2", "other"), 2
)
CST_REASONS = Twos(("condition_reached", "by_hand", "fault", "bms_stopped"))
CST_FAULTS = Twos(("charger_hot", "connector", "inside_hot", "no_energy", "emergency_stop", "other"), 2)
STOP_ERRORS = Twos(("current", "voltage"))

#: Which message did not come in time (10.5, tables 37 and 38), a name for each pair of bits.
BEM_WAITED = {
    "identification": Twos(("CRM_00", "CRM_AA")),
    "parameters": Twos(("CML", "CRO")),
    "charging": Twos(("CCS", "CST")),
    "end": Twos(("CSD",)),
}
CEM_WAITED = {
    "identification": Twos(("BRM",)),
    "parameters": Twos(("BCP", "BRO")),
    "charging": Twos(("BCS", "BCL", "BST")),
    "end": Twos(("BSD",)),
}

_ROWS = (
    #       name  PF    prio sender  ms   fields
    Message("CHM", 0x26, 6, "charger", 250, {"version": Raw(3)}),
    Message("BHM", 0x27, 6, "bms", 250, {"most_v": VOLT}),
    Message("CRM", 0x01, 6, "charger", 250, {"result": Number(1), "charger_number": Number(4), "area": Ascii(3)}),
    Message("BRM", 0x02, 7, "bms", 250, {
        "version": Raw(3), "chemistry": Number(1), "capacity_ah": Number(2, per=10), "rated_v": VOLT,
        "maker": Ascii(4), "pack_number": Number(4), "year": Number(1, offset=1985), "month": Number(1),
        "day": Number(1), "charges": Number(3), "owner": Number(1), "reserved": Number(1), "vin": Ascii(17),
        "software": Raw(8),
    }),
    Message("BCP", 0x06, 7, "bms", 500, {
        "cell_most_v": CELL, "most_a": AMPERE, "energy_kwh": Number(2, per=10), "most_v": VOLT, "most_degc": DEGC,
        "soc_percent": Number(2, per=10), "present_v": VOLT,
    }),
    Message("CTS", 0x07, 6, "charger", 500, {
        "second": Bcd(), "minute": Bcd(), "hour": Bcd(), "day": Bcd(), "month": Bcd(), "year": Bcd(2),
    }),
    Message("CML", 0x08, 6, "charger", 250, {"most_v": VOLT, "least_v": VOLT, "most_a": AMPERE, "least_a": AMPERE}),
    Message("BRO", 0x09, 4, "bms", 250, {"ready": Number(1)}),
    Message("CRO", 0x0A, 4, "charger", 250, {"ready": Number(1)}),
    Message("BCL", 0x10, 6, "bms", 50, {"wanted_v": VOLT, "wanted_a": AMPERE, "mode": Number(1)}),
    Message("BCS", 0x11, 7, "bms", 250, {
        "measured_v": VOLT, "measured_a": AMPERE, "highest_cell": Split(100), "soc_percent": Number(1),
        "minutes_left": Number(2),
    }),
    Message("CCS", 0x12, 6, "charger", 50, {
        "output_v": VOLT, "output_a": AMPERE, "minutes": Number(2), "charging": Twos(("allowed",), spare=1),
        "reserved": Raw(1),
    }),
    Message("BSM", 0x13, 6, "bms", 250, {
        "highest_cell": Number(1, offset=1), "hottest_degc": DEGC, "hottest_probe": Number(1, offset=1),
        "coldest_degc": DEGC, "coldest_probe": Number(1, offset=1),
        "limits": Twos(("cell_voltage", "soc", "over_current", "temperature")),
        "state": Twos(("insulation", "connector", "allowed")),
    }),
    Message("BST", 0x19, 4, "bms", 10, {"reasons": BST_REASONS, "faults": BST_FAULTS, "errors": STOP_ERRORS}),
    Message("CST", 0x1A, 4, "charger", 10, {"reasons": CST_REASONS, "faults": CST_FAULTS, "errors": STOP_ERRORS}),
    Message("BSD", 0x1C, 6, "bms", 250, {
        "soc_percent": Number(1), "lowest_cell_v": CELL, "highest_cell_v": CELL, "coldest_degc": DEGC,
        "hottest_degc": DEGC,
    }),
    Message("CSD", 0x1D, 6, "charger", 250, {
        "minutes": Number(2), "kwh": Number(2, per=10), "charger_number": Number(4),
    }),
    Message("BEM", 0x1E, 2, "bms", 250, BEM_WAITED),
    Message("CEM", 0x1F, 2, "charger", 250, CEM_WAITED),
)  # fmt: skip

MESSAGES: Mapping[str, Message] = {row.name: row for row in _ROWS}
BY_GROUP: Mapping[int, Message] = {row.group: row for row in _ROWS}
