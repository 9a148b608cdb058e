"""Telemetry: every signal the car itself knows, as a function of the fleet's columns, in the unit of the signal table.

One row is one signal. What only the world knows (position, weather) is in `WORLD_SIGNALS` and is added by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from . import battery, bms, body, cells
from .arrays import EvenTable, F4s, F8s, Rows
from .columns import Columns
from .damage.cells import CellExtremes
from .damage.effects import Effects, effects_on
from .damage.state import Quantity
from .modes import ChargingState, Gear, Plug, VehicleState
from .parameters import Parameters
from .plugged import ChargingSecond
from .powertrain import GEAR_RATIO, WHEEL_RADIUS_M

__all__ = ["READINGS", "WORLD_SIGNALS", "Condition", "Health", "Reading", "condition_of", "health_of", "sample"]

WORLD_SIGNALS = frozenset(
    {"longitude", "latitude", "altitude", "coordinate_system", "heading", "satellites", "ambient_temperature"}
)
RPM_PER_RADS = 60.0 / (2.0 * np.pi)
#: Alarm levels: hottest probe, degC, from which a level holds.
HOT_DEGC = {1: 55.0, 2: 60.0, 3: 65.0}
#: Shown when no end of charging is in sight.
NEVER_MIN = 9999.0
#: A power too small to reckon an end with.
LEAST_CHARGE_KW = 0.05


class Reading:
    """The rows of one sample; what several signals share is computed once. `dark` is one for all, or shape (rows,)."""

    def __init__(
        self, cars: Columns, model: Parameters, curves: EvenTable, rows: Rows, *, dark: bool | NDArray[np.bool_]
    ) -> None:
        self.cars, self.model, self.curves, self.rows, self.dark = cars, model, curves, rows, dark

    def __getitem__(self, column: str) -> NDArray[Any]:
        values: NDArray[Any] = getattr(self.cars, column)[self.rows]
        return values

    @cached_property
    def hurt(self) -> Effects | None:
        """What is broken in any of them."""
        return effects_on(self.cars, self.model, self.rows)

    @cached_property
    def soc(self) -> F8s:
        return self["soc"]

    @cached_property
    def soc_error(self) -> F4s:
        return bms.soc_error(self.cars, self.model.pack, self.rows)

    @cached_property
    def displayed(self) -> F8s:
        return bms.shown_fraction(self.model.pack, self.soc, self.soc_error)

    @cached_property
    def energy_kwh(self) -> F4s:
        """What the battery management takes to be left, by what it shows."""
        soc = battery.true_soc(self.model.pack, self.displayed)
        return battery.energy_kwh(self.model.pack, soc, self["state_of_health"])

    @cached_property
    def terminals(self) -> battery.Source:
        pack_degc = self["pack_temperature_degc"]
        terminals = battery.source(self.model.pack, self.soc, pack_degc, self["rc_fast_a"], self["rc_slow_a"])
        if self.hurt is not None:
            self.hurt.weaken(terminals)
        return terminals

    @cached_property
    def window(self) -> F4s:
        return battery.window(self.model.pack, self.soc)

    @cached_property
    def awake(self) -> NDArray[np.bool_]:
        """Driving, or logging while offline."""
        state = self["vehicle_state"]
        awake: NDArray[np.bool_] = (state == VehicleState.DRIVING) | (state == VehicleState.OFFLINE_LOGGING)
        return awake

    @cached_property
    def charging(self) -> NDArray[np.bool_]:
        charging: NDArray[np.bool_] = self["charging_state"] == ChargingState.CHARGING
        return charging

    @cached_property
    def current_a(self) -> F4s:
        """Of the last second; a session that has ended since carries none."""
        current = self["pack_current_a"]
        over = (current < 0) & ~self.awake & ~self.charging
        return np.where(over, np.float32(0.0), current) if over.any() else current

    @cached_property
    def voltage_v(self) -> F4s:
        current, voltage = self["pack_current_a"], self["pack_voltage_v"]
        over = current != self.current_a
        return np.where(over, self.terminals.emf_v, voltage) if over.any() else voltage

    @cached_property
    def deviation_v(self) -> F4s:
        """How far the damaged cell lies off its place, V, in the rows that are `hurt`."""
        assert self.hurt is not None
        return self.hurt.deviation_v(self.terminals, self.current_a)

    @cached_property
    def _string_v(self) -> F4s:
        """The pack's voltage as it would be with every cell in its place."""
        voltage = self.voltage_v
        if self.hurt is None or not self.hurt.has(Quantity.OHM, Quantity.LOW_V):
            return voltage
        return self.hurt.patch(voltage, lambda _, hurt_v: hurt_v - self.deviation_v)

    @cached_property
    def mean_cell_v(self) -> F4s:
        """Of all places: where a cell is damaged, it lies beside its own."""
        mean: F4s = np.divide(self._string_v, self.model.pack.series)
        return mean

    @cached_property
    def cell_gap_v(self) -> F4s:
        spread = cells.Spread(*(self[f"cell_spread_{name}"] for name in ("v", "capacity", "resistance")))
        voltage = self._string_v
        if self.hurt is not None and self.hurt.has(Quantity.LOW_V):  # the open-circuit voltage lacks as much
            voltage = self.hurt.patch(voltage, lambda hurt, hurt_v: hurt_v - hurt.of(Quantity.LOW_V))
        return cells.voltage_gap(self.model.pack, self.terminals, spread, voltage, self.soc)

    @cached_property
    def cell_extremes(self) -> CellExtremes:
        """Highest and lowest cell, and their numbers."""
        gap, strong, weak = self.cell_gap_v, self["strong_cell"], self["weak_cell"]
        highest, lowest = cells.voltage_extremes(self.mean_cell_v, gap)
        sound = CellExtremes(highest, lowest, np.where(gap >= 0, strong, weak), np.where(gap >= 0, weak, strong))
        if self.hurt is None:
            return sound
        return self.hurt.cell_extremes(self.mean_cell_v, gap, self.deviation_v, sound)

    @cached_property
    def sound_probes(self) -> cells.Extremes:
        """The extremes without a cell that is hot by itself."""
        return cells.probe_extremes(
            self["pack_temperature_degc"], self["coolant_temperature_degc"], self["cell_spread_k"]
        )

    @cached_property
    def probes(self) -> cells.Extremes:
        sound = self.sound_probes
        if self.hurt is None:
            return sound
        hottest, coldest = self.hurt.probes
        return cells.Extremes(
            self.hurt.patch(sound.highest, lambda *_: hottest), self.hurt.patch(sound.lowest, lambda *_: coldest)
        )

    @cached_property
    def insulation_kohm(self) -> F4s:
        sound = body.insulation_kohm(self["insulation_kohm"], self["pack_temperature_degc"])
        return sound if self.hurt is None else self.hurt.patch(sound, Effects.insulation_kohm)

    @cached_property
    def ohm_per_v(self) -> F4s:
        """Insulation over the pack's voltage, as the standards have it."""
        ohm: F4s = self.insulation_kohm * np.float32(1000.0)
        ohm /= np.maximum(self.voltage_v, np.float32(1.0))
        return ohm

    @cached_property
    def aux_v(self) -> F4s:
        on = _converter_on(self)
        sound = body.aux_voltage_v(on, self["tyre_temperature_degc"], self["aux_offset_v"])
        return sound if self.hurt is None else self.hurt.patch(sound, lambda hurt, volts: hurt.aux_v(volts, on))

    @cached_property
    def discharge_limit_w(self) -> F4s:
        pack = self.model.pack
        limit = battery.discharge_limit_w(pack, self.terminals, self.window, self["pack_temperature_degc"])
        if self.hurt is not None:
            self.hurt.limit_discharge(limit, self.terminals)
        return limit

    @cached_property
    def shaft_rads(self) -> F4s:
        """Mean rotor speed of the last second, at which its power was given."""
        mean: F4s = self["speed_mps"] - self["acceleration_mps2"] * np.float32(0.5)
        return mean * np.float32(GEAR_RATIO / WHEEL_RADIUS_M)

    def tyre(self, place: str) -> F4s:
        filled: F4s = self[f"tyre_{place}_kpa"]
        if self.hurt is None:
            return body.tyre_pressure_kpa(filled, self["tyre_temperature_degc"])
        filled = self.hurt.patch(filled, lambda hurt, kpa: hurt.tyre_kpa(place, kpa))
        pressure = body.tyre_pressure_kpa(filled, self["tyre_temperature_degc"])
        # A flat tyre has no less than the air around it, however cold it is.
        return self.hurt.patch(pressure, lambda _, kpa: np.maximum(kpa, 0.0))


