"""What the fleets of a run have done: distance, energy, charging, waiting; summed up at its end.

Only what no column of the fleet keeps is counted here, where it happens and for one vehicle at a time; the rest is what
the counters of the cars have gained since the start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

__all__ = ["FleetFigures", "Tally"]

_NOBODY_WAITS = -1


@dataclass(frozen=True, slots=True)
class FleetFigures:
    """One fleet's sums. `energy_kwh` is what its packs gave beyond what braking returned, `charged_kwh` went in at the
    inlets; a `rescue` is a charge by the van that comes to cars without a station in reach.
    """

    vehicles: int
    distance_km: float
    energy_kwh: float
    charged_kwh: float
    sessions: int
    queued_s: int
    rescues: int

    def as_json(self) -> dict[str, Any]:
        return {
            "vehicles": self.vehicles,
            "distance_km": round(self.distance_km, 3),
            "energy_kwh": round(self.energy_kwh, 3),
            "charged_kwh": round(self.charged_kwh, 3),
            "sessions": self.sessions,
            "queued_s": self.queued_s,
            "rescues": self.rescues,
        }


class Tally:
    """Counts for every vehicle of `fleet`, shape (n,) each, from now on."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._from_m = fleet.odometer_m.copy()
        self._from_kwh = fleet.energy_discharged_kwh - fleet.energy_regenerated_kwh
        self.sessions = np.zeros(fleet.n, dtype=np.int32)
        self.rescues = np.zeros(fleet.n, dtype=np.int32)
        self._charged_kwh = np.zeros(fleet.n)
        self._session_from_kwh = np.full(fleet.n, np.nan)
        self._queued_s = np.zeros(fleet.n, dtype=np.int64)
        self._waits_since_s = np.full(fleet.n, _NOBODY_WAITS, dtype=np.int64)

    def session_begins(self, row: int, energy_kwh: float) -> None:
        """Power flows; the session's counter stands at `energy_kwh`."""
        self.sessions[row] += 1
        self._session_from_kwh[row] = energy_kwh

    def session_ends(self, row: int, energy_kwh: float) -> None:
        """It has brought `energy_kwh`."""
        self._charged_kwh[row] += energy_kwh
        self._session_from_kwh[row] = np.nan

    def waits(self, row: int, now_s: int) -> None:
        """A car begins to queue."""
        self._waits_since_s[row] = now_s

    def served(self, row: int, now_s: int) -> None:
        """It has a connector."""
        self._queued_s[row] += now_s - self._waits_since_s[row]
        self._waits_since_s[row] = _NOBODY_WAITS

    def figures(self, fleets: Mapping[str, Sequence[slice]], now_s: int) -> dict[str, FleetFigures]:
        """The sums of each fleet, which may be in several parts, up to now, with what is under way."""
        fleet = self._fleet
        metres = fleet.odometer_m - self._from_m
        used_kwh = fleet.energy_discharged_kwh - fleet.energy_regenerated_kwh - self._from_kwh
        charged_kwh = self._charged_kwh + np.nan_to_num(fleet.energy_charged_kwh - self._session_from_kwh)
        queued_s = self._queued_s + np.where(self._waits_since_s >= 0, now_s - self._waits_since_s, 0)
        return {
            name: FleetFigures(
                sum(part.stop - part.start for part in parts),
                sum(float(metres[part].sum()) for part in parts) / 1000.0,
                sum(float(used_kwh[part].sum()) for part in parts),
                sum(float(charged_kwh[part].sum()) for part in parts),
                sum(int(self.sessions[part].sum()) for part in parts),
                sum(int(queued_s[part].sum()) for part in parts),
                sum(int(self.rescues[part].sum()) for part in parts),
            )
            for name, parts in fleets.items()
        }
