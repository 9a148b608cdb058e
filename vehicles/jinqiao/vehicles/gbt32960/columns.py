"""What a fleet's vehicles say in real-time data: one row of the table is one field, both editions.

Signals are those of the signal table; a field is their unit, their words put into the standard's codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.gbt32960.commands import EDITIONS
from jinqiao.wire.gbt32960.items import ALARMS

from ..cell_data import CELLS
from ..cells import probe_places, voltage_places
from ..damage.limits import INVERTER_DEGC, MOTOR_DEGC
from ..damage.state import Quantity
from ..fleet import Fleet
from ..modes import ChargingState, Gear, VehicleState
from ..told import Tell, Told, stretched
from .as_told import as_told
from .layout import CELLS_AT_MOST, FrameLayout, Slot

__all__ = ["FIELDS", "ITEM_NAMES", "Readings", "VehicleReader", "layout_for"]

Column = NDArray[Any]

#: Items of a real-time frame of a battery electric car, in order.
ITEM_NAMES: Mapping[str, tuple[str, ...]] = {
    "2016": ("vehicle", "motors", "position", "extremes", "alarms", "cells", "probes"),
    "2025": ("vehicle", "motors", "position", "alarms", "cells", "probes"),
}
#: From here on a field is alarmed: SoC, %; probes apart, K; cells apart, V; insulation, Ohm per V (GB 18384, 5.1.4).
LOW_SOC, APART_K, APART_V, LEAST_OHM_PER_V = 5.0, 10.0, 0.3, 500.0
HOT_DEGC = 55.0
#: The same of motor and controller, degC: where they begin to lose power (`damage.limits`).
HOT_MOTOR_DEGC, HOT_CONTROLLER_DEGC = MOTOR_DEGC[0], INVERTER_DEGC[0]
#: Alarm flag → what is broken where it is set, beside what the frame's own values show.
BROKEN: Mapping[str, Quantity] = {"dcdc_state": Quantity.CONVERTER, "pack_thermal_event": Quantity.RUNAWAY}
#: Flags of the edition of 2016, the first ones; those behind have no bit there.
_FLAGS_2016 = np.uint32((1 << 19) - 1)
_GEARS = {Gear.P: 15, Gear.R: 13, Gear.N: 0, Gear.D: 14}
_GEAR_CODES = np.array([_GEARS[gear] for gear in Gear], dtype=np.uint8)
#: Numbers above this have no room in one byte beside the marks (extremes of 2016).
_MOST_NUMBER = 253


class Readings:
    """The same moment of m vehicles of one model: the signals, and what is derived from several.

    `told` says which of the signals are not the true ones, if any are.
    """

    def __init__(
        self,
        signals: Mapping[str, Column],
        motor_a: Column,
        cells_v: Column,
        probes_degc: Column,
        cell_limits_v: tuple[float, float],
        broken: Mapping[str, Column],
        told: Told | None = None,
    ) -> None:
        """`cell_limits_v` is the range of the model's cells, `broken` has the rows of each of `BROKEN`."""
        self.signals, self.motor_a, self.told = signals, motor_a, told
        self.cell_limits_v, self.broken = cell_limits_v, broken
        #: As they stand on the wire, mV and degC: the extremes are these, not what they were rounded from.
        self.cells_mv = np.rint(cells_v * np.float32(1000.0)).astype(np.int64)
        self.probes_degc = np.rint(probes_degc).astype(np.int64)

    def __getitem__(self, name: str) -> Column:
        return self.signals[name]

    @cached_property
    def awake(self) -> Column:
        state = self["vehicle_state"]
        awake: Column = (state == VehicleState.DRIVING) | (state == VehicleState.OFFLINE_LOGGING)
        return awake

    @cached_property
    def flags(self) -> Column:
        """Alarm flags of item 07 (2016) or 06 (2025): what follows from the frame's own values, and `broken`."""
        least_v, most_v = self.cell_limits_v
        found = {
            **self.broken,
            "cell_over_voltage": self["cell_voltage_max"] > most_v,
            "cell_under_voltage": self["cell_voltage_min"] < least_v,
            "motor_controller_temperature": self["inverter_temperature"] >= HOT_CONTROLLER_DEGC,
            "motor_temperature": self["motor_temperature"] >= HOT_MOTOR_DEGC,
            "temperature_difference": self["cell_temperature_max"] - self["cell_temperature_min"] > APART_K,
            "battery_hot": self["cell_temperature_max"] >= HOT_DEGC,
            "soc_low": self["soc_displayed"] < LOW_SOC,
            "cells_uneven": self["cell_voltage_max"] - self["cell_voltage_min"] > APART_V,
            "insulation": self["insulation_resistance"] * 1000.0 < LEAST_OHM_PER_V * self["pack_voltage"],
        }
        raw = np.zeros(len(self["speed"]), dtype=np.uint32)
        for name, rows in found.items():
            raw |= rows.astype(np.uint32) << np.uint32(ALARMS.index(name))
        return raw

    def columns(self, layout: FrameLayout) -> dict[str, Column]:
        """What a frame of this layout says: a column, or one value for all, for each slot."""
        columns = {
            slot.path: np.asarray(FIELDS[slot.path](self) if slot.path in FIELDS else _of_list(slot, self))
            for slot in layout.slots
        }
        if layout.edition is EDITIONS["2016"]:
            columns["alarms.flags"] = columns["alarms.flags"] & _FLAGS_2016
        if self.told is not None:
            for slot in layout.slots:
                columns[slot.path] = as_told(slot, columns[slot.path], self.told)
        return columns

    @cached_property
    def flag_count(self) -> Column:
        """How many flags are set."""
        bits = np.arange(len(ALARMS), dtype=np.uint32)
        count: Column = (self.flags[:, None] >> bits & np.uint32(1)).sum(axis=1)
        return count

    def flag(self, place: int) -> Column:
        """Number of the flag that is set at this place, counted from the lowest."""
        bits = np.arange(len(ALARMS), dtype=np.uint32)
        is_set = (self.flags[:, None] >> bits & np.uint32(1)).astype(np.int64)
        number: Column = (is_set.cumsum(axis=1) == place + 1).argmax(axis=1)
        return number

    @cached_property
    def level(self) -> Column:
        """The highest alarm there is; a flag is at least level 1."""
        level: Column = np.maximum(self["alarm_level"], (self.flags != 0).astype(np.uint8))
        return level

    def motor_state(self) -> Column:
        """01 consuming, 02 generating, 04 ready at standstill, 03 off."""
        torque = np.rint(self["motor_torque"] * 10.0)
        moving = np.where(torque < 0, np.uint8(2), np.where(torque > 0, np.uint8(1), np.uint8(4)))
        return np.where(self.awake, moving, np.uint8(3))

    def gear(self) -> Column:
        raw = _GEAR_CODES[self["gear"].astype(np.intp)]
        braking = (self["brake_pedal"] >= 0.5).astype(np.uint8) << 4
        return raw | braking | (self.awake & (self["motor_torque"] > 0)).astype(np.uint8) << 5

    def charging(self) -> Column:
        state = self["charging_state"]
        known = np.where(state == ChargingState.FINISHED, np.uint8(4), np.uint8(3))
        return np.where(state == ChargingState.CHARGING, np.uint8(1), known)

    def position_status(self) -> Column:
        """Bit 0 set where there is no fix, bits 1 and 2 south and west. Without a fix the position is the last one."""
        no_fix = (self["satellites"] < 4).astype(np.uint8)
        if self.told is not None:
            for name in ("longitude", "latitude"):
                no_fix |= self.told.missing.get(name, np.uint8(0))
        south = (self["latitude"] < 0).astype(np.uint8) << 1
        return no_fix | south | (self["longitude"] < 0).astype(np.uint8) << 2


