"""One second of charging for cars that are plugged in, and what they would take.

Inlet energy = charger loss + loads + pack in every second; the last second meets the charge limit exactly.
"""

from __future__ import annotations

import numpy as np

from . import ageing, battery, bms, charging, thermal
from .arrays import INFINITE, INFINITE8, ONE, ZERO, ZERO8, EvenTable, F4s, Rows, anywhere, clip, f4
from .climate import Climate, climate_step
from .columns import Columns
from .damage.effects import effects_on
from .damage.state import Quantity
from .modes import ON_DC
from .parameters import Parameters

__all__ = ["ChargingSecond"]

_FROST_DEGC, _W_PER_KW, _KW_PER_W = f4(thermal.FROST_DEGC), f4(1e3), f4(1e-3)
_KWH_PER_J = np.array(1 / 3.6e6)


class ChargingSecond:
    """The second that begins now, for some rows: first what they could use, then, with what they are offered, the step.

    What neither the offer nor the weather changes is computed once, for both.
    """

    def __init__(self, cars: Columns, model: Parameters, curves: EvenTable, rows: Rows) -> None:
        self._cars, self._model, self._rows = cars, model, rows
        pack, inlet, plug = model.pack, model.inlet, cars.plug_state[rows]
        self._soc, self._pack_degc = cars.soc[rows], cars.pack_temperature_degc[rows]
        self._coolant_degc = cars.coolant_temperature_degc[rows]
        self._climate_on, self._cabin_degc = cars.climate_on[rows], cars.cabin_temperature_degc[rows]
        self._links_a = cars.rc_fast_a[rows], cars.rc_slow_a[rows]
        self._terminals = battery.source(pack, self._soc, self._pack_degc, *self._links_a)
        self._hurt = effects_on(cars, model, rows)
        if self._hurt is not None:
            self._hurt.weaken(self._terminals)

        error = bms.soc_error(cars, pack, rows)
        shown = bms.shown_fraction(pack, self._soc, error)
        self._room_soc = charging.limit_soc(pack, cars.charge_limit[rows], error) - self._soc
        on_dc = plug == ON_DC
        fast = on_dc.astype(np.float32)
        self._pack_w = charging.pack_limit_w(
            pack, inlet, curves, self._terminals, shown, self._room_soc, self._pack_degc, inlet.ac_w * (ONE - fast)
        )
        heat = on_dc | (self._pack_degc < _FROST_DEGC)
        self._loop = thermal.condition(pack, self._pack_degc, self._coolant_degc, heat=heat)
        # The AC figure of the maker holds the car's own needs already.
        self._aux_w = model.train.aux_w * fast
        self._efficiency = charging.inlet_efficiency(inlet, plug)
        self._inlet_most_w = charging.inlet_most_w(inlet, plug)
        if self._hurt is not None:
            self._hurt.limit_charge(self._pack_w)
            self._hurt.limit_cable(self._pack_w, self._inlet_most_w)
            self._hurt.lose_coolant(*self._loop)
            self._hurt.lose_converter(self._aux_w, self._aux_w, draw=False)

    def acceptable_w(self) -> F4s:
        """Power at the inlet the cars would take now, W; 0 unplugged or at the charge limit.

        A cabin is taken to be as warm as the air, which the car is not asked for.
        """
        load_w = self._loop.electric_w
        if anywhere(self._climate_on):
            load_w = load_w + self._climate(self._cabin_degc).electric_w
        inlet_w = charging.inlet_wanted_w(self._pack_w, load_w + self._aux_w, self._efficiency)
        return np.minimum(inlet_w, self._inlet_most_w)

    def step(self, offered_kw: F4s, ambient_degc: F4s) -> None:
        """Charge with `offered_kw` at the inlet; a car takes what it can use and no more."""
        cars, rows, pack, terminals = self._cars, self._rows, self._model.pack, self._terminals
        climate = self._climate(ambient_degc)
        load_w = self._loop.electric_w + climate.electric_w
        load_w += self._aux_w
        capacity_as = pack.capacity_as * cars.state_of_health[rows]
        step = charging.charge_step(
            terminals,
            clip(self._room_soc, ZERO8, INFINITE8) * capacity_as,
            self._efficiency,
            np.minimum(offered_kw * _W_PER_KW, self._inlet_most_w),
            self._pack_w,
            load_w,
        )
        current = step.current_a.astype(np.float64)
        voltage = terminals.emf_v - step.current_a * terminals.resistance_ohm
        cells_loss_w: F4s = terminals.open_v - voltage
        cells_loss_w *= step.current_a
        # Loads are cut together when the inlet is weak.
        served: F4s = np.divide(step.load_w, clip(load_w, ONE, INFINITE))
        hvac_w = climate.electric_w * served

        cars.soc[rows] = self._soc - current / capacity_as
        cars.energy_charged_kwh[rows] += step.inlet_w.astype(np.float64) * _KWH_PER_J
        cars.stood_s[rows] += ONE
        cars.charge_power_kw[rows] = step.inlet_w * _KW_PER_W
        cars.offered_kw[rows] = offered_kw
        cars.pack_current_a[rows] = step.current_a
        cars.pack_voltage_v[rows] = voltage
        cars.cells_loss_w[rows] = cells_loss_w
        cars.charge_habit_c[rows] = ageing.remember_charge(
            cars.charge_habit_c[rows], (current * pack.c_per_a).astype(np.float32)
        )
        cars.rc_fast_a[rows], cars.rc_slow_a[rows] = battery.link_step(*self._links_a, step.current_a)
        cars.hvac_w[rows] = hvac_w
        cars.aux_w[rows] = step.load_w - hvac_w
        for still in (cars.speed_mps, cars.acceleration_mps2, cars.wheel_w, cars.shaft_w, cars.motor_electric_w):
            still[rows] = ZERO
        flow = None
        if self._hurt is not None:
            cells_loss_w = self._hurt.heat(cells_loss_w)
            self._hurt.drain(terminals.open_v, 1.0)
            self._hurt.warm_contacts(step.current_a)
            flow = self._hurt.flow(Quantity.PACK_FLOW, len(voltage))
        cars.pack_temperature_degc[rows], cars.coolant_temperature_degc[rows] = thermal.step_pack(
            pack, self._pack_degc, self._coolant_degc, ambient_degc, cells_loss_w, self._loop.heat_w * served, flow
        )
        cars.cabin_temperature_degc[rows] = climate.cabin_degc
        thermal.rest_beside(cars, rows, ambient_degc)

    def _climate(self, ambient_degc: F4s) -> Climate:
        cars, rows = self._cars, self._rows
        return climate_step(
            self._model.cabin, self._climate_on, self._cabin_degc, cars.target_temperature[rows], ambient_degc
        )
