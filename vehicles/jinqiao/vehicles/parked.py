"""Standing still for any number of seconds, in closed form: a sleeping car costs nothing until somebody asks."""

from __future__ import annotations

import numpy as np

from . import ageing, battery, bms, thermal
from .arrays import F4s, Rows
from .charging import inlet_efficiency
from .climate import parked_cabin
from .columns import Columns
from .damage.effects import effects_on
from .modes import Plug
from .parameters import Parameters

__all__ = ["STANDBY_W", "rest_rows"]

#: A sleeping car: control units, alarm, telematics (about 0.1 kWh a day: estimate).
STANDBY_W = 5.0
#: A change of SoC over which the cells' voltage falls noticeably.
FAR_SOC = 1e-4


def rest_rows(cars: Columns, model: Parameters, rows: Rows, seconds: F4s, ambient_degc: F4s) -> None:
    """Let `rows` stand for `seconds`: temperatures go to the ambient one; standby, and a climate control asked for,
    drain the pack; a car that hangs on a charger feeds its cabin from there. The driver leaves with the first rest
    after a trip, and the climate control goes off with him.
    """
    pack = model.pack
    leaving = cars.on_trip[rows] > 0
    climate_on = np.where(leaving, np.uint8(0), cars.climate_on[rows])
    soc = cars.soc[rows]
    climate_on *= soc > pack.low_soc
    hvac_w, cabin_degc = parked_cabin(
        model.cabin, climate_on, cars.cabin_temperature_degc[rows], cars.target_temperature[rows], ambient_degc, seconds
    )
    hurt = effects_on(cars, model, rows)
    before_degc = cars.pack_temperature_degc[rows]
    if hurt is not None:
        before_degc = hurt.warm(before_degc, seconds)
    pack_degc, coolant_degc = thermal.rest_pack(
        pack, before_degc, cars.coolant_temperature_degc[rows], ambient_degc, seconds
    )
    aux_w = STANDBY_W * (soc > battery.EMPTY_SOC).astype(np.float32)
    standing_a = np.zeros_like(pack_degc)
    fast_a, slow_a = battery.link_rest(cars.rc_fast_a[rows], cars.rc_slow_a[rows], standing_a, seconds)
    terminals = battery.source(pack, soc, pack_degc, fast_a, slow_a)
    if hurt is not None:
        hurt.weaken(terminals)
    plug = cars.plug_state[rows]
    from_wall_w = hvac_w * (plug != Plug.UNPLUGGED)
    inlet_w = from_wall_w / inlet_efficiency(model.inlet, plug)
    load_w = hvac_w - from_wall_w + aux_w
    current = battery.current_a(terminals, load_w)
    capacity_as = pack.capacity_as * cars.state_of_health[rows]
    half_way = current * seconds / (2.0 * capacity_as)
    far = np.flatnonzero(half_way > FAR_SOC)
    if len(far):  # the voltage half way down stands for their whole rest
        lower = np.maximum(soc[far] - half_way[far], 0.0)
        middle = battery.source(pack.some(far), lower, pack_degc[far], fast_a[far], slow_a[far])
        for values, value in zip(terminals, middle, strict=True):
            values[far] = value
        current[far] = battery.current_a(middle, load_w[far])
    current = np.minimum(current, soc * capacity_as / np.maximum(seconds, np.float32(1.0))).astype(np.float32)
    voltage = terminals.emf_v - terminals.resistance_ohm * current
    used_kwh = (voltage * current).astype(np.float64) * seconds * (1 / 3.6e6)

    lost = seconds * battery.self_discharge_per_s((cars.pack_temperature_degc[rows] + pack_degc) * np.float32(0.5))
    cars.soc[rows] = np.maximum(soc - current.astype(np.float64) * seconds / capacity_as - lost, 0.0)
    cars.energy_discharged_kwh[rows] += used_kwh
    cars.energy_charged_kwh[rows] += inlet_w.astype(np.float64) * seconds * (1 / 3.6e6)
    cars.on_trip[rows] = 0
    cars.stood_s[rows] += seconds
    cars.climate_on[rows] = climate_on
    cars.pack_current_a[rows] = current
    cars.pack_voltage_v[rows] = voltage
    cars.cells_loss_w[rows] = (terminals.open_v - voltage) * current
    cars.rc_fast_a[rows], cars.rc_slow_a[rows] = fast_a, slow_a
    if hurt is not None:
        hurt.drain(terminals.open_v, seconds)
    bms.learn_at_rest(cars, pack, rows, seconds)
    ageing.age_at_rest(cars, pack, rows, seconds)
    cars.hvac_w[rows] = hvac_w
    cars.aux_w[rows] = aux_w
    cars.pack_temperature_degc[rows] = pack_degc
    cars.coolant_temperature_degc[rows] = coolant_degc
    cars.cabin_temperature_degc[rows] = cabin_degc
    for still in (cars.speed_mps, cars.acceleration_mps2, cars.wheel_w, cars.shaft_w, cars.motor_electric_w):
        still[rows] = 0.0
    cars.charge_power_kw[rows] = inlet_w * np.float32(1e-3)
    thermal.rest_beside(cars, rows, ambient_degc, seconds)