def _number(values: Column) -> Column:
    """Numbers from 1 where they have room in a byte; NaN is the mark `invalid`."""
    return np.where(values < _MOST_NUMBER, values + 1.0, np.nan)


#: Every field but the lists of cells: its path in the tables of items → a column, or one value for all.
FIELDS: Mapping[str, Callable[[Readings], Any]] = {
    "vehicle.state": lambda car: np.where(car.awake, np.uint8(1), np.uint8(2)),
    "vehicle.charging": Readings.charging,
    "vehicle.mode": lambda _: np.uint8(1),
    "vehicle.speed_kmh": lambda car: car["speed"],
    "vehicle.odometer_km": lambda car: car["odometer"],
    "vehicle.voltage_v": lambda car: car["pack_voltage"],
    "vehicle.current_a": lambda car: car["pack_current"],
    "vehicle.soc_percent": lambda car: car["soc_displayed"],
    "vehicle.dcdc": lambda car: np.where(
        (car.awake | (car["charging_state"] == ChargingState.CHARGING) | (car["climate_on"] > 0))
        & ~car.broken.get("dcdc_state", np.False_),
        np.uint8(1),
        np.uint8(2),
    ),
    "vehicle.gear": Readings.gear,
    "vehicle.insulation_kohm": lambda car: car["insulation_resistance"],
    "vehicle.accelerator_percent": lambda car: car["accelerator_pedal"],
    "vehicle.brake_percent": lambda car: car["brake_pedal"],
    "motors[0].number": lambda _: 1,
    "motors[0].state": Readings.motor_state,
    "motors[0].controller_degc": lambda car: car["inverter_temperature"],
    "motors[0].speed_rpm": lambda car: car["motor_speed"],
    "motors[0].torque_nm": lambda car: car["motor_torque"],
    "motors[0].motor_degc": lambda car: car["motor_temperature"],
    "motors[0].controller_v": lambda car: car["pack_voltage"],
    "motors[0].controller_a": lambda car: car.motor_a,
    "position.status": Readings.position_status,
    "position.datum": lambda car: car["coordinate_system"],
    "position.longitude_deg": lambda car: np.abs(car["longitude"]),
    "position.latitude_deg": lambda car: np.abs(car["latitude"]),
    "extremes.highest_pack": lambda _: 1,
    "extremes.highest_cell": lambda car: _number(car.cells_mv.argmax(axis=1)),
    "extremes.highest_v": lambda car: car.cells_mv.max(axis=1) / 1000.0,
    "extremes.lowest_pack": lambda _: 1,
    "extremes.lowest_cell": lambda car: _number(car.cells_mv.argmin(axis=1)),
    "extremes.lowest_v": lambda car: car.cells_mv.min(axis=1) / 1000.0,
    "extremes.hottest_pack": lambda _: 1,
    "extremes.hottest_probe": lambda car: _number(car.probes_degc.argmax(axis=1)),
    "extremes.hottest_degc": lambda car: car.probes_degc.max(axis=1),
    "extremes.coldest_pack": lambda _: 1,
    "extremes.coldest_probe": lambda car: _number(car.probes_degc.argmin(axis=1)),
    "extremes.coldest_degc": lambda car: car.probes_degc.min(axis=1),
    "alarms.level": lambda car: car.level,
    "alarms.flags": lambda car: car.flags,
}


