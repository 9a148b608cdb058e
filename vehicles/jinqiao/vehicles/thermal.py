"""Heat outside the cabin: the pack with its coolant loop, motor and inverter, the tyres.

One node each, explicit steps of one second, exact exponentials over a rest. Chiller and heater act on the coolant, and
the coolant on the pack. All magnitudes are estimates for a car of 100-400 kW; heat follows from the losses of the
physics, so a hard-driven or fast-charged car is a warm car.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import F4s, clip
from .battery import CASE_W_PER_K, Pack

__all__ = [
    "COOLANT_J_PER_K",
    "RESTING",
    "Loop",
    "condition",
    "relax",
    "rest_pack",
    "step_motor",
    "step_pack",
    "step_tyre",
]

#: The chiller starts at this pack temperature and runs fully 7 K above; W of heat per kWh of pack and per W electric.
COOL_ABOVE_DEGC, COOL_OVER_K, COOL_W_PER_KWH, COOL_COP = 33.0, 7.0, 80.0, 2.5
#: A pack below this temperature that is to be warm is heated: full power 10 K below.
HEAT_BELOW_DEGC, HEAT_OVER_K, HEAT_W_PER_KWH = 20.0, 10.0, 60.0
#: A plugged car without haste is only kept from the cold in which cells take no charge.
FROST_DEGC = 0.0
#: Coolant in the loop (10 l of water and glycol at 3.5 kJ/kg/K) and its plates' conductance per kWh of pack.
COOLANT_J_PER_K, PLATE_W_PER_K_KWH = 35e3, 8.0
#: The heater lets the coolant get no hotter, degC.
COOLANT_MOST_DEGC = 50.0
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


class Loop(NamedTuple):
    """What heater and chiller do to the coolant: heat into it and the electric power for that, W, shape (rows,)."""

    heat_w: F4s
    electric_w: F4s


def condition(pack: Pack, pack_degc: F4s, coolant_degc: F4s, *, heat: NDArray[np.bool_] | None = None) -> Loop:
    """Cool a hot pack, and heat a cold one in the rows of `heat` (before and while it charges fast)."""
    cooling = clip((pack_degc - COOL_ABOVE_DEGC) * np.float32(1 / COOL_OVER_K), 0.0, 1.0)
    cooling *= pack.gross_kwh * np.float32(COOL_W_PER_KWH)
    if heat is None or not heat.any():
        return Loop(-cooling, cooling * np.float32(1 / COOL_COP))
    heating = clip((HEAT_BELOW_DEGC - pack_degc) * np.float32(1 / HEAT_OVER_K), 0.0, 1.0) * heat
    heating *= clip(COOLANT_MOST_DEGC - coolant_degc, 0.0, 1.0) * pack.gross_kwh * np.float32(HEAT_W_PER_KWH)
    return Loop(heating - cooling, heating + cooling * np.float32(1 / COOL_COP))


def step_pack(
    pack: Pack, pack_degc: F4s, coolant_degc: F4s, ambient_degc: F4s, loss_w: F4s, coolant_w: F4s
) -> tuple[F4s, F4s]:
    """Temperatures of pack and coolant after one second with `loss_w` in the cells and `coolant_w` from the loop."""
    through_w = (coolant_degc - pack_degc) * (pack.gross_kwh * np.float32(PLATE_W_PER_K_KWH))
    change = loss_w + through_w - (pack_degc - ambient_degc) * np.float32(CASE_W_PER_K)
    change *= pack.k_per_j
    coolant: F4s = coolant_degc + (coolant_w - through_w) * np.float32(1 / COOLANT_J_PER_K)
    return pack_degc + change, coolant


def rest_pack(pack: Pack, pack_degc: F4s, coolant_degc: F4s, ambient_degc: F4s, seconds: F4s) -> tuple[F4s, F4s]:
    """The same left alone: the pack goes to the ambient temperature, the coolant to the pack's."""
    rested = relax(pack_degc, ambient_degc, seconds, pack.k_per_j * np.float32(CASE_W_PER_K))
    rate = pack.gross_kwh * np.float32(PLATE_W_PER_K_KWH / COOLANT_J_PER_K)
    return rested, relax(coolant_degc, rested, seconds, rate)


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
