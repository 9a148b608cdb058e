"""Some vehicles of a run as rows of the live table: those that do something first, each with its last event."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Event
from jinqiao.simulator.world import World
from jinqiao.vehicles.modes import VehicleState

__all__ = ["CarRow", "Roster"]


@dataclass(frozen=True, slots=True)
class CarRow:
    """A vehicle now: `soc` as its display shows it, %; `kw` out of the battery, negative while it charges."""

    vin: str
    model: str
    fleet: str
    state: str
    speed_kmh: float
    soc: float
    kw: float
    event: str


class Roster:
    """Remembers the last event of each vehicle; `rows` looks at the world and changes nothing."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events: dict[int, str] = {}
        self._first_rows = [rows.start for _, rows, _ in world.fleets]

    def hear(self, events: Iterable[Event]) -> None:
        """Keep what happened."""
        for event in events:
            self._events[event.vehicle] = event.identifier.rpartition(":")[2]

    def rows(self, count: int) -> list[CarRow]:
        """At most `count` vehicles: those that charge or wait for it have a third of the room, then those that drive,
        then the others."""
        state = self._world.fleet.vehicle_state
        charging = np.flatnonzero((state == VehicleState.CHARGING) | (state == VehicleState.QUEUEING))[: count // 3]
        driving = np.flatnonzero(state == VehicleState.DRIVING)[: count - len(charging)]
        parked = np.flatnonzero(state == VehicleState.PARKED)[: count - len(charging) - len(driving)]
        return self._shown(np.concatenate([driving, charging, parked]))

    def _shown(self, rows: NDArray[np.intp]) -> list[CarRow]:
        fleet = self._world.fleet
        # Not `World.look`, which brings sleeping vehicles up to date: what is watched would not be the same run.
        now = fleet.sample(rows, "core")
        shown = []
        for place, row in enumerate(rows.tolist()):
            model = fleet.models[int(fleet.model_of[row])]
            shown.append(
                CarRow(
                    vin=fleet.vins[row].decode(),
                    model=f"{model.make} {model.model}",
                    fleet=self._world.fleets[bisect_right(self._first_rows, row) - 1][0],
                    state=VehicleState(int(fleet.vehicle_state[row])).name.lower(),
                    speed_kmh=float(now["speed"][place]),
                    soc=float(now["soc_displayed"][place]),
                    kw=float(now["pack_power"][place]),
                    event=self._events.get(row, ""),
                )
            )
        return shown
