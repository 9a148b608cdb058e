"""Faults of what a vehicle is plugged into."""

from __future__ import annotations

from typing import Literal

from jinqiao.vehicles.modes import ChargingState

from ..base import KIND, Breakable, FaultSpec, Rows, fault

__all__ = ["ChargerFault"]


@fault
class ChargerFault(FaultSpec):
    """The charger breaks down; a vehicle that is not charging then is not affected."""

    fault: Literal["charger_fault"] = KIND

    def struck(self, world: Breakable, /, rows: Rows) -> Rows:
        charging: Rows = rows[world.fleet.charging_state[rows] == ChargingState.CHARGING]
        return charging

    def begin(self, world: Breakable, rows: Rows) -> None:
        for row in rows.tolist():
            world.fail_charger(row)
