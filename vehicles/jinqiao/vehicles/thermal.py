"""Heat outside the cabin: the pack with its coolant loop, motor and inverter, the tyres.

One node each, explicit steps of one second, exact exponentials over a rest. Chiller and heater act on the coolant, and
the coolant on the pack. All magnitudes are estimates for a car of 100-400 kW; heat follows from the losses of the
physics, so a hard-driven or fast-charged car is a warm car.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import INFINITE, ONE, ZERO, F4s, Rows, anywhere, clip, f4
from .battery import CASE_W_PER_K, PLATE_W_PER_K_KWH, Pack
from .columns import Columns

__all__ = [
    "COOLANT_J_PER_K",
    "Loop",
    "condition",
    "relax",
    "rest_beside",
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
#: Coolant in the loop (10 l of water and glycol at 3.5 kJ/kg/K).
COOLANT_J_PER_K = 35e3
#: The heater lets the coolant get no hotter, degC.
COOLANT_MOST_DEGC = 50.0
#: The coolant of motor and inverter over the outside air, K.
RADIATOR_K = 5.0
#: A tyre rolls this much warmer than the air per m/s, with this time constant (+20 K after half an hour at 90 km/h).
TYRE_K_PER_MPS, TYRE_S = 0.8, 900.0

#: Time constant, s, of what cools by itself while a car stands: still coolant, and the tyres.
RESTING_S = {"motor_temperature_degc": 2400.0, "inverter_temperature_degc": 1200.0, "tyre_temperature_degc": 1800.0}
#: Column, minus its rate, 1/s, and what one second leaves.
_RESTING = tuple((column, f4(-1 / seconds), np.exp(f4([-1 / seconds]))) for column, seconds in RESTING_S.items())


_COOL_ABOVE, _PER_COOL_K, _PER_COP = f4(COOL_ABOVE_DEGC), f4(1 / COOL_OVER_K), f4(1 / COOL_COP)
_HEAT_BELOW, _PER_HEAT_K, _COOLANT_MOST = f4(HEAT_BELOW_DEGC), f4(1 / HEAT_OVER_K), f4(COOLANT_MOST_DEGC)
_COOL_W_PER_KWH, _HEAT_W_PER_KWH = f4(COOL_W_PER_KWH), f4(HEAT_W_PER_KWH)
_PER_COOLANT_J_PER_K, _CASE = f4(1 / COOLANT_J_PER_K), f4(CASE_W_PER_K)
_PLATE_PER_COOLANT = f4(PLATE_W_PER_K_KWH / COOLANT_J_PER_K)
_RADIATOR, _TYRE_K_PER_MPS, _PER_TYRE_S = f4(RADIATOR_K), f4(TYRE_K_PER_MPS), f4(1 / TYRE_S)


class Node(NamedTuple):
    """Motor winding or inverter over one second: share of its lead over the coolant that it loses, and K per W."""

    cooled_per_k: F4s
    k_per_w: F4s

    @classmethod
    def of(cls, heat_j_per_k: float, cooling_w_per_k: float, share_of_loss: float) -> Node:
        return cls(f4(cooling_w_per_k / heat_j_per_k), f4(share_of_loss / heat_j_per_k))


MOTOR = Node.of(30e3, 80.0, 0.6)
INVERTER = Node.of(8e3, 55.0, 0.4)


class Loop(NamedTuple):
    """What heater and chiller do to the coolant: heat into it and the electric power for that, W, shape (rows,)."""

    heat_w: F4s
    electric_w: F4s


def condition(pack: Pack, pack_degc: F4s, coolant_degc: F4s, *, heat: NDArray[np.bool_] | None = None) -> Loop:
    """Cool a hot pack, and heat a cold one in the rows of `heat` (before and while it charges fast)."""
    over_k = pack_degc - _COOL_ABOVE
    if anywhere(over_k > ZERO):
        over_k *= _PER_COOL_K
        cooling = clip(over_k, ZERO, ONE)
        cooling *= pack.gross_kwh * _COOL_W_PER_KWH
    else:
        cooling = np.zeros(len(over_k), dtype=np.float32)
    if heat is None or not anywhere(heat):
        return Loop(-cooling, cooling * _PER_COP)
    heating = clip((_HEAT_BELOW - pack_degc) * _PER_HEAT_K, ZERO, ONE) * heat.astype(np.float32)
    heating *= clip(_COOLANT_MOST - coolant_degc, ZERO, ONE) * pack.gross_kwh * _HEAT_W_PER_KWH
    return Loop(heating - cooling, heating + cooling * _PER_COP)


def step_pack(
    pack: Pack,
    pack_degc: F4s,
    coolant_degc: F4s,
    ambient_degc: F4s,
    loss_w: F4s,
    coolant_w: F4s,
    flow: F4s | None = None,
) -> tuple[F4s, F4s]:
    """Temperatures of pack and coolant after one second with `loss_w` in the cells and `coolant_w` from the loop.

    `flow` is the share of the coolant that reaches the pack, where any of these cars has lost some.
    """
    through_w = coolant_degc - pack_degc
    through_w *= pack.plates_w_per_k
    if flow is not None:
        through_w *= flow
    change = loss_w + through_w
    change -= (pack_degc - ambient_degc) * _CASE
    change *= pack.k_per_j
    change += pack_degc
    coolant: F4s = coolant_w - through_w
    coolant *= _PER_COOLANT_J_PER_K
    coolant += coolant_degc
    return change, coolant


def rest_pack(pack: Pack, pack_degc: F4s, coolant_degc: F4s, ambient_degc: F4s, seconds: F4s) -> tuple[F4s, F4s]:
    """The same left alone: the pack goes to the ambient temperature, the coolant to the pack's."""
    rested = relax(pack_degc, ambient_degc, seconds, pack.k_per_j * _CASE)
    rate = pack.gross_kwh * _PLATE_PER_COOLANT
    return rested, relax(coolant_degc, rested, seconds, rate)


