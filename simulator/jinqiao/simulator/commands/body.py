"""Commands about doors, horn and lamps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jinqiao.vehicles.body import OPEN_S, SHUT_S
from jinqiao.vehicles.modes import VehicleState

from .refusals import Refusal, Refused

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["FLASHING_S", "can_lock", "can_set_lock", "honk_and_flash", "lock", "not_driving", "set_lock", "unlock"]

Values = Mapping[str, float]

#: How long the lamps flash, s (makers' apps: some seconds; estimate).
FLASHING_S = 10


def not_driving(town: Town, row: int, _: Values) -> None:
    if town.fleet.vehicle_state[row] == VehicleState.DRIVING:
        raise Refused(Refusal.DRIVING)


def can_lock(town: Town, row: int, _: Values) -> None:
    """Not while somebody gets out, nor with anything left open; who drives has locked already."""
    fleet = town.fleet
    if fleet.vehicle_state[row] == VehicleState.DRIVING:
        return
    if OPEN_S <= town.stood_s(row) < SHUT_S or fleet.doors_open[row]:
        raise Refused(Refusal.DOOR_OPEN)


def lock(town: Town, row: int, _: Values) -> None:
    town.fleet.locked[row] = 1
    town.changed.append(row)


def unlock(town: Town, row: int, _: Values) -> None:
    town.fleet.locked[row] = 0
    town.changed.append(row)


def can_set_lock(town: Town, row: int, values: Values) -> None:
    (can_lock if values["Locked"] else not_driving)(town, row, values)


def set_lock(town: Town, row: int, values: Values) -> None:
    (lock if values["Locked"] else unlock)(town, row, values)


def honk_and_flash(town: Town, row: int, _: Values) -> None:
    """The hazard lamps flash for some seconds, unless they do so already for another reason."""
    fleet = town.fleet
    if fleet.hazard_light[row] and row not in town.flashing_until:
        return
    fleet.hazard_light[row] = 1
    town.changed.append(row)
    until = town.flashing_until[row] = town.clock.second + FLASHING_S
    town.clock.timeout(FLASHING_S).callbacks.append(lambda _: _dark_again(town, row, until))


def _dark_again(town: Town, row: int, until: int) -> None:
    if town.flashing_until.get(row) == until:
        del town.flashing_until[row]
        town.fleet.hazard_light[row] = 0
        town.changed.append(row)
