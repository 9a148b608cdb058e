"""Why a charge ends, and what BST and CST say then (GB/T 27930-2015, 10.3.8 and 10.3.9)."""

from __future__ import annotations

from collections.abc import Mapping

from ..damage.state import Cause
from .messages import Side

__all__ = ["ENDINGS", "FOLLOWS", "FOUND"]

#: Why a charge ends: who says so, and the fields of its BST or CST.
ENDINGS: Mapping[str, tuple[Side, Mapping[str, Mapping[str, int]]]] = {
    "target": ("bms", {"reasons": {"soc_reached": 1}}),
    "cell_voltage": ("bms", {"reasons": {"cell_voltage_reached": 1}}),
    "insulation": ("bms", {"faults": {"insulation": 1}}),
    "battery_hot": ("bms", {"faults": {"battery_hot": 1}}),
    "connector_hot": ("bms", {"faults": {"output_connector_hot": 1}}),
    "relay": ("bms", {"faults": {"relay": 1}}),
    "bms_fault": ("bms", {"faults": {"other": 1}}),
    "hand": ("charger", {"reasons": {"by_hand": 1}}),
    "charger_fault": ("charger", {"reasons": {"fault": 1}, "faults": {"other": 1}}),
    "emergency": ("charger", {"reasons": {"fault": 1}, "faults": {"emergency_stop": 1}}),
}
#: The same for what the battery management of a damaged car finds.
FOUND: Mapping[Cause, str] = {
    Cause.BATTERY_HOT: "battery_hot",
    Cause.INSULATION: "insulation",
    Cause.CONNECTOR_HOT: "connector_hot",
    Cause.RELAY: "relay",
    Cause.OTHER: "bms_fault",
}
#: What the other side says then.
FOLLOWS: Mapping[Side, Mapping[str, Mapping[str, int]]] = {
    "charger": {"reasons": {"bms_stopped": 1}},
    "bms": {"reasons": {"charger_stopped": 1}},
}