def step_motor(node: Node, temperature_degc: F4s, ambient_degc: F4s, loss_w: F4s, flow: F4s | None = None) -> F4s:
    """Temperature of `MOTOR` or `INVERTER` after one second with this loss of both together; `flow` as above."""
    cooled = temperature_degc - ambient_degc
    cooled -= _RADIATOR
    cooled *= node.cooled_per_k
    if flow is not None:
        cooled *= flow
    stepped: F4s = loss_w * node.k_per_w
    stepped += temperature_degc
    stepped -= clip(cooled, ZERO, INFINITE)
    return stepped


def step_tyre(temperature_degc: F4s, ambient_degc: F4s, speed_mps: F4s) -> F4s:
    change: F4s = speed_mps * _TYRE_K_PER_MPS
    change += ambient_degc
    change -= temperature_degc
    change *= _PER_TYRE_S
    change += temperature_degc
    return change


def relax(temperature_degc: F4s, ambient_degc: F4s, seconds: F4s, rate_per_s: F4s) -> F4s:
    """A node left alone: exponential approach to the ambient temperature."""
    return _towards(ambient_degc, temperature_degc, np.exp(seconds * -rate_per_s))


def rest_beside(cars: Columns, rows: Rows, ambient_degc: F4s, seconds: F4s | None = None) -> None:
    """Let everything beside pack and cabin stand for `seconds`; for one second when absent."""
    for name, minus_rate, left in _RESTING:
        column: F4s = getattr(cars, name)
        left = left if seconds is None else np.exp(seconds * minus_rate)
        column[rows] = _towards(ambient_degc, column[rows], left)


def _towards(end_degc: F4s, temperature_degc: F4s, left: F4s) -> F4s:
    relaxed: F4s = temperature_degc - end_degc
    relaxed *= left
    relaxed += end_degc
    return relaxed
