"""Rules of the body: nobody opens a door at 100 km/h, drives unbuckled, or charges without a cable."""

from __future__ import annotations

from jinqiao.vehicles.modes import ChargingState, Plug, VehicleState

from .pair import Mask, Pair

__all__ = ["belt_open", "cable_missing", "door_open"]

#: A car that rolls this fast is being driven, km/h.
DRIVEN_KMH = 10.0


def door_open(pair: Pair) -> Mask:
    """A door, the tailgate or the bonnet is open while the car moves."""
    is_open: Mask = (pair["speed"] > 0) & (pair["doors_open"] > 0)
    return is_open


def belt_open(pair: Pair) -> Mask:
    unbuckled: Mask = (pair["speed"] > DRIVEN_KMH) & (pair["seat_belt_driver"] == 0)
    return unbuckled


def cable_missing(pair: Pair) -> Mask:
    """A session without a cable, or a cable in the inlet of a car that drives."""
    plugged = pair["plug_state"] != Plug.UNPLUGGED
    session = pair["charging_state"] != ChargingState.IDLE
    driving = pair["vehicle_state"] == VehicleState.DRIVING
    wrong: Mask = (session & ~plugged) | (plugged & (driving | (pair["speed"] > 0)))
    return wrong