def _gear(car: Reading) -> NDArray[Any]:
    return (car.awake | (car["speed_mps"] > 0)) * np.uint8(Gear.D)  # P is 0


def _range_km(car: Reading) -> NDArray[Any]:
    distance: F4s = np.minimum(car.energy_kwh / car["consumption_kwh_per_km"], 2000.0)
    return distance


def _alarm_level(car: Reading) -> NDArray[Any]:
    level = car["alarm_level"]
    hottest = car.probes.highest
    if (hottest >= HOT_DEGC[1]).any():
        for grade, degc in HOT_DEGC.items():
            level = np.maximum(level, np.where(hottest >= degc, np.uint8(grade), np.uint8(0)))
    if car.hurt is not None:
        level = car.hurt.patch(level, lambda hurt, own: np.maximum(own, hurt.noticed))
    return level


def _motor_torque(car: Reading) -> NDArray[Any]:
    return np.clip(car["shaft_w"] / np.maximum(car.shaft_rads, 0.5), -2000.0, 2000.0)


def _accelerator(car: Reading) -> NDArray[Any]:
    train = car.model.train
    mean = car.shaft_rads * np.float32(WHEEL_RADIUS_M / GEAR_RATIO)
    return body.accelerator_percent(car["shaft_w"], np.minimum(train.peak_w, train.peak_force_n * mean))


