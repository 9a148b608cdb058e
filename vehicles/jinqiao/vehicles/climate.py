"""The cabin: one heat node, its losses to the outside, and the climate control that holds the set point.

Electric power follows from heat by a coefficient of performance: a heat pump's falls with the outside temperature, a
resistance heater gives what it takes. All magnitudes are estimates for a saloon with four seats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .arrays import F4s, PerModel, U1s, clip, f4
from .vehicle_file import VehicleModel

__all__ = ["Cabin", "Climate", "climate_step", "parked_cabin"]

#: Air, seats and dashboard, J/K.
HEAT_J_PER_K = 120e3
#: Loss through the body, and with the fan letting in outside air, W/K.
CLOSED_W_PER_K, VENTILATED_W_PER_K = 45.0, 80.0
#: The control asks for this much heat per kelvin off the set point, W/K.
GAIN_W_PER_K = 250.0
FAN_W = 60.0
COOLING_COP = 2.5
#: Heat pump: 2.4 at 0 degC and 0.06 more per kelvin, between 1.0 and 3.2. Resistance heater with its own loss: 0.95.
PUMP_COP_AT_0, PUMP_COP_PER_K, PUMP_COP_RANGE = 2.4, 0.06, (1.0, 3.2)
RESISTANCE_COP = 0.95


@dataclass(frozen=True, slots=True)
class Cabin(PerModel):
    hvac_w: F4s  # 0 where the file has no climate block
    heat_pump: F4s  # 1 or 0

    @classmethod
    def of(cls, models: Sequence[VehicleModel]) -> Cabin:
        blocks = [m.climate for m in models]
        return cls(
            hvac_w=f4([b.hvac_kw * 1000.0 if b else 0.0 for b in blocks]),
            heat_pump=f4([float(b.heat_pump) if b else 0.0 for b in blocks]),
        )


class Climate(NamedTuple):
    """One step of the climate control: electric power, W, and the cabin temperature after it, degC."""

    electric_w: F4s
    cabin_degc: F4s


def heating_cop(cabin: Cabin, ambient_degc: F4s) -> F4s:
    pump = clip(PUMP_COP_AT_0 + PUMP_COP_PER_K * ambient_degc, *PUMP_COP_RANGE)
    return np.float32(RESISTANCE_COP) + cabin.heat_pump * (pump - np.float32(RESISTANCE_COP))


def climate_step(cabin: Cabin, on: U1s, cabin_degc: F4s, target_degc: F4s, ambient_degc: F4s) -> Climate:
    """One second with the climate control on (1) or off (0)."""
    if not on.any():
        change = (ambient_degc - cabin_degc) * np.float32(CLOSED_W_PER_K)
        change *= np.float32(1.0 / HEAT_J_PER_K)
        return Climate(np.zeros_like(cabin_degc), cabin_degc + change)
    running = (on * (cabin.hvac_w > FAN_W)).astype(np.float32)
    wanted_w = VENTILATED_W_PER_K * (target_degc - ambient_degc) + GAIN_W_PER_K * (target_degc - cabin_degc)
    most_w = (cabin.hvac_w - np.float32(FAN_W)) * running
    cop = heating_cop(cabin, ambient_degc)
    heating_w = clip(wanted_w / cop, 0.0, most_w)
    cooling_w = clip(wanted_w * np.float32(-1 / COOLING_COP), 0.0, most_w)
    loss = CLOSED_W_PER_K + np.float32(VENTILATED_W_PER_K - CLOSED_W_PER_K) * running
    heat_w = heating_w * cop - cooling_w * np.float32(COOLING_COP)
    heat_w += loss * (ambient_degc - cabin_degc)
    heat_w *= np.float32(1.0 / HEAT_J_PER_K)
    return Climate(heating_w + cooling_w + running * np.float32(FAN_W), cabin_degc + heat_w)


def parked_cabin(
    cabin: Cabin, on: U1s, cabin_degc: F4s, target_degc: F4s, ambient_degc: F4s, seconds: F4s
) -> tuple[F4s, F4s]:
    """The cabin after `seconds` of standing: (mean electric power, W; temperature, degC), in closed form.

    With the climate control on (somebody asked for it from afar) the node is drawn to the set point.
    """
    closed = ambient_degc + (cabin_degc - ambient_degc) * np.exp(seconds * np.float32(-CLOSED_W_PER_K / HEAT_J_PER_K))
    running = (on > 0) & (cabin.hvac_w > FAN_W)
    if not running.any():
        return np.zeros_like(closed), closed
    pull = np.float32((VENTILATED_W_PER_K + GAIN_W_PER_K) / HEAT_J_PER_K)
    held = target_degc + (cabin_degc - target_degc) * np.exp(-pull * seconds)
    mean_degc = target_degc + (cabin_degc - held) / np.maximum(pull * seconds, np.float32(1e-6))
    heat_w = VENTILATED_W_PER_K * (target_degc - ambient_degc) + GAIN_W_PER_K * (target_degc - mean_degc)
    cop = np.where(heat_w > 0, heating_cop(cabin, ambient_degc), np.float32(-COOLING_COP))
    electric_w = np.minimum(heat_w / cop + np.float32(FAN_W), cabin.hvac_w)
    return np.where(running, electric_w, np.float32(0.0)), np.where(running, held, closed)
