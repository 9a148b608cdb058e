"""One second of charging for cars that are plugged in, and what they would take.

Inlet energy = charger loss + loads + pack in every second; the last second meets the charge limit exactly.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import ageing, battery, bms, charging, thermal
from .arrays import EvenTable, F4s, F8s, Rows
from .climate import Climate, climate_step
from .columns import Columns
from .modes import Plug
from .parameters import Parameters

__all__ = ["acceptable_w", "charge_rows"]


class _Wants(NamedTuple):
    """What a plugged car could use now: the pack's limit and the loads, W, with what they rest on."""

    terminals: battery.Source
    soc: F8s
    stop_soc: F8s
    pack_w: F4s
    load_w: F4s
    coolant_w: F4s
    climate: Climate
    efficiency: F4s


def _wants(cars: Columns, model: Parameters, curves: EvenTable, rows: Rows, ambient_degc: F4s | None) -> _Wants:
    pack, inlet = model.pack, model.inlet
    soc, pack_degc, plug = cars.soc[rows], cars.pack_temperature_degc[rows], cars.plug_state[rows]
    terminals = battery.source(pack, soc, pack_degc, cars.rc_fast_a[rows], cars.rc_slow_a[rows])
    error = bms.soc_error(cars, pack, rows)
    stop_soc = charging.limit_soc(pack, cars.charge_limit[rows], error)
    shown = bms.shown_fraction(pack, soc, error)
    on_dc = plug == Plug.DC
    least_w = inlet.ac_w * ~on_dc
    pack_w = charging.pack_limit_w(pack, inlet, curves, terminals, shown, stop_soc - soc, pack_degc, least_w)
    loop = thermal.condition(
        pack, pack_degc, cars.coolant_temperature_degc[rows], heat=on_dc | (pack_degc < thermal.FROST_DEGC)
    )
    cabin_degc = cars.cabin_temperature_degc[rows]
    climate = climate_step(
        model.cabin,
        cars.climate_on[rows],
        cabin_degc,
        cars.target_temperature[rows],
        cabin_degc if ambient_degc is None else ambient_degc,
    )
    # The AC figure of the maker holds the car's own needs already.
    load_w = loop.electric_w + climate.electric_w + model.train.aux_w * on_dc
    efficiency = charging.inlet_efficiency(inlet, plug)
    return _Wants(terminals, soc, stop_soc, pack_w, load_w, loop.heat_w, climate, efficiency)


def acceptable_w(cars: Columns, model: Parameters, curves: EvenTable, rows: Rows) -> F4s:
    """Power at the inlet the car would take now, W; 0 unplugged or at its charge limit."""
    wants = _wants(cars, model, curves, rows, None)
    inlet_w = np.where(wants.pack_w > 0, (wants.pack_w + wants.load_w) / wants.efficiency, np.float32(0.0))
    return _through_plug(cars, model, rows, inlet_w)


def _through_plug(cars: Columns, model: Parameters, rows: Rows, inlet_w: F4s) -> F4s:
    """No more than the on-board charger on AC, nothing without a plug."""
    plug = cars.plug_state[rows]
    on_ac = np.minimum(inlet_w, model.inlet.ac_w)
    return np.where(plug == Plug.DC, inlet_w, np.where(plug == Plug.AC, on_ac, np.float32(0.0)))


def charge_rows(
    cars: Columns, model: Parameters, curves: EvenTable, rows: Rows, offered_kw: F4s, ambient_degc: F4s
) -> None:
    """Step `rows` by one second with `offered_kw` at the inlet; a car takes what it can use and no more."""
    pack = model.pack
    wants = _wants(cars, model, curves, rows, ambient_degc)
    capacity_as = pack.capacity_as * cars.state_of_health[rows]
    offered_w = _through_plug(cars, model, rows, offered_kw * np.float32(1000.0))
    step = charging.charge_step(
        wants.terminals,
        np.maximum(wants.stop_soc - wants.soc, 0.0) * capacity_as,
        wants.efficiency,
        offered_w,
        wants.pack_w,
        wants.load_w,
    )
    voltage = wants.terminals.emf_v - step.current_a * wants.terminals.resistance_ohm
    cells_loss_w: F4s = (wants.terminals.open_v - voltage) * step.current_a
    # Loads are cut together when the inlet is weak.
    served: F4s = np.divide(step.load_w, np.maximum(wants.load_w, np.float32(1.0)))

    cars.soc[rows] = wants.soc - step.current_a / capacity_as
    cars.energy_charged_kwh[rows] += step.inlet_w.astype(np.float64) * (1 / 3.6e6)
    cars.stood_s[rows] += 1.0
    cars.charge_power_kw[rows] = step.inlet_w * np.float32(1e-3)
    cars.offered_kw[rows] = offered_kw
    cars.pack_current_a[rows] = step.current_a
    cars.pack_voltage_v[rows] = voltage
    cars.cells_loss_w[rows] = cells_loss_w
    cars.charge_habit_c[rows] = ageing.remember_charge(
        cars.charge_habit_c[rows], (step.current_a * (-3600.0 / pack.capacity_as)).astype(np.float32)
    )
    cars.rc_fast_a[rows], cars.rc_slow_a[rows] = battery.link_step(
        cars.rc_fast_a[rows], cars.rc_slow_a[rows], step.current_a
    )
    cars.hvac_w[rows] = wants.climate.electric_w * served
    cars.aux_w[rows] = step.load_w - wants.climate.electric_w * served
    for still in (cars.speed_mps, cars.acceleration_mps2, cars.wheel_w, cars.shaft_w, cars.motor_electric_w):
        still[rows] = 0.0
    cars.pack_temperature_degc[rows], cars.coolant_temperature_degc[rows] = thermal.step_pack(
        pack,
        cars.pack_temperature_degc[rows],
        cars.coolant_temperature_degc[rows],
        ambient_degc,
        cells_loss_w,
        wants.coolant_w * served,
    )
    cars.cabin_temperature_degc[rows] = wants.climate.cabin_degc
    second = np.ones_like(ambient_degc)
    for column, rate_per_s in thermal.RESTING:
        values = getattr(cars, column)
        values[rows] = thermal.relax(values[rows], ambient_degc, second, rate_per_s)
