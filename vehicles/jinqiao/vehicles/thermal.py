"""Heat outside the cabin: the pack with its cooling and heating, motor and inverter, the tyres.

One node each, explicit steps of one second, exact exponentials over a rest. All magnitudes are estimates for a car of
100-400 kW; heat follows from the losses of the physics, so a hard-driven or fast-charged car is a warm car.
"""

from __future__ import annotations

import numpy as np

from .arrays import F4s, clip
from .battery import CASE_W_PER_K, Pack

__all__ = ["COOL_COP", "RESTING", "cooling_w", "heating_w", "relax", "step_motor", "step_pack", "step_tyre"]

#: The chiller starts at this pack temperature and runs fully 7 K above; W of heat per kWh of pack and per W electric.
COOL_ABOVE_DEGC, COOL_OVER_K, COOL_W_PER_KWH, COOL_COP = 33.0, 7.0, 80.0, 2.5
#: While a DC plug is in, a pack below this temperature is heated: full power 10 K below.
HEAT_BELOW_DEGC, HEAT_OVER_K, HEAT_W_PER_KWH = 20.0, 10.0, 60.0
#: Motor winding and inverter: J/K, W/K to the coolant, share of the loss, and the coolant over the outside air, K.
MOTOR = (30e3, 80.0, 0.6)
INVERTER = (8e3, 55.0, 0.4)
RADIATOR_K = 5.0
#: A tyre rolls this much warmer than the air per m/s, with this time constant (+20 K after half an hour at 90 km/h).
TYRE_K_PER_MPS, TYRE_S = 0.8, 900.0

#: Column and rate, 1/s, of what cools by itself while a car stands: still coolant, and the tyres.
RESTING = (
    ("motor_temperature_degc", np.float32(1 / 2400.0)),
    ("inverter_temperature_degc", np.float32(1 / 1200.0)),
    ("tyre_temperature_degc", np.float32(1 / 1800.0)),
)


def cooling_w(pack: Pack, temperature_degc: F4s) -> F4s:
    """Heat the chiller takes out of the pack, W; its compressor takes `1 / COOL_COP` of it."""
    share = clip((temperature_degc - COOL_ABOVE_DEGC) * np.float32(1 / COOL_OVER_K), 0.0, 1.0)
    return share * pack.gross_kwh * np.float32(COOL_W_PER_KWH)


def heating_w(pack: Pack, temperature_degc: F4s) -> F4s:
    """Heat, and electric power, of the heater that warms a cold pack before and while it charges fast, W."""
    share = clip((HEAT_BELOW_DEGC - temperature_degc) * np.float32(1 / HEAT_OVER_K), 0.0, 1.0)
    return share * pack.gross_kwh * np.float32(HEAT_W_PER_KWH)


def step_pack(pack: Pack, temperature_degc: F4s, ambient_degc: F4s, heat_w: F4s) -> F4s:
    """Pack temperature after one second with `heat_w` from losses and conditioning."""
    change: F4s = heat_w - (temperature_degc - ambient_degc) * np.float32(CASE_W_PER_K)
    change *= pack.k_per_j
    return temperature_degc + change


def step_motor(node: tuple[float, float, float], temperature_degc: F4s, ambient_degc: F4s, loss_w: F4s) -> F4s:
    """Temperature of `MOTOR` or `INVERTER` after one second with this loss of both together."""
    heat_j_per_k, cooling_w_per_k, share = node
    cooled = np.float32(cooling_w_per_k / heat_j_per_k) * (temperature_degc - ambient_degc - np.float32(RADIATOR_K))
    stepped: F4s = temperature_degc + loss_w * np.float32(share / heat_j_per_k)
    stepped -= np.maximum(cooled, 0.0)
    return stepped


def step_tyre(temperature_degc: F4s, ambient_degc: F4s, speed_mps: F4s) -> F4s:
    warm = ambient_degc + np.float32(TYRE_K_PER_MPS) * speed_mps
    return temperature_degc + (warm - temperature_degc) * np.float32(1 / TYRE_S)


def relax(temperature_degc: F4s, ambient_degc: F4s, seconds: F4s, rate_per_s: F4s | np.float32) -> F4s:
    """A node left alone: exponential approach to the ambient temperature."""
    left: F4s = np.exp(seconds * -rate_per_s)
    return ambient_degc + (temperature_degc - ambient_degc) * left
