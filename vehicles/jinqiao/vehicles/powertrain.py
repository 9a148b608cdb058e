"""From the wheels to the traction battery's terminals: one effective powertrain per car.

Traction at the shaft is wheel power over the transmission; braking returns a share that fades at walking pace, and no
more than the driven axle can brake, the motor's torque and power and the pack's limit allow; the friction brakes do the
rest. Motor and inverter are one efficiency over the share of peak power. The five effective parameters are those of
`effective.py`; fade and map have the form of FASTSim's (Brooker et al., SAE 2015-01-0973).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .arrays import INFINITE, MINUS_INFINITE, ONE, ZERO, F4s, PerModel, clip, f4
from .road_load import GRAVITY, ROTATING_MASS, RoadLoad, resistance_n
from .vehicle_file import VehicleModel

__all__ = [
    "GEAR_RATIO",
    "WHEEL_RADIUS_M",
    "Powertrain",
    "axle_decel_ms2",
    "electric_power_w",
    "motor_efficiency",
    "reachable_mps",
    "shaft_power_w",
]

#: Efficiency of motor and inverter at shares of peak power; level below the first share.
MOTOR_SHARE = (0.01, 0.06, 0.10, 0.20, 0.40, 0.60, 0.80, 1.00)
MOTOR_EFFICIENCY = (0.85, 0.90, 0.92, 0.94, 0.95, 0.95, 0.94, 0.93)
#: The broken line read at the nearest of 4,001 points, by which an efficiency is off by 0.00013 at most.
_MAP_STEPS = 4000
_MAP = np.interp(np.linspace(0.0, 1.0, _MAP_STEPS + 1), MOTOR_SHARE, MOTOR_EFFICIENCY).astype(np.float32)
#: What the map's best point means; a file's `efficiency` scales the whole map by its ratio to this.
MAP_BEST = 0.95
#: No map may make energy.
BEST_EFFICIENCY = 0.99
#: Contactors, fuse and cables between the pack's terminals and the inverter. The effective parameters were fitted with
#: a battery of .985 one way; a pack's cells alone lose about half of that on the EPA cycles, and this is the rest.
LEADS = 0.990

#: Share of braking that still returns at v mph: 1 / (1 + 500 exp(-0.99 (v + 1))).
FADE_GAIN, FADE_RATE = 500.0, 0.99
MPH_PER_MPS = 3600.0 / 1609.344

#: Single-speed gear of a typical EV and its loaded tyre radius: estimates, only for force limits and motor signals.
GEAR_RATIO = 9.0
WHEEL_RADIUS_M = 0.34
#: Base speed of a motor whose torque the file does not give, rad/s (5,000 rpm: estimate).
BASE_SPEED_RADS = 5000.0 * 2.0 * np.pi / 60.0
#: Tyres on a dry road, m/s²: no car brakes harder.
GRIP_MS2 = 9.0
#: Regeneration uses at most this friction coefficient at the tyres of the driven axle, so that they keep a reserve for
#: steering; half the weight stands on each axle, and the centre of gravity lies 0.19 wheelbases high (typical of cars
#: with the battery in the floor: 0.55 m over 2.9 m). All three: estimates.
REGEN_GRIP, AXLE_SHARE, GRAVITY_HEIGHT = 0.6, 0.5, 0.19
#: Rounds of the closed loop; the third moves the speed by less than 1 mm/s.
LOOPS = 3
#: Stands for "no limit" in float32.
NO_LIMIT = 1e9

_HALF, _TWO, _GRIP_MS2 = f4(0.5), f4(2.0), f4(GRIP_MS2)
_FADE_PER_MPS, _FADE_0 = f4(-FADE_RATE * MPH_PER_MPS), f4(math.log(FADE_GAIN) - FADE_RATE)
_BEST, _LEADS, _POINTS = f4(BEST_EFFICIENCY * LEADS), f4(LEADS), f4(_MAP_STEPS)


@dataclass(frozen=True, slots=True)
class Powertrain(PerModel):
    transmission: F4s
    regen_gain: F4s  # transmission × regen_share
    regen_w: F4s
    regen_force_n: F4s  # at the wheels
    regen_min_mps: F4s
    map_scale: F4s
    peak_w: F4s
    peak_force_n: F4s  # at the wheels
    aux_w: F4s
    map_points_per_w: F4s = field(init=False)
    map_gain: F4s = field(init=False)  # map_scale with the leads
    regen_most_w: F4s = field(init=False)  # at the shaft
    brake_n: F4s = field(init=False)  # - regen_force_n
    begins_late: NDArray[np.bool_] = field(init=False)  # whether any has a lowest speed of regeneration

    def __post_init__(self) -> None:
        self._derive(
            map_points_per_w=_POINTS / self.peak_w,
            map_gain=self.map_scale * _LEADS,
            regen_most_w=np.minimum(self.regen_w, self.peak_w),
            brake_n=-self.regen_force_n,
            begins_late=(self.regen_min_mps > ZERO).any(),
        )

    @classmethod
    def of(cls, models: Sequence[VehicleModel], *, dynamometer: bool) -> Powertrain:
        effective = [m.effective for m in models]
        regen = [m.drivetrain.regen for m in models]
        efficiency = [m.drivetrain.efficiency / MAP_BEST for m in models]
        return cls(
            transmission=f4([e.transmission for e in effective]),
            regen_gain=f4([e.transmission * e.regen_share for e in effective]),
            regen_w=f4([NO_LIMIT if r.max_kw is None else r.max_kw * 1000.0 for r in regen]),
            regen_force_n=f4([_regen_force_n(m, dynamometer=dynamometer) for m in models]),
            regen_min_mps=f4([r.min_speed_kmh / 3.6 for r in regen]),
            map_scale=f4([e.map_scale * own for e, own in zip(effective, efficiency, strict=True)]),
            peak_w=f4([m.drivetrain.peak_kw * 1000.0 for m in models]),
            peak_force_n=f4([_peak_force_n(m) for m in models]),
            aux_w=f4([e.aux_w if dynamometer else m.aux_w for e, m in zip(effective, models, strict=True)]),
        )


def _peak_force_n(model: VehicleModel) -> float:
    peak_nm = model.drivetrain.peak_nm or model.drivetrain.peak_kw * 1000.0 / BASE_SPEED_RADS
    return peak_nm * GEAR_RATIO / WHEEL_RADIUS_M


def axle_decel_ms2(driven_axle: str) -> float:
    """The hardest braking the driven axle does alone, m/s²; harder braking is shared with the other axle.

    Braking at z times gravity moves the share z · `GRAVITY_HEIGHT` of the weight to the front; the axle holds while
    z ≤ `REGEN_GRIP` · share. (UN R13-H asks the same question of the service brakes.)
    """
    if driven_axle == "all":
        return REGEN_GRIP * GRAVITY
    to_axle = GRAVITY_HEIGHT if driven_axle == "front" else -GRAVITY_HEIGHT
    return GRAVITY * REGEN_GRIP * AXLE_SHARE / (1.0 - REGEN_GRIP * to_axle)


def _regen_force_n(model: VehicleModel, *, dynamometer: bool) -> float:
    """Most that braking asks of the motor, at the wheels: the axle's grip, the file's own limit, the motor's torque."""
    mass_kg = model.dynamometer_mass_kg if dynamometer else model.laden_mass_kg
    decel = min(model.drivetrain.regen.max_decel_ms2 or NO_LIMIT, axle_decel_ms2(model.drivetrain.driven_axle))
    return min(decel * mass_kg * ROTATING_MASS, _peak_force_n(model))


