"""One second of driving: from the speed asked for to what the pack gives, in the order of the energy's way.

Everything here is array arithmetic over one block of rows; the parts it is put together from are the neighbours' files.
Terminal power = motor and inverter + climate + auxiliaries in every step, and SoC falls by the current of that step.
"""

from __future__ import annotations

import numpy as np

from . import battery, powertrain, thermal
from .arrays import INFINITE, INFINITE8, MINUS_INFINITE8, ONE, ZERO, ZERO8, F4s, F8s, Rows, anywhere, clip, f4
from .climate import climate_step
from .columns import Columns
from .damage.effects import effects_on
from .damage.state import Quantity
from .parameters import Parameters
from .road_load import gradient_n, in_weather, wheel_power_w

__all__ = ["drive_rows", "follow_consumption"]

#: Length over which consumption is remembered for the range shown, km, and the bounds it is kept in, kWh/km.
MEMORY_KM = 20.0
CONSUMPTION_RANGE = (0.06, 0.8)
J_PER_KWH = 3.6e6

_HALF, _GRIP_MS2 = f4(0.5), f4(powertrain.GRIP_MS2)
_KM_PER_M, _PER_MEMORY_KM, _LEAST_KWH_PER_KM, _MOST_KWH_PER_KM = map(f4, (1e-3, 1 / MEMORY_KM, *CONSUMPTION_RANGE))
_KWH_PER_J, _EMPTY_SOC = np.array(1 / J_PER_KWH), np.array(battery.EMPTY_SOC)