def _charge_limit_kw(car: Reading) -> NDArray[Any]:
    """Plugged in, what would go in at the inlet; on the road, what braking may return."""
    limit: F4s = battery.charge_limit_w(car.model.pack, car.window, car["pack_temperature_degc"])
    if car.hurt is not None:
        car.hurt.limit_charge(limit)
    plugged = np.flatnonzero(car["plug_state"] != Plug.UNPLUGGED)
    if len(plugged):
        plug = ChargingSecond(car.cars, car.model.some(plugged), car.curves, _some(car.rows, plugged))
        limit[plugged] = plug.acceptable_w()
    return limit * 1e-3


def _some(rows: Rows, places: NDArray[np.intp]) -> Rows:
    return places + rows.start if isinstance(rows, slice) else rows[places]


def _minutes_to_limit(car: Reading) -> NDArray[Any]:
    pack = car.model.pack
    stop = battery.true_soc(pack, car["charge_limit"] * 0.01)
    missing = battery.energy_kwh(pack, stop, car["state_of_health"]) - car.energy_kwh
    power = -car.voltage_v * car.current_a * 1e-3
    minutes = 60.0 * np.maximum(missing, 0.0) / np.maximum(power, LEAST_CHARGE_KW)
    return np.where(car.charging & (power > LEAST_CHARGE_KW), np.minimum(minutes, NEVER_MIN), NEVER_MIN)


def _offered_a(car: Reading) -> NDArray[Any]:
    """DC at the pack's voltage; AC per phase, three of them above 7.4 kW (32 A on one phase)."""
    watts = car["offered_kw"] * 1000.0
    phases = np.where(watts > 7400.0, 3.0, 1.0)
    volts = np.where(car["plug_state"] == Plug.DC, car.voltage_v, 230.0 * phases)
    return np.clip(watts / volts, 0.0, 2000.0)


def _converter_on(car: Reading) -> NDArray[np.bool_]:
    return car.awake | car.charging | (car["climate_on"] > 0)


