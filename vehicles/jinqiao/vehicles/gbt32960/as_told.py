"""Fields of real-time data where sensors are wrong: what is derived from cells, and the mark of what is missing.

Most fields show a signal and follow it. Extremes are taken from the cells, which follow where they can; where they
cannot, as with a highest cell that is told below the lowest, the field is the signal. What is missing is `invalid`,
0xFF and so on (2016, 7.2.3.1), in numbers and choices; bits have no mark and stay as they were.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.gbt32960.forms import Choice, Number

from ..told import Told
from .layout import Slot

__all__ = ["as_told"]

#: Field, its path without numbers of entries → the signal that it shows. Of a position that is missing the standard
#: wants the last one, and says so in its status.
_SHOWN: Mapping[str, str] = {
    "vehicle.state": "vehicle_state",
    "vehicle.charging": "charging_state",
    "vehicle.speed_kmh": "speed",
    "vehicle.odometer_km": "odometer",
    "vehicle.voltage_v": "pack_voltage",
    "vehicle.current_a": "pack_current",
    "vehicle.soc_percent": "soc_displayed",
    "vehicle.insulation_kohm": "insulation_resistance",
    "vehicle.accelerator_percent": "accelerator_pedal",
    "vehicle.brake_percent": "brake_pedal",
    "motors.controller_degc": "inverter_temperature",
    "motors.speed_rpm": "motor_speed",
    "motors.torque_nm": "motor_torque",
    "motors.motor_degc": "motor_temperature",
    "motors.controller_v": "pack_voltage",
    "position.datum": "coordinate_system",
    "extremes.highest_cell": "cell_voltage_max_index",
    "extremes.highest_v": "cell_voltage_max",
    "extremes.lowest_cell": "cell_voltage_min_index",
    "extremes.lowest_v": "cell_voltage_min",
    "extremes.hottest_degc": "cell_temperature_max",
    "extremes.coldest_degc": "cell_temperature_min",
    "alarms.level": "alarm_level",
    "cells.voltage_v": "pack_voltage",
    "cells.current_a": "pack_current",
}
_INVALID = np.uint8(0xFF)
#: Numbers above this have no room in one byte beside the marks (extremes of 2016).
_MOST_NUMBER = 253
#: What is taken from the same cells: where one of these is wrong, all of them are what the signals say.
_CELLS = ("cell_voltage_max", "cell_voltage_min", "cell_voltage_max_index", "cell_voltage_min_index")
_PROBES = ("cell_temperature_max", "cell_temperature_min")
_ENTRY = re.compile(r"\[\d+\]")


def as_told(slot: Slot, column: NDArray[Any], told: Told) -> NDArray[Any]:
    """The column of a field, or one value for all, as it is told."""
    path = _ENTRY.sub("", slot.path)
    signal = _SHOWN.get(path, "")
    if path.startswith("extremes.") and signal:
        places = _places(told, _CELLS if signal in _CELLS else _PROBES)
        if len(places):
            column = column.astype(np.float64)
            own = told.signals[signal][places].astype(np.float64)
            column[places] = np.where(own <= _MOST_NUMBER, own, np.nan) if path.endswith("_cell") else own
    missing = told.missing.get(signal)
    if missing is None:
        return column
    if isinstance(slot.form, Choice):
        return np.where(missing, _INVALID, column)
    if not isinstance(slot.form, Number):
        return column
    nothing = column.dtype.type(np.nan) if column.dtype.kind == "f" else np.nan
    return np.where(missing, nothing, column)


def _places(told: Told, signals: Sequence[str]) -> NDArray[np.intp]:
    """Where any of these is told wrong."""
    found = [told.places[name] for name in signals if name in told.places]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, np.intp)
