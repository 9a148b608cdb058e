"""A charging session as a table: which event leads from which state to which. All that changes a session is here.

States are the thing model's `charging:ChargingState`. Its 5 (fault) is where a session ends whose charger fails, or
that the battery management ends because of damage; only another plug helps.
"""

from __future__ import annotations

from enum import Enum

from jinqiao.vehicles.modes import ChargingState

__all__ = ["HANDSHAKE_S", "TRANSITIONS", "SessionEvent", "follow"]

#: From the plug to the first current, s: parameter exchange and insulation test of GB/T 27930-2015 take about as long.
HANDSHAKE_S = 20


class SessionEvent(Enum):
    """What happens to a session; the values of those that end the charging are `StopReason` of `ChargingFinished`."""

    PLUGGED_IN = "plugged in"
    PARAMETERS_AGREED = "parameters agreed"
    LIMIT_REACHED = "limit reached"
    STOPPED_BY_DRIVER = "stopped by driver"
    SUSPENDED = "suspended from afar"
    RESUMED = "resumed from afar"
    CHARGER_FAILED = "charger fault"
    STOPPED_BY_BMS = "battery management"
    UNPLUGGED = "unplugged"


TRANSITIONS: dict[ChargingState, dict[SessionEvent, ChargingState]] = {
    ChargingState.IDLE: {
        SessionEvent.PLUGGED_IN: ChargingState.HANDSHAKE,
    },
    ChargingState.HANDSHAKE: {
        SessionEvent.PARAMETERS_AGREED: ChargingState.CHARGING,
        SessionEvent.STOPPED_BY_DRIVER: ChargingState.FINISHED,
        SessionEvent.CHARGER_FAILED: ChargingState.FAULT,
        SessionEvent.STOPPED_BY_BMS: ChargingState.FAULT,
    },
    ChargingState.CHARGING: {
        SessionEvent.LIMIT_REACHED: ChargingState.FINISHED,
        SessionEvent.STOPPED_BY_DRIVER: ChargingState.FINISHED,
        SessionEvent.SUSPENDED: ChargingState.SUSPENDED,
        SessionEvent.CHARGER_FAILED: ChargingState.FAULT,
        SessionEvent.STOPPED_BY_BMS: ChargingState.FAULT,
    },
    ChargingState.SUSPENDED: {
        SessionEvent.RESUMED: ChargingState.CHARGING,
        SessionEvent.LIMIT_REACHED: ChargingState.FINISHED,
        SessionEvent.STOPPED_BY_DRIVER: ChargingState.FINISHED,
        SessionEvent.CHARGER_FAILED: ChargingState.FAULT,
        SessionEvent.STOPPED_BY_BMS: ChargingState.FAULT,
    },
    ChargingState.FINISHED: {
        SessionEvent.RESUMED: ChargingState.CHARGING,
        SessionEvent.UNPLUGGED: ChargingState.IDLE,
    },
    ChargingState.FAULT: {
        SessionEvent.UNPLUGGED: ChargingState.IDLE,
    },
}


def follow(state: int, event: SessionEvent) -> ChargingState:
    """The state after `event`; ValueError where the table has no way, because then the caller is wrong."""
    here = ChargingState(state)
    there = TRANSITIONS[here].get(event)
    if there is None:
        known = ", ".join(known.value for known in TRANSITIONS[here])
        raise ValueError(f"a session in state {here.name} does not take {event.value!r}, only: {known}")
    return there