def drive_rows(
    cars: Columns,
    model: Parameters,
    rows: Rows,
    asked_mps: F4s,
    ambient_degc: F4s,
    grade: F4s | None,
    moved_m: F8s,
) -> None:
    """Step `rows` by one second towards `asked_mps`; `moved_m` receives the metres moved, shape (rows,).

    `grade` is the rise of the road per metre of map; None on the level.
    """
    train, pack = model.train, model.pack
    road = in_weather(model.road, ambient_degc)
    start = cars.speed_mps[rows]
    soc = cars.soc[rows]
    pack_degc = cars.pack_temperature_degc[rows]
    fast_a, slow_a = cars.rc_fast_a[rows], cars.rc_slow_a[rows]
    terminals = battery.source(pack, soc, pack_degc, fast_a, slow_a)
    hurt = effects_on(cars, model, rows)
    if hurt is not None:
        hurt.weaken(terminals)

    # Loads beside the motor. Nothing flows once the contactors have opened, no comfort once the display says empty.
    displayed_empty = soc <= pack.empty_soc
    climate_on, may_flow = cars.climate_on[rows], ONE
    coolant_degc = cars.coolant_temperature_degc[rows]
    loop = thermal.condition(pack, pack_degc, coolant_degc)
    if hurt is not None:
        hurt.lose_coolant(*loop)
    aux_w, coolant_w = loop.electric_w + train.aux_w, loop.heat_w
    if hurt is not None:
        hurt.lose_converter(aux_w, train.aux_w, draw=True)
    if anywhere(displayed_empty):
        climate_on = climate_on * ~displayed_empty
        may_flow = (soc > _EMPTY_SOC).astype(np.float32)
        coolant_w = coolant_w * may_flow
        aux_w *= may_flow
    climate = climate_step(
        model.cabin, climate_on, cars.cabin_temperature_degc[rows], cars.target_temperature[rows], ambient_degc, start
    )
    loads_w = aux_w + climate.electric_w

    # The way down: wheels, shaft, terminals. What cannot be had is not driven.
    window = battery.window(pack, soc)
    most_w = battery.discharge_limit_w(pack, terminals, window, pack_degc)
    if hurt is not None:
        hurt.limit_discharge(most_w, terminals)
    most_w -= loads_w
    regen_most_w = battery.charge_limit_w(pack, window, pack_degc)
    if may_flow is not ONE:
        regen_most_w *= may_flow
    end = np.maximum(asked_mps, start - _GRIP_MS2)
    gradient = None if grade is None else gradient_n(road, grade)
    flow = motor_flow = None
    if hurt is not None:
        hurt.limit_motor(most_w)
        hurt.limit_charge(regen_most_w)
        gradient = hurt.drag(gradient, len(start), road.a_n)
        flow, motor_flow = (hurt.flow(which, len(start)) for which in (Quantity.PACK_FLOW, Quantity.MOTOR_FLOW))
    wheel_w = wheel_power_w(road, start, end, gradient)
    mean = start + end
    mean *= _HALF
    shaft_w = powertrain.shaft_power_w(train, wheel_w, mean, regen_most_w)
    electric_w = powertrain.electric_power_w(train, shaft_w)
    short = (electric_w > most_w) | (shaft_w > train.peak_w) | (wheel_w > train.peak_force_n * mean)
    short &= wheel_w > ZERO
    if anywhere(short):
        few = short.nonzero()[0]
        pull = None if gradient is None else gradient[few]
        few_road, few_train = road.some(few), train.some(few)
        shaft_most_w = clip(most_w[few], ZERO, INFINITE)
        shaft_most_w *= powertrain.motor_efficiency(few_train, shaft_most_w)
        end[few] = powertrain.reachable_mps(few_train, few_road, start[few], end[few], shaft_most_w, pull)
        wheel_w[few] = wheel_power_w(few_road, start[few], end[few], pull)
        mean[few] = (start[few] + end[few]) * _HALF
        shaft_w[few] = powertrain.shaft_power_w(few_train, wheel_w[few], mean[few], regen_most_w[few])
        electric_w[few] = powertrain.electric_power_w(few_train, shaft_w[few])

    current = battery.current_a(terminals, electric_w + loads_w)
    voltage = terminals.emf_v - current * terminals.resistance_ohm
    cells_loss_w = terminals.open_v - voltage
    cells_loss_w *= current
    energy_kwh = (voltage * current).astype(np.float64)
    energy_kwh *= _KWH_PER_J
    used_soc = current.astype(np.float64)
    used_soc /= pack.capacity_as * cars.state_of_health[rows]
    moved_m[:] = mean

    cars.soc[rows] = clip(soc - used_soc, ZERO8, INFINITE8)
    cars.odometer_m[rows] += moved_m
    cars.energy_discharged_kwh[rows] += clip(energy_kwh, ZERO8, INFINITE8)
    cars.energy_regenerated_kwh[rows] -= clip(energy_kwh, MINUS_INFINITE8, ZERO8)
    cars.trip_s[rows] += 1
    cars.consumption_kwh_per_km[rows] = follow_consumption(cars.consumption_kwh_per_km[rows], energy_kwh, mean)
    cars.acceleration_mps2[rows] = end - start  # before the speed: `start` is a view of it
    cars.speed_mps[rows] = end
    cars.wheel_w[rows] = wheel_w
    cars.shaft_w[rows] = shaft_w
    cars.motor_electric_w[rows] = electric_w
    cars.hvac_w[rows] = climate.electric_w
    cars.aux_w[rows] = aux_w
    cars.pack_voltage_v[rows] = voltage
    cars.pack_current_a[rows] = current
    cars.cells_loss_w[rows] = cells_loss_w
    cars.rc_fast_a[rows], cars.rc_slow_a[rows] = battery.link_step(fast_a, slow_a, current)

    motor_loss_w = electric_w - shaft_w
    cars.motor_temperature_degc[rows] = thermal.step_motor(
        thermal.MOTOR, cars.motor_temperature_degc[rows], ambient_degc, motor_loss_w, motor_flow
    )
    cars.inverter_temperature_degc[rows] = thermal.step_motor(
        thermal.INVERTER, cars.inverter_temperature_degc[rows], ambient_degc, motor_loss_w, motor_flow
    )
    cars.tyre_temperature_degc[rows] = thermal.step_tyre(cars.tyre_temperature_degc[rows], ambient_degc, mean)
    if hurt is not None:
        cells_loss_w = hurt.heat(cells_loss_w)
        hurt.drain(terminals.open_v, 1.0)
    cars.pack_temperature_degc[rows], cars.coolant_temperature_degc[rows] = thermal.step_pack(
        pack, pack_degc, coolant_degc, ambient_degc, cells_loss_w, coolant_w, flow
    )
    cars.cabin_temperature_degc[rows] = climate.cabin_degc


def follow_consumption(kwh_per_km: F4s, energy_kwh: F8s, moved_m: F4s) -> F4s:
    """Recent consumption after one step: a mean over distance that forgets within `MEMORY_KM`."""
    change: F4s = energy_kwh.astype(np.float32)
    change -= kwh_per_km * (moved_m * _KM_PER_M)
    change *= _PER_MEMORY_KM
    change += kwh_per_km
    return clip(change, _LEAST_KWH_PER_KM, _MOST_KWH_PER_KM)
