"""What the car's body reports: pedals, lamps, tyres, 12 V, all following from how the car moves.

No state of its own: every function here is asked when telemetry is sampled.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arrays import F4s, U1s, clip

__all__ = [
    "accelerator_percent",
    "aux_voltage_v",
    "brake_light",
    "brake_percent",
    "doors_open",
    "insulation_kohm",
    "locked",
    "seat_belt",
    "tyre_pressure_kpa",
]

#: Deceleration that lifting the accelerator gives; beyond it the driver brakes. At 0.7 m/s² a brake lamp may and above
#: 1.3 m/s² it must light under electric braking (UN R13-H, 5.2.22.4); under the pedal it always does.
LIFT_MS2 = 0.9
FULL_BRAKE_MS2 = 9.0
#: Absolute pressure of the air, kPa, and the temperature at which tyres are filled, K.
AIR_KPA, FILLED_K, ZERO_DEGC_K = 101.3, 293.15, 273.15
#: 12 V system: with the DC-DC converter on (less when warm, as lead batteries ask), and of a rested battery.
CONVERTER_V, CONVERTER_V_PER_K, RESTED_V = 14.2, -0.012, 12.65
#: Insulation falls by about this share per kelvin as coolant and cables warm (estimate).
INSULATION_PER_K = 0.004

#: What a driver does after arriving, s: the belt, then the door, open and shut, then the key's button.
UNBUCKLED_S, OPEN_S, SHUT_S, LOCKED_S = 2.0, 4.0, 10.0, 14.0
DRIVERS_DOOR = np.uint8(1)


def accelerator_percent(shaft_w: F4s, available_w: F4s) -> F4s:
    """Pedal travel: the share asked of what the motor has at this speed."""
    return clip(np.divide(shaft_w * np.float32(100.0), np.maximum(available_w, np.float32(1.0))), 0.0, 100.0)


def brake_percent(acceleration_mps2: F4s) -> F4s:
    return clip((-acceleration_mps2 - LIFT_MS2) * np.float32(100.0 / (FULL_BRAKE_MS2 - LIFT_MS2)), 0.0, 100.0)


def brake_light(acceleration_mps2: F4s) -> NDArray[np.bool_]:
    lit: NDArray[np.bool_] = acceleration_mps2 < -LIFT_MS2
    return lit


def tyre_pressure_kpa(filled_kpa: F4s, tyre_degc: F4s) -> F4s:
    """Gauge pressure by the gas law at constant volume."""
    return (filled_kpa + np.float32(AIR_KPA)) * (
        (tyre_degc + np.float32(ZERO_DEGC_K)) * np.float32(1 / FILLED_K)
    ) - np.float32(AIR_KPA)


def aux_voltage_v(converter_on: NDArray[np.bool_], ambient_degc: F4s, offset_v: F4s) -> F4s:
    running = CONVERTER_V + CONVERTER_V_PER_K * (clip(ambient_degc, -30.0, 60.0) - 20.0)
    return np.where(converter_on, running, np.float32(RESTED_V)) + offset_v


def insulation_kohm(cold_kohm: F4s, pack_degc: F4s) -> F4s:
    return cold_kohm * clip(1.0 - INSULATION_PER_K * (pack_degc - 20.0), 0.5, 1.3)


def doors_open(left_open: U1s, driving: NDArray[np.bool_], stood_s: F4s) -> U1s:
    """Bits of open doors: the driver's while he gets out, and what somebody has left open; none while driving."""
    gets_out = (stood_s >= OPEN_S) & (stood_s < SHUT_S)
    doors: U1s = (left_open | gets_out * DRIVERS_DOOR) * ~driving
    return doors


def locked(asked: U1s, driving: NDArray[np.bool_], stood_s: F4s) -> U1s:
    """Locked on the way and again when the driver has gone; `asked` 0 is a car unlocked from afar."""
    shut: U1s = asked * (driving | (stood_s >= LOCKED_S))
    return shut


def seat_belt(driving: NDArray[np.bool_], stood_s: F4s) -> NDArray[np.bool_]:
    return driving | (stood_s < UNBUCKLED_S)


def lit(driving: NDArray[np.bool_], dark: bool | NDArray[np.bool_], always: U1s) -> NDArray[np.bool_]:
    """Low beam: by night every driver's, by day that of those who never switch it off."""
    low_beam: NDArray[np.bool_] = driving & ((always > 0) | dark)
    return low_beam
