"""Rules of motion: position, odometer and speed are one movement, and what hangs on a cable stands still."""

from __future__ import annotations

import numpy as np

from jinqiao.vehicles.modes import ChargingState, Gear, VehicleState
from jinqiao.vehicles.powertrain import GRIP_MS2

from ..roads import great_circle_m
from .pair import Mask, Pair, half_step

__all__ = [
    "at_rest_on_the_cable",
    "at_rest_unless_driving",
    "in_gear",
    "odometer_falls",
    "speed_jumps",
    "speed_not_of_odometer",
    "teleport",
]

#: A millionth of a degree is 0.11 m of meridian; both ends of a way are rounded, in both directions.
POSITION_M = 4 * 0.5 * 0.112
#: The stretch of one edge of the map is laid over its metres: a little beside a great circle.
MAP_SHARE = 0.002
#: No tyre holds more in either direction, m/s².
MOST_MS2 = GRIP_MS2 * 1.02
ON_THE_CABLE = (ChargingState.HANDSHAKE, ChargingState.CHARGING, ChargingState.FINISHED)
STANDING = (VehicleState.PARKED, VehicleState.CHARGING, VehicleState.QUEUEING)


def teleport(pair: Pair) -> Mask:
    """The position moved further than the odometer."""
    before = pair.before
    moved_m = great_circle_m(before["longitude"], before["latitude"], pair["longitude"], pair["latitude"])
    driven_m = pair.step("odometer") * 1000.0
    slack_m = POSITION_M + 2000.0 * half_step("odometer")
    far: Mask = moved_m > driven_m * (1.0 + MAP_SHARE) + slack_m
    return far


def odometer_falls(pair: Pair) -> Mask:
    fell: Mask = pair.step("odometer") < 0
    return fell


def speed_not_of_odometer(pair: Pair) -> Mask:
    """The way is not what the two speeds and the tyres' grip between them allow; exact for reports a second apart."""
    seconds = pair.seconds
    driven_m = pair.step("odometer") * 1000.0
    mean_m = (pair["speed"] + pair.before["speed"]) / 7.2 * seconds
    slack_m = 2000.0 * half_step("odometer") + half_step("speed") / 3.6 * seconds
    slack_m += MOST_MS2 * np.maximum(seconds**2 - 1.0, 0.0) / 4.0  # 0 s: the same instant looked at twice
    off: Mask = np.abs(driven_m - mean_m) > slack_m
    return off


def speed_jumps(pair: Pair) -> Mask:
    return pair.jumps("speed", MOST_MS2 * 3.6)


def at_rest_on_the_cable(pair: Pair) -> Mask:
    """Moving with a cable in the inlet."""
    plugged = np.isin(pair["charging_state"], ON_THE_CABLE)
    stayed = pair.both("charging_state", *ON_THE_CABLE)
    moved: Mask = plugged & (pair["speed"] > 0) | stayed & (pair.step("odometer") != 0)
    return moved


def at_rest_unless_driving(pair: Pair) -> Mask:
    """Moving while parked, charging or queueing."""
    stands = np.isin(pair["vehicle_state"], STANDING)
    stayed = pair.both("vehicle_state", *STANDING)
    moved: Mask = stands & (pair["speed"] > 0) | stayed & (pair.step("odometer") != 0)
    return moved


def in_gear(pair: Pair) -> Mask:
    rolls_in_park: Mask = (pair["speed"] > 0) & (pair["gear"] == Gear.P)
    return rolls_in_park
