"""What a vehicle is doing, as numbers: the enumerations of the signal table under their names."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

__all__ = ["ON_AC", "ON_DC", "UNPLUGGED", "ChargingState", "Gear", "Plug", "VehicleState"]


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


#: The plugs as columns hold them: NumPy examines an enumeration at length, each time.
UNPLUGGED, ON_AC, ON_DC = (np.asarray(plug, dtype=np.uint8) for plug in Plug)


class ChargingState(IntEnum):
    IDLE = 0
    HANDSHAKE = 1
    CHARGING = 2
    FINISHED = 3
    SUSPENDED = 4
    FAULT = 5
