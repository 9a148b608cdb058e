"""Commands about charging."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinqiao.vehicles.modes import ChargingState

from .refusals import Refusal, Refused

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["can_start", "can_stop", "set_limit", "start", "stop"]

Values = Mapping[str, float]

#: A finished car that stands loses a little to standby and self-discharge; it does not charge again for less than this
#: of its display, % (batteries would suffer from charging by drops: estimate).
NEAR_PERCENT = 1.0


def _state(town: Town, row: int) -> ChargingState:
    return ChargingState(int(town.fleet.charging_state[row]))


def can_start(town: Town, row: int, _: Values) -> None:
    state = _state(town, row)
    if state == ChargingState.IDLE:
        raise Refused(Refusal.NOT_PLUGGED_IN)
    if state == ChargingState.FAULT:
        raise Refused(Refusal.CHARGER_FAULT)
    limit = int(town.fleet.charge_limit[row])
    near = state == ChargingState.FINISHED and town.state_of_charge(row) * 100.0 > limit - NEAR_PERCENT
    if near or (state == ChargingState.SUSPENDED and town.sessions.at_limit(row)):
        raise Refused(Refusal.AT_LIMIT, f"{limit} %")
    if town.diagnosis.aux_is_low(row):
        raise Refused(Refusal.AUX_LOW)
    if state != ChargingState.CHARGING and town.diagnosis.refuses_charge(row):
        raise Refused(Refusal.BROKEN)


def start(town: Town, row: int, _: Values) -> None:
    """Go on with a session that is suspended or has ended; one that runs or is about to simply does."""
    if _state(town, row) in (ChargingState.SUSPENDED, ChargingState.FINISHED):
        town.sessions.resume(row)


def can_stop(town: Town, row: int, _: Values) -> None:
    if _state(town, row) not in (ChargingState.CHARGING, ChargingState.SUSPENDED):
        raise Refused(Refusal.NOT_CHARGING)


def stop(town: Town, row: int, _: Values) -> None:
    if _state(town, row) == ChargingState.CHARGING:
        town.sessions.suspend(row)


def set_limit(town: Town, row: int, values: Values) -> dict[str, Any] | None:
    town.sessions.set_limit(row, int(values["Limit"]))
    return None