def layout_for(edition: str, series: int, *, alarms: int = 0, signature_bytes: int | None = None) -> FrameLayout:
    """The real-time frame of a car with `series` cells: all items of `ITEM_NAMES`, one motor, one pack.

    `alarms` is how many flags are set: the edition of 2025 lists each of them with its level.
    """
    counts: dict[str, Any] = {
        "motors": 1,
        "cells": 1,
        "probes": 1,
        "cells.cells_v": series,
        "probes.probes_degc": series,
        "alarms.levels": alarms,
    }
    if edition == "2016":
        parts = [min(CELLS_AT_MOST, series - first) for first in range(0, series, CELLS_AT_MOST)]
        counts |= {"cells": len(parts), "cells.cells_v": parts}
    return FrameLayout(edition, ITEM_NAMES[edition], counts, signature_bytes=signature_bytes)


class VehicleReader:
    """Reads a fleet for frames; what each car's cells look like is worked out once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._places: dict[int, tuple[Column, Column]] = {}

    def read(
        self, rows: NDArray[np.intp], world: Mapping[str, Column] | None = None, tell: Tell | None = None
    ) -> Readings:
        """Vehicles of one model as they are told now; without `tell` as they are.

        `world` adds what the car does not know itself: longitude, latitude, coordinate_system, satellites.
        """
        fleet = self._fleet
        signals = {**fleet.sample(rows, "core"), **fleet.sample(rows, "detail"), **(world or _nowhere(len(rows)))}
        voltage = signals["pack_voltage"]
        motor_a = fleet.motor_electric_w[rows] / np.maximum(voltage, 1.0)
        motor_a[fleet.vehicle_state[rows] == VehicleState.PARKED] *= 0.0
        cells_v, probes_degc = self._cells(rows, signals)
        limits_v = CELLS[fleet.models[int(fleet.model_of[rows[0]])].battery.chemistry].limits_v
        damage = fleet.damage
        broken = {} if damage is None else {flag: damage.of(which, rows) > 0.0 for flag, which in BROKEN.items()}
        told = tell(rows, signals) if tell is not None else None
        if told is None:
            return Readings(signals, motor_a, cells_v, probes_degc, limits_v, broken)
        volts = stretched(cells_v, told, signals, "cell_voltage_min", "cell_voltage_max")
        degc = stretched(probes_degc, told, signals, "cell_temperature_min", "cell_temperature_max")
        cells_v, probes_degc = cells_v if volts is None else volts, probes_degc if degc is None else degc
        return Readings(told.signals, motor_a, cells_v, probes_degc, limits_v, broken, told)

    def _cells(self, rows: NDArray[np.intp], signals: Mapping[str, Column]) -> tuple[Column, Column]:
        """Voltage and temperature of every cell, shape (m, series), in agreement with the signals."""
        fleet = self._fleet
        for row in rows.tolist():
            if row not in self._places:
                vin, series = bytes(fleet.vins[row]), fleet.models[fleet.model_of[row]].layout.series
                strong, weak = int(fleet.strong_cell[row]), int(fleet.weak_cell[row])
                places = voltage_places(vin, series, strong, weak), probe_places(vin, series)
                self._places[row] = tuple(place.astype(np.float32) for place in places)  # type: ignore[assignment]
        volts, temperatures = (np.stack([self._places[row][which] for row in rows.tolist()]) for which in (0, 1))
        series = volts.shape[1]
        apart = signals["cell_voltage_max"] - signals["cell_voltage_min"]
        gap = np.where(signals["cell_voltage_max_index"] == fleet.strong_cell[rows], apart, -apart)
        cells = (signals["pack_voltage"] / np.float32(series))[:, None] + gap[:, None] * volts
        hot, cold = signals["cell_temperature_max"], signals["cell_temperature_min"]
        probes = ((hot + cold) * 0.5)[:, None] + (hot - cold)[:, None] * temperatures
        odd = fleet.odd_cells(rows)
        if odd is not None:
            odd.lay_over_volts(cells, volts)
            odd.lay_over_degc(probes, temperatures)
        return cells, probes


def _nowhere(count: int) -> dict[str, Column]:
    """On the dynamometer there is no sky; the place is Jinqiao's."""
    return {
        "longitude": np.full(count, 121.60),
        "latitude": np.full(count, 31.25),
        "coordinate_system": np.full(count, 1, dtype=np.uint8),
        "satellites": np.zeros(count, dtype=np.uint8),
    }


def _of_list(slot: Slot, car: Readings) -> Any:
    """A field of a list: the one pack, in records of 200 cells in 2016, or the alarms there are."""
    path, field = slot.path.split("].")
    name, entry = path.split("[")
    first = int(entry) * CELLS_AT_MOST
    if name == "alarms.levels":
        return car.flag(int(entry)) if field == "alarm" else car.level
    if field == "cells_v":
        return car.cells_mv[:, first : first + slot.count] / 1000.0
    found: dict[str, Any] = {
        "pack": 1,
        "voltage_v": car["pack_voltage"],
        "current_a": car["pack_current"],
        "cells_in_all": car.cells_mv.shape[1],
        "first_cell": first + 1,
        "probes_degc": car.probes_degc,
    }
    return found[field]