def motor_efficiency(train: Powertrain, power_w: F4s) -> F4s:
    """Efficiency of motor, inverter and leads at this shaft power, either sign."""
    place: F4s = np.abs(power_w)
    place *= train.map_points_per_w
    place += _HALF
    efficiency: F4s = _MAP.take(place.astype(np.intp), out=place, mode="clip")
    efficiency *= train.map_gain
    return clip(efficiency, ZERO, _BEST)


def shaft_power_w(train: Powertrain, wheel_w: F4s, mean_mps: F4s, charge_limit_w: F4s) -> F4s:
    """Mechanical power at the motor shaft, W; negative when it regenerates.

    `charge_limit_w` is the most that braking may return, at the shaft; the friction brakes do the rest.
    """
    fade: F4s = mean_mps * _FADE_PER_MPS
    fade += _FADE_0
    np.exp(fade, fade)
    fade += ONE
    np.divide(ONE, fade, fade)
    # Driving and braking are added up, each zero where the other holds: ten times faster than choosing by row.
    braking = clip(wheel_w, MINUS_INFINITE, ZERO)
    braking = np.maximum(braking, train.brake_n * mean_mps)
    fade *= train.regen_gain
    if train.begins_late:
        fade *= (mean_mps >= train.regen_min_mps).astype(np.float32)
    braking *= fade
    most = np.minimum(charge_limit_w, train.regen_most_w)
    shaft = clip(wheel_w, ZERO, INFINITE)
    shaft /= train.transmission
    shaft += np.maximum(braking, -most)
    return shaft


def electric_power_w(train: Powertrain, shaft_w: F4s) -> F4s:
    """Power of the traction at the pack's terminals for a shaft power, W; negative when it feeds the battery."""
    efficiency = motor_efficiency(train, shaft_w)
    electric = clip(shaft_w, ZERO, INFINITE)
    electric /= efficiency
    efficiency *= clip(shaft_w, MINUS_INFINITE, ZERO)
    electric += efficiency
    return electric


def reachable_mps(
    train: Powertrain,
    road: RoadLoad,
    start_mps: F4s,
    asked_mps: F4s,
    shaft_limit_w: F4s,
    gradient: F4s | None = None,
) -> F4s:
    """The speed a car reaches after one second when motor, battery or tyres give less than `asked_mps` needs.

    `shaft_limit_w` is the most the shaft gives now. Energy decides, v1² = v0² + 2 (P - F v) / m with F at the mean
    speed, and the force at low speed; two closed-form steps, repeated until the mean speed has settled.
    """
    mass = road.effective_mass_kg
    wheel_limit_w = np.minimum(shaft_limit_w, train.peak_w) * train.transmission
    slowest = clip(start_mps - _GRIP_MS2, ZERO, INFINITE)
    asked = np.maximum(asked_mps, slowest)
    reached: F4s = asked
    squared = start_mps * start_mps
    for _ in range(LOOPS):
        mean = (start_mps + reached) * _HALF
        resistance = resistance_n(road, mean)
        if gradient is not None:
            resistance += gradient
        by_power = np.sqrt(clip(squared + _TWO * (wheel_limit_w - resistance * mean) / mass, ZERO, INFINITE))
        by_force = start_mps + (train.peak_force_n - resistance) / mass
        reached = np.minimum(asked, clip(by_force, ZERO, by_power))
    return reached
