"""Standing still for any number of seconds, in closed form: a sleeping car costs nothing until somebody asks."""

from __future__ import annotations

import numpy as np

from . import battery, thermal
from .arrays import F4s, Rows
from .climate import parked_cabin
from .columns import Columns
from .parameters import Parameters

__all__ = ["STANDBY_W", "rest_rows"]

#: A sleeping car: control units, alarm, telematics (about 0.1 kWh a day: estimate).
STANDBY_W = 5.0


def rest_rows(cars: Columns, model: Parameters, rows: Rows, seconds: F4s, ambient_degc: F4s) -> None:
    """Let `rows` stand for `seconds`: temperatures go to the ambient one; standby, and a climate control asked for,
    drain the pack. The driver leaves with the first rest after a trip, and the climate control goes off with him.
    """
    pack = model.pack
    leaving = cars.on_trip[rows] > 0
    climate_on = np.where(leaving, np.uint8(0), cars.climate_on[rows])
    soc = cars.soc[rows]
    climate_on *= soc > pack.low_soc
    hvac_w, cabin_degc = parked_cabin(
        model.cabin, climate_on, cars.cabin_temperature_degc[rows], cars.target_temperature[rows], ambient_degc, seconds
    )
    pack_degc = thermal.relax(
        cars.pack_temperature_degc[rows], ambient_degc, seconds, pack.k_per_j * np.float32(battery.CASE_W_PER_K)
    )
    aux_w = STANDBY_W * (soc > battery.EMPTY_SOC).astype(np.float32)
    terminals = battery.source(pack, soc, pack_degc)
    current = battery.current_a(terminals, hvac_w + aux_w)
    capacity_as = pack.capacity_as * cars.state_of_health[rows]
    current = np.minimum(current, soc * capacity_as / np.maximum(seconds, np.float32(1.0))).astype(np.float32)
    voltage = terminals.emf_v - terminals.resistance_ohm * current
    used_kwh = (voltage * current).astype(np.float64) * seconds * (1 / 3.6e6)

    cars.soc[rows] = np.maximum(soc - current.astype(np.float64) * seconds / capacity_as, 0.0)
    cars.energy_discharged_kwh[rows] += used_kwh
    cars.on_trip[rows] = 0
    cars.climate_on[rows] = climate_on
    cars.pack_current_a[rows] = current
    cars.pack_voltage_v[rows] = voltage
    cars.hvac_w[rows] = hvac_w
    cars.aux_w[rows] = aux_w
    cars.pack_temperature_degc[rows] = pack_degc
    cars.cabin_temperature_degc[rows] = cabin_degc
    for still in (cars.speed_mps, cars.acceleration_mps2, cars.wheel_w, cars.shaft_w, cars.motor_electric_w):
        still[rows] = 0.0
    cars.charge_power_kw[rows] = 0.0
    for column, rate_per_s in thermal.RESTING:
        values = getattr(cars, column)
        values[rows] = thermal.relax(values[rows], ambient_degc, seconds, rate_per_s)
