"""What a vehicle is doing, as numbers: the enumerations of the signal table under their names."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ChargingState", "Gear", "Plug", "VehicleState"]


class VehicleState(IntEnum):
    PARKED = 0
    DRIVING = 1
    CHARGING = 2
    QUEUEING = 3
    OFFLINE_LOGGING = 4


class Gear(IntEnum):
    P = 0
    R = 1
    N = 2
    D = 3


class Plug(IntEnum):
    UNPLUGGED = 0
    AC = 1
    DC = 2


class ChargingState(IntEnum):
    IDLE = 0
    HANDSHAKE = 1
    CHARGING = 2
    FINISHED = 3
    SUSPENDED = 4
    FAULT = 5
