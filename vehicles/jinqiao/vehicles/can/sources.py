"""Columns that frames show beyond the signal table: each a function of the table's columns at one instant.

Where a car has no model of its own (wheel slip, brake hydraulics) the value follows from one that has, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..modes import ChargingState, Gear, VehicleState

__all__ = ["SOURCES", "Columns", "with_sources"]

#: Columns of n vehicles by name, shape (n,), in the units of the signal table.
Columns: TypeAlias = Mapping[str, NDArray[Any]]

#: A bar of line pressure per percent of pedal (estimate: 120 bar lock the wheels on dry road).
BAR_PER_PERCENT = 1.2
#: Tyres are never of one size: circumferential speed of each wheel over the vehicle's (estimate).
WHEEL_FACTOR = {"fl": 1.0006, "fr": 0.9995, "rl": 1.0011, "rr": 1.0002}
_DOORS = ("fl", "fr", "rl", "rr", "tailgate", "bonnet")
_WINDOWS = ("fl", "fr", "rl", "rr")


def _awake(car: Columns) -> NDArray[np.bool_]:
    state = car["vehicle_state"]
    awake: NDArray[np.bool_] = (state == VehicleState.DRIVING) | (state == VehicleState.OFFLINE_LOGGING)
    return awake


def _high_voltage(car: Columns) -> NDArray[np.bool_]:
    on: NDArray[np.bool_] = _awake(car) | (car["charging_state"] == ChargingState.CHARGING) | (car["climate_on"] > 0)
    return on


def _inverter_state(car: Columns) -> NDArray[Any]:
    """0 off, 1 ready, 2 driving, 3 regenerating."""
    power = car["motor_power"]
    working = np.where(power > 0, 2, np.where(power < 0, 3, 1))
    return np.where(_awake(car), working, 0)


def _moving(car: Columns) -> NDArray[np.bool_]:
    """Over the last second."""
    moving: NDArray[np.bool_] = (car["speed"] > 0) | (car["acceleration"] != 0)
    return moving


def _inverter_current(car: Columns) -> NDArray[Any]:
    return np.divide(car["motor_power"] * 1000.0, np.maximum(car["pack_voltage"], 1.0))


def _wheel(place: str) -> Callable[[Columns], NDArray[Any]]:
    return lambda car: car["speed"] * WHEEL_FACTOR[place]


def _bit(column: str, number: int) -> Callable[[Columns], NDArray[Any]]:
    return lambda car: (car[column].astype(np.uint8) >> np.uint8(number)) & np.uint8(1)


#: The last four are no functions of the table: the caller that has the fleet provides them (`snapshot.py`).
SOURCES: Mapping[str, Callable[[Columns], NDArray[Any]] | None] = {
    "awake": _awake,
    "high_voltage": _high_voltage,
    "contactor_state": lambda car: _high_voltage(car).astype(np.uint8),
    "inverter_state": _inverter_state,
    "inverter_current": _inverter_current,
    "direction": lambda car: _moving(car).astype(np.uint8),
    "park_lock": lambda car: car["gear"] == Gear.P,
    "brake_pressure": lambda car: car["brake_pedal"] * BAR_PER_PERCENT,
    "accelerator_released": lambda car: car["accelerator_pedal"] <= 0,
    "regenerating": lambda car: car["motor_power"] < 0,
    "regeneration_power": lambda car: np.maximum(-car["motor_power"], 0.0),
    **{f"wheel_speed_{place}": _wheel(place) for place in WHEEL_FACTOR},
    **{f"door_{name}": _bit("doors_open", number) for number, name in enumerate(_DOORS)},
    **{f"window_{name}": _bit("windows_open", number) for number, name in enumerate(_WINDOWS)},
    "time_s": None,
    "series_cells": None,
    "chemistry": None,
    "cell_voltages": None,
    "cell_temperatures": None,
    "vin": None,
}


def with_sources(columns: Columns) -> dict[str, NDArray[Any]]:
    """The columns and all that follows from them."""
    return {**columns, **{name: make(columns) for name, make in SOURCES.items() if make is not None}}