READINGS: Mapping[str, Callable[[Reading], NDArray[Any]]] = {
    "vehicle_state": lambda car: car["vehicle_state"],
    "speed": lambda car: car["speed_mps"] * 3.6,
    "odometer": lambda car: car["odometer_m"] * 1e-3,
    "gear": _gear,
    "soc_displayed": lambda car: car.displayed * 100.0,
    "range_remaining": _range_km,
    "alarm_level": _alarm_level,
    "pack_voltage": lambda car: car.voltage_v,
    "pack_current": lambda car: car.current_a,
    "pack_power": lambda car: car.voltage_v * car.current_a * 1e-3,
    "cell_temperature_max": lambda car: car.probes.highest,
    "charging_state": lambda car: car["charging_state"],
    # A full car on its charger may still heat or cool its cabin from there.
    "charge_power": lambda car: car["charge_power_kw"] * (car.charging | (car["climate_on"] > 0)),
    "acceleration": lambda car: car["acceleration_mps2"],
    "motor_speed": lambda car: car["speed_mps"] * (GEAR_RATIO / WHEEL_RADIUS_M * RPM_PER_RADS),
    "motor_torque": _motor_torque,
    "motor_power": lambda car: car["shaft_w"] * 1e-3,
    "motor_temperature": lambda car: car["motor_temperature_degc"],
    "inverter_temperature": lambda car: car["inverter_temperature_degc"],
    "accelerator_pedal": _accelerator,
    "brake_pedal": lambda car: body.brake_percent(car["acceleration_mps2"]),
    "state_of_health": lambda car: car["state_of_health"] * 100.0,
    "energy_remaining": lambda car: car.energy_kwh,
    "cell_voltage_max": lambda car: car.cell_extremes.highest_v,
    "cell_voltage_min": lambda car: car.cell_extremes.lowest_v,
    "cell_voltage_max_index": lambda car: car.cell_extremes.highest,
    "cell_voltage_min_index": lambda car: car.cell_extremes.lowest,
    "cell_temperature_min": lambda car: car.probes.lowest,
    "pack_temperature": lambda car: car["pack_temperature_degc"],
    "coolant_temperature": lambda car: car["coolant_temperature_degc"],
    "insulation_resistance": lambda car: car.insulation_kohm,
    "discharge_power_limit": lambda car: car.discharge_limit_w * 1e-3,
    "charge_power_limit": _charge_limit_kw,
    "energy_discharged": lambda car: car["energy_discharged_kwh"],
    "energy_regenerated": lambda car: car["energy_regenerated_kwh"],
    "plug_state": lambda car: car["plug_state"],
    "energy_charged": lambda car: car["energy_charged_kwh"],
    "minutes_to_limit": _minutes_to_limit,
    "charge_limit": lambda car: car["charge_limit"],
    "charge_current_limit": _offered_a,
    "cabin_temperature": lambda car: car["cabin_temperature_degc"],
    "target_temperature": lambda car: car["target_temperature"],
    "climate_on": lambda car: car["climate_on"],
    "hvac_power": lambda car: car["hvac_w"] * 1e-3,
    "locked": lambda car: body.locked(car["locked"], car.awake, car["stood_s"]),
    "doors_open": lambda car: body.doors_open(car["doors_open"], car.awake, car["stood_s"]),
    "windows_open": lambda car: car["windows_open"],
    "low_beam": lambda car: body.lit(car.awake, car.dark, car["always_lit"]),
    "brake_light": lambda car: body.brake_light(car["acceleration_mps2"]),
    "hazard_light": lambda car: car["hazard_light"],
    "seat_belt_driver": lambda car: body.seat_belt(car.awake, car["stood_s"]),
    "tire_pressure_fl": lambda car: car.tyre("fl"),
    "tire_pressure_fr": lambda car: car.tyre("fr"),
    "tire_pressure_rl": lambda car: car.tyre("rl"),
    "tire_pressure_rr": lambda car: car.tyre("rr"),
    "trip_distance": lambda car: (car["odometer_m"] - car["trip_start_m"]) * 1e-3,
    "trip_duration": lambda car: car["trip_s"],
    "trip_energy": lambda car: car["energy_discharged_kwh"] - car["energy_regenerated_kwh"] - car["trip_start_kwh"],
    "aux_voltage": lambda car: car.aux_v,
    "dtc_count": lambda car: car["dtc_count"],
}


class Condition(NamedTuple):
    """What the control units of damaged cars watch, shape (rows,)."""

    level: NDArray[np.uint8]  #: alarm by the damage alone
    hottest_degc: F4s
    coldest_degc: F4s
    apart_v: F4s
    lowest_v: F4s
    ohm_per_v: F4s
    aux_v: F4s


def condition_of(car: Reading) -> Condition:
    """The same values as in telemetry; every row is damaged."""
    assert car.hurt is not None
    highest, lowest, *_ = car.cell_extremes
    apart = highest - lowest
    level = car.hurt.level(apart_v=apart, ohm_per_v=car.ohm_per_v, aux_v=car.aux_v)
    return Condition(level, *car.probes, apart, lowest, car.ohm_per_v, car.aux_v)


class Health(NamedTuple):
    """A short self-test of one car."""

    aux_voltage_v: float
    insulation_kohm: float
    state_of_health: float


def health_of(reading: Reading) -> Health:
    """The same values as in telemetry, for a reading of one row."""
    asked = ("aux_voltage", "insulation_resistance", "state_of_health")
    aux_v, insulation_kohm, percent = (float(READINGS[name](reading)[0]) for name in asked)
    return Health(aux_v, insulation_kohm, percent / 100.0)


def sample(reading: Reading, group: str) -> dict[str, NDArray[Any]]:
    """All signals of one telemetry group that the car knows: name → array of the signal's own dtype, shape (rows,)."""
    return {
        signal.name: np.ascontiguousarray(READINGS[signal.name](reading), dtype=signal.dtype)
        for signal in SIGNALS.group(group)
        if signal.name not in WORLD_SIGNALS
    }
