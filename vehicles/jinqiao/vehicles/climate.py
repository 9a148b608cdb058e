"""The cabin: one heat node, its losses to the outside, and the climate control that holds the set point.

Electric power follows from heat by a coefficient of performance: a heat pump's falls with the outside temperature, a
resistance heater gives a little less than it takes. Magnitudes are estimates for a car with four or five seats, each
inside the range of published cabin models and tests; within these ranges they were chosen with published cold-weather
consumption in view (factor 1.2-1.4 at -7 degC, about .73 of the range at -10), one set for all cars. No sun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .arrays import ZERO, EvenTable, F4s, PerModel, U1s, clip, f4
from .vehicle_file import VehicleModel

__all__ = ["HEAT_J_PER_K", "Cabin", "Climate", "climate_step", "heating_cop", "parked_cabin"]

#: The figures below are those of a car of this kerb mass; heat capacity, losses and gain grow with the cabin's surface,
#: taken to grow as mass^(2/3), so that a large saloon has half as much again as a small hatchback.
SIZE_KG = 2000.0
#: Air (3 m³: 4 kJ/K), trim, glass and the skin of seats and dashboard, which follow the air within minutes. Published
#: lumped models span from 5.6 kJ/K beside the air (Fayazbakhsh and Bahrami, SAE 2013-01-1507) to 150 kJ/K with the
#: seats' and floor's whole mass, which a trip of half an hour does not warm through.
HEAT_J_PER_K = 15e3
#: Loss through the body, W/K: glass and trim with the inner film of 8 W/m²K, in still air and per m/s of headwind up to
#: motorway speed (estimate: published bodies lie between 25 and 60 W/K).
STILL_W_PER_K, WIND_W_PER_K_PER_MPS, WIND_MPS = 26.0, 0.8, 25.0
#: Outside air the fan lets in, W/K: 23 g/s (70 m³/h, the need of two people, so that no window mists); the rest is
#: recirculated, as electric cars do.
FRESH_W_PER_K = 23.0
#: Heat inside, W: a driver at the wheel (sensible, 1.2 met: ISO 8996) and his screens.
INSIDE_W = 100.0
#: The control asks for this much heat per kelvin off the set point, W/K: some ten minutes to comfort.
GAIN_W_PER_K = 60.0
FAN_W = 60.0
#: Air conditioning: heat per electric W, and the share of it that cools instead of drying the air (estimates).
COOLING_COP, SENSIBLE_SHARE = 2.6, 0.75
#: Heat pump, outside air as its source, over the outside temperature, -20 to 10 degC in steps of 5 K: compressor and
#: capacity fall short in the cold, where a resistance heater helps out, until nothing is gained (published tests of
#: R134a and R1234yf pumps in cars: 2.3-3 at 0 degC, 1.5-2 at -10, little over 1 at -20; some end at -10 to -15).
PUMP_COP = EvenTable(-20.0, 10.0, (1.0, 1.0, 1.5, 2.4, 2.8, 3.0, 3.2))
#: Resistance heater with its own loss.
RESISTANCE_COP = 0.95

_COLD_PER_W = f4(COOLING_COP * SENSIBLE_SHARE)
_STILL_W_PER_K, _WIND_W_PER_K_PER_MPS, _WIND_MPS = f4(STILL_W_PER_K), f4(WIND_W_PER_K_PER_MPS), f4(WIND_MPS)
_FRESH_W_PER_K, _INSIDE_W, _FAN_W = f4(FRESH_W_PER_K), f4(INSIDE_W), f4(FAN_W)
_GAIN_W_PER_K, _K_PER_J = f4(GAIN_W_PER_K), f4(1.0 / HEAT_J_PER_K)
_RESISTANCE_COP, _W_PER_COLD = f4(RESISTANCE_COP), f4(np.float32(-1.0) / _COLD_PER_W)


@dataclass(frozen=True, slots=True)
class Cabin(PerModel):
    hvac_w: F4s  # 0 where the file has no climate block
    heat_pump: F4s  # 1 or 0
    size: F4s  # surface of the cabin over that of a car of `SIZE_KG`
    able: F4s = field(init=False)  # 1 or 0: whether there is more than a fan
    most_w: F4s = field(init=False)  # electric, beside the fan
    gain_w_per_k: F4s = field(init=False)
    k_per_j: F4s = field(init=False)  # heat capacity, inverted

    def __post_init__(self) -> None:
        self._derive(
            able=(self.hvac_w > _FAN_W).astype(np.float32),
            most_w=self.hvac_w - _FAN_W,
            gain_w_per_k=_GAIN_W_PER_K * self.size,
            k_per_j=_K_PER_J / self.size,
        )

    @classmethod
    def of(cls, models: Sequence[VehicleModel]) -> Cabin:
        blocks = [m.climate for m in models]
        return cls(
            hvac_w=f4([b.hvac_kw * 1000.0 if b else 0.0 for b in blocks]),
            heat_pump=f4([float(b.heat_pump) if b else 0.0 for b in blocks]),
            size=f4([(m.mass_kg / SIZE_KG) ** (2.0 / 3.0) for m in models]),
        )


class Climate(NamedTuple):
    """One step of the climate control: electric power, W, and the cabin temperature after it, degC."""

    electric_w: F4s
    cabin_degc: F4s


def heating_cop(cabin: Cabin, ambient_degc: F4s) -> F4s:
    """Heat into the cabin per electric W."""
    gain = _pump_gain(ambient_degc) if ambient_degc.ndim else _pump_gain_in(float(ambient_degc))
    cop: F4s = gain * cabin.heat_pump
    return cop + _RESISTANCE_COP


def _pump_gain(ambient_degc: F4s) -> F4s:
    """What a heat pump gives beyond a heater, per electric W."""
    gain: F4s = PUMP_COP(ambient_degc)
    gain -= _RESISTANCE_COP
    return gain


@lru_cache(maxsize=16)
def _pump_gain_in(weather_degc: float) -> F4s:
    """The same in one weather for all."""
    return _pump_gain(f4([weather_degc])).reshape(())


def climate_step(
    cabin: Cabin,
    on: U1s,
    cabin_degc: F4s,
    target_degc: F4s,
    ambient_degc: F4s,
    speed_mps: F4s | None = None,
) -> Climate:
    """One second with the climate control on (1) or off (0); with a `speed_mps` somebody sits inside."""
    inside_w = ZERO if speed_mps is None else _INSIDE_W
    loss = _loss_w_per_k(cabin_degc, speed_mps)
    running_of = np.count_nonzero(on)
    if not running_of:  # in the order of the sums below: a car's cabin does not depend on another's climate control
        loss *= cabin.size
        loss *= ambient_degc - cabin_degc
        loss += inside_w
        loss *= cabin.k_per_j
        loss += cabin_degc
        return Climate(np.zeros_like(cabin_degc), loss)
    running = cabin.able if running_of == len(on) else cabin.able * on.astype(np.float32)
    loss += running * _FRESH_W_PER_K
    loss *= cabin.size
    heat_w = loss * (target_degc - ambient_degc)
    heat_w += cabin.gain_w_per_k * (target_degc - cabin_degc)
    heat_w -= inside_w
    most_w = cabin.most_w * running
    cop = heating_cop(cabin, ambient_degc)
    heat_w = clip(heat_w, most_w * -_COLD_PER_W, most_w * cop)
    # Heating and cooling both come out positive, and of the two the one that is meant is the larger.
    electric_w = np.maximum(heat_w / cop, heat_w * _W_PER_COLD)
    electric_w += running * _FAN_W
    loss *= ambient_degc - cabin_degc
    heat_w += loss
    heat_w += inside_w
    heat_w *= cabin.k_per_j
    heat_w += cabin_degc
    return Climate(electric_w, heat_w)


def _loss_w_per_k(cabin_degc: F4s, speed_mps: F4s | None) -> F4s:
    """Loss through the body of a car of `SIZE_KG`, W/K, shape (rows,)."""
    if speed_mps is None:
        return _STILL_W_PER_K.repeat(len(cabin_degc))
    loss = clip(speed_mps, ZERO, _WIND_MPS)
    loss *= _WIND_W_PER_K_PER_MPS
    loss += _STILL_W_PER_K
    return loss


def parked_cabin(
    cabin: Cabin, on: U1s, cabin_degc: F4s, target_degc: F4s, ambient_degc: F4s, seconds: F4s
) -> tuple[F4s, F4s]:
    """The cabin after `seconds` of standing: (mean electric power, W; temperature, degC), in closed form.

    With the climate control on (somebody asked for it from afar) it is what `climate_step` does, second by second: at
    first at the limit of its power, where the set point is far, then drawn to the set point exponentially.
    """
    closed = ambient_degc + (cabin_degc - ambient_degc) * np.exp(seconds * np.float32(-STILL_W_PER_K / HEAT_J_PER_K))
    running = (on > 0) & (cabin.hvac_w > FAN_W)
    if not running.any():
        return np.zeros_like(closed), closed
    loss = np.float32(STILL_W_PER_K + FRESH_W_PER_K) * cabin.size
    heat_j_per_k = np.float32(HEAT_J_PER_K) * cabin.size
    gain = np.float32(GAIN_W_PER_K) * cabin.size
    most_w = np.maximum(cabin.hvac_w - np.float32(FAN_W), 1.0)
    cop = heating_cop(cabin, ambient_degc)
    steady_w = loss * (target_degc - ambient_degc)
    limit_w = np.where(steady_w + gain * (target_degc - cabin_degc) > 0, most_w * cop, -most_w * _COLD_PER_W)

    # At the limit the cabin heads for `end`; from `release` on the control asks for less than the limit.
    end = ambient_degc + limit_w / loss
    release = target_degc - (limit_w - steady_w) / gain
    way, rest = end - cabin_degc, end - release
    limited = (release - cabin_degc) * np.sign(limit_w) > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        released_s = np.where(rest / way > 0, np.log(way / rest) * (heat_j_per_k / loss), np.inf)
    first_s = np.where(limited, np.minimum(released_s, seconds), 0.0).astype(np.float32)
    begun = end - way * np.exp(first_s * (-loss / heat_j_per_k))

    second_s = seconds - first_s
    pull = (loss + gain) / heat_j_per_k
    held = target_degc + (begun - target_degc) * np.exp(-pull * second_s)
    asked_j = steady_w * second_s + gain * (held - begun) / pull
    heat_w = (limit_w * first_s + asked_j) / np.maximum(seconds, np.float32(1e-3))
    electric_w = np.where(heat_w > 0, heat_w / cop, heat_w / -_COLD_PER_W) + np.float32(FAN_W)
    return np.where(running, electric_w, np.float32(0.0)), np.where(running, held, closed)
