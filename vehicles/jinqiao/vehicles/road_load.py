"""Longitudinal road load: what the road asks of the wheels in one step of one second.

F = A + B v + C v² at the mean speed of the step, plus inertia from the difference of v², exact for a speed that changes
linearly (SAE J1263 for the coast-down form; UN GTR 15 Annex 4 for the physical one). On a gradient the weight pulls
along the road.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .arrays import ONE, ZERO, F4s, PerModel, anywhere, clip, f4
from .vehicle_file import VehicleModel

__all__ = ["GRAVITY", "ROTATING_MASS", "RoadLoad", "gradient_n", "in_weather", "resistance_n", "wheel_power_w"]

#: Rotating parts add 3 % to the mass (UN GTR 15 Annex 4, 2.5.1).
ROTATING_MASS = 1.03
#: Air at 20 degC and 101.3 kPa, kg/m³ (ISO 2533 by the gas law).
AIR_DENSITY = 1.204
GRAVITY = 9.80665
KMH_PER_MS = 3.6
#: Rolling resistance falls by this share per kelvin, and air thins by the gas law (UN GTR 15 Annex 4, 4.5.4: K0 and K2
#: of the correction to 20 degC). Coefficients hold as they are in the 20 to 30 degC of a laboratory.
ROLLING_PER_K = 8.6e-3
LABORATORY_DEGC = (20.0, 30.0)
ZERO_DEGC_K = 273.15
#: Range of the linear correction: beyond it nobody has measured.
COLDEST_DEGC, HOTTEST_DEGC = -30.0, 45.0

_COLDEST, _HOTTEST, _COOL, _WARM = map(f4, (COLDEST_DEGC, HOTTEST_DEGC, *LABORATORY_DEGC))
_ROLLING_PER_K, _ZERO_DEGC_K, _HALF = f4(ROLLING_PER_K), f4(ZERO_DEGC_K), f4(0.5)


@dataclass(frozen=True, slots=True)
class RoadLoad(PerModel):
    a_n: F4s
    b_n_per_mps: F4s
    c_n_per_mps2: F4s
    effective_mass_kg: F4s

    @classmethod
    def of(cls, models: Sequence[VehicleModel], *, dynamometer: bool) -> RoadLoad:
        """Coefficients in SI; the mass is that of the test bench or that of the car with its driver."""
        rows = [_coefficients(m, m.dynamometer_mass_kg if dynamometer else m.laden_mass_kg) for m in models]
        a, b, c, mass = (f4(column) for column in zip(*rows, strict=True))
        return cls(a, b, c, mass)


def _coefficients(model: VehicleModel, mass_kg: float) -> tuple[float, float, float, float]:
    down, shape = model.road_load.coast_down, model.road_load.physical
    if down is not None:
        a, b, c = down.a_n, down.b_n_per_kmh * KMH_PER_MS, down.c_n_per_kmh2 * KMH_PER_MS**2
    else:
        assert shape is not None  # the file has exactly one of the two forms
        a, b = shape.rolling_resistance * mass_kg * GRAVITY, 0.0
        c = 0.5 * AIR_DENSITY * shape.cd * shape.frontal_area_m2
    return a, b, c, mass_kg * ROTATING_MASS


def in_weather(road: RoadLoad, ambient_degc: F4s) -> RoadLoad:
    """The road load at this air temperature: cold tyres roll harder and cold air is denser."""
    factors = _weather(ambient_degc) if ambient_degc.ndim else _weather_in(float(ambient_degc))
    if factors is None:
        return road
    rolling, air = factors
    return RoadLoad(road.a_n * rolling, road.b_n_per_mps * rolling, road.c_n_per_mps2 * air, road.effective_mass_kg)


def _weather(ambient_degc: F4s) -> tuple[F4s, F4s] | None:
    """Factors on rolling and air resistance; None where nobody is outside the laboratory's weather."""
    degc = clip(ambient_degc, _COLDEST, _HOTTEST)
    off = degc - clip(degc, _COOL, _WARM)
    if not anywhere(off != ZERO):
        return None
    rolling, air = ONE - _ROLLING_PER_K * off, degc - off
    air += _ZERO_DEGC_K
    air /= degc + _ZERO_DEGC_K
    return rolling, air


@lru_cache(maxsize=16)
def _weather_in(degc: float) -> tuple[F4s, F4s] | None:
    """The same in one weather for all."""
    factors = _weather(f4([degc]))
    return factors and (factors[0].reshape(()), factors[1].reshape(()))


def resistance_n(road: RoadLoad, speed_mps: F4s) -> F4s:
    """Rolling and air resistance at `speed_mps`, N; it acts only while the car moves, so multiply by speed first."""
    force: F4s = speed_mps * road.c_n_per_mps2
    force += road.b_n_per_mps
    force *= speed_mps
    force += road.a_n
    return force


def gradient_n(road: RoadLoad, grade: F4s) -> F4s:
    """Pull of the weight against the car on a road that rises `grade` metres per metre of map, N; negative downhill."""
    weight_n = road.effective_mass_kg * np.float32(GRAVITY / ROTATING_MASS)
    pull: F4s = weight_n * grade / np.sqrt(grade * grade + np.float32(1.0))
    return pull


def wheel_power_w(road: RoadLoad, start_mps: F4s, end_mps: F4s, gradient: F4s | None = None) -> F4s:
    """Mean power at the wheels over one second, W; negative when the car must be braked.

    `gradient` is the pull of the weight, N; None on the level.
    """
    mean = start_mps + end_mps
    mean *= _HALF
    force = resistance_n(road, mean)
    force += road.effective_mass_kg * (end_mps - start_mps)
    if gradient is not None:
        force += gradient
    force *= mean
    return force
