"""Faults of a vehicle's network."""

from __future__ import annotations

from typing import Literal

from ..base import KIND, Breakable, LastingFault, Rows, fault

__all__ = ["Outage"]


@fault
class Outage(LastingFault):
    """The vehicle has no network: it keeps what it would send, tries to come back, and cannot be reached. How much it
    keeps and how it sends that is said by `network:`, where outages can also be places."""

    fault: Literal["outage"] = KIND

    def begin(self, world: Breakable, rows: Rows) -> None:
        world.coverage.lose(rows)

    def end(self, world: Breakable, rows: Rows) -> None:
        world.coverage.regain(rows)
