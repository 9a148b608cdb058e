"""One second of driving: from the speed asked for to what the pack gives, in the order of the energy's way.

Everything here is array arithmetic over one block of rows; the parts it is put together from are the neighbours' files.
Terminal power = motor and inverter + climate + auxiliaries in every step, and SoC falls by the current of that step.
"""

from __future__ import annotations

import numpy as np

from . import battery, powertrain, thermal
from .arrays import F4s, F8s, Rows
from .climate import climate_step
from .columns import Columns
from .parameters import Parameters
from .road_load import wheel_power_w

__all__ = ["drive_rows", "follow_consumption"]

#: Length over which consumption is remembered for the range shown, km, and the bounds it is kept in, kWh/km.
MEMORY_KM = 20.0
CONSUMPTION_RANGE = (0.06, 0.8)
J_PER_KWH = 3.6e6


def drive_rows(cars: Columns, model: Parameters, rows: Rows, asked_mps: F4s, ambient_degc: F4s) -> F8s:
    """Step `rows` by one second towards `asked_mps`; returns metres moved, shape (rows,)."""
    train, pack = model.train, model.pack
    start = cars.speed_mps[rows]
    soc = cars.soc[rows]
    pack_degc = cars.pack_temperature_degc[rows]
    terminals = battery.source(pack, soc, pack_degc)

    # Loads beside the motor. Nothing flows once the contactors have opened, no comfort once the display says empty.
    displayed_empty = soc <= pack.low_soc
    climate_on = cars.climate_on[rows]
    cooling_w = thermal.cooling_w(pack, pack_degc)
    aux_w = cooling_w * np.float32(1 / thermal.COOL_COP) + train.aux_w
    if displayed_empty.any():
        climate_on = climate_on * ~displayed_empty
        closed = soc > battery.EMPTY_SOC
        cooling_w *= closed
        aux_w *= closed
    climate = climate_step(
        model.cabin, climate_on, cars.cabin_temperature_degc[rows], cars.target_temperature[rows], ambient_degc
    )
    loads_w = aux_w + climate.electric_w

    # The way down: wheels, shaft, terminals. What cannot be had is not driven.
    most_w = battery.discharge_limit_w(pack, terminals, soc, pack_degc) - loads_w
    regen_most_w = battery.charge_limit_w(pack, soc, pack_degc)
    regen_most_w *= soc > battery.EMPTY_SOC
    end = np.maximum(asked_mps, start - np.float32(powertrain.GRIP_MS2))
    wheel_w = wheel_power_w(model.road, start, end)
    mean = (start + end) * np.float32(0.5)
    shaft_w = powertrain.shaft_power_w(train, model.road, wheel_w, mean, regen_most_w)
    electric_w = powertrain.electric_power_w(train, shaft_w)
    short = (electric_w > most_w) | (shaft_w > train.peak_w) | (wheel_w > train.peak_force_n * mean)
    short &= wheel_w > 0
    if short.any():
        shaft_most_w = np.maximum(most_w, 0.0)
        shaft_most_w *= powertrain.motor_efficiency(train, shaft_most_w)
        reached = powertrain.reachable_mps(train, model.road, start, end, shaft_most_w)
        end = np.where(short, reached, end)
        wheel_w = wheel_power_w(model.road, start, end)
        mean = (start + end) * np.float32(0.5)
        shaft_w = powertrain.shaft_power_w(train, model.road, wheel_w, mean, regen_most_w)
        electric_w = powertrain.electric_power_w(train, shaft_w)

    current = battery.current_a(terminals, electric_w + loads_w)
    drop_v = current * terminals.resistance_ohm
    voltage = terminals.emf_v - drop_v
    energy_kwh = (voltage * current).astype(np.float64) * (1 / J_PER_KWH)
    moved: F8s = mean.astype(np.float64)

    cars.soc[rows] = np.maximum(soc - current / (pack.capacity_as * cars.state_of_health[rows]), 0.0)
    cars.odometer_m[rows] += moved
    cars.energy_discharged_kwh[rows] += np.maximum(energy_kwh, 0.0)
    cars.energy_regenerated_kwh[rows] -= np.minimum(energy_kwh, 0.0)
    cars.trip_s[rows] += 1
    cars.consumption_kwh_per_km[rows] = follow_consumption(cars.consumption_kwh_per_km[rows], energy_kwh, moved)
    cars.acceleration_mps2[rows] = end - start  # before the speed: `start` is a view of it
    cars.speed_mps[rows] = end
    cars.wheel_w[rows] = wheel_w
    cars.shaft_w[rows] = shaft_w
    cars.motor_electric_w[rows] = electric_w
    cars.hvac_w[rows] = climate.electric_w
    cars.aux_w[rows] = aux_w
    cars.pack_voltage_v[rows] = voltage
    cars.pack_current_a[rows] = current

    motor_loss_w = electric_w - shaft_w
    cars.motor_temperature_degc[rows] = thermal.step_motor(
        thermal.MOTOR, cars.motor_temperature_degc[rows], ambient_degc, motor_loss_w
    )
    cars.inverter_temperature_degc[rows] = thermal.step_motor(
        thermal.INVERTER, cars.inverter_temperature_degc[rows], ambient_degc, motor_loss_w
    )
    cars.tyre_temperature_degc[rows] = thermal.step_tyre(cars.tyre_temperature_degc[rows], ambient_degc, mean)
    cars.pack_temperature_degc[rows] = thermal.step_pack(pack, pack_degc, ambient_degc, current * drop_v - cooling_w)
    cars.cabin_temperature_degc[rows] = climate.cabin_degc
    return moved


def follow_consumption(kwh_per_km: F4s, energy_kwh: F8s, moved_m: F8s) -> F4s:
    """Recent consumption after one step: a mean over distance that forgets within `MEMORY_KM`."""
    change = (energy_kwh - kwh_per_km * (moved_m * 1e-3)) * (1 / MEMORY_KM)
    return np.clip(kwh_per_km + change, *CONSUMPTION_RANGE).astype(np.float32)
