"""Faults of charging stations: of what all the cars there hang on."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from jinqiao.base.words import Refused
from jinqiao.vehicles.modes import ChargingState

from ...language.fields import Power, optional
from ...language.selection import Selection, parse_selection
from ..base import KIND, Breakable, LastingFault, Rows, fault

if TYPE_CHECKING:
    from ...stations import Station

__all__ = ["ConnectorBroken", "PowerCut", "SiteLimit", "StationFault"]


class StationFault(LastingFault):
    """A fault of a station; its label names those who are charging there, or about to, and has none else.

    A station has this name once in every town.
    """

    needs_vehicles: ClassVar[bool] = False
    #: Whoever is there.
    on: ClassVar[Selection] = parse_selection("all")  # type: ignore[misc]

    station: str = Field(strict=True, min_length=1, max_length=80, description="Name of the station.")

    def candidates(self, world: Breakable, /) -> Rows:
        fleet, chargers = world.fleet, world.town.chargers
        sites = [station.site for station in chargers.named(self.station)]
        there = np.isin(chargers.site, sites) & np.isin(fleet.charging_state, _AT_WORK)
        return there.nonzero()[0]

    @model_validator(mode="after")
    def _timed(self) -> StationFault:
        if self.when is not None:
            raise Refused("when: is about vehicles; expected at: or between: for a station")
        return self

    def begin(self, world: Breakable, rows: Rows) -> None:
        self.begin_there(world, rows, None)

    def end(self, world: Breakable, rows: Rows) -> None:
        self.end_there(world, rows, None)

    def begin_there(self, world: Breakable, _: Rows, town: int | None, /) -> None:
        for station in world.town.chargers.named(self.station, town):
            for row in self.turn(station, 1):
                world.fail_charger(row)
            world.town.chargers.set_limits(station)

    def end_there(self, world: Breakable, _: Rows, town: int | None, /) -> None:
        for station in world.town.chargers.named(self.station, town):
            self.turn(station, -1)
            world.town.chargers.set_limits(station)

    @abstractmethod
    def turn(self, station: Station, by: Literal[1, -1]) -> list[int]:
        """Begin (1) or end (-1); the cars whose charge that ends."""


_AT_WORK = (ChargingState.HANDSHAKE, ChargingState.CHARGING, ChargingState.SUSPENDED)


@fault
class PowerCut(StationFault):
    """A station has no power: every session there ends in a fault, nobody gets a connector until it is over, and those
    who have not enough drive to another station or queue."""

    fault: Literal["power_cut"] = KIND

    def turn(self, station: Station, by: Literal[1, -1]) -> list[int]:
        if by < 0:
            station.unlimit(0.0)
            return []
        station.limit(0.0)
        return station.occupants


@fault
class ConnectorBroken(StationFault):
    """A connector fails: one in use, the strongest first, or else a free one. The session there ends in a fault, its
    car moves on to another one, and nobody gets this one until it is repaired."""

    fault: Literal["connector_broken"] = KIND
    kind_of: Literal["dc", "ac"] = optional("dc", "Of which kind it is.", alias="connector")

    def candidates(self, world: Breakable, /) -> Rows:
        whose = [station.breaks_next(self.kind_of)[1] for station in world.town.chargers.named(self.station)]
        return np.array(sorted(row for row in whose if row is not None), dtype=np.intp)

    def turn(self, station: Station, by: Literal[1, -1]) -> list[int]:
        if by < 0:
            station.repair(self.kind_of)
            return []
        row = station.break_down(self.kind_of)
        return [] if row is None else [row]


@fault
class SiteLimit(StationFault):
    """A station may draw no more than this in all, as when its grid is short: those who charge there share it. Where a
    town is larger than the file's fleets, its station's limit is as much larger."""

    fault: Literal["site_limit"] = KIND
    limit_kw: Power = Field(alias="limit", description="Most that all connectors draw together, kW.")

    def turn(self, station: Station, by: Literal[1, -1]) -> list[int]:
        change = station.limit if by > 0 else station.unlimit
        change(self.limit_kw * station.growth)
        return []
