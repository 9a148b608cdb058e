"""What a run counts, as expectations read it: messages and their latency, energy and distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from jinqiao.simulator.expectations.figures import Latency, Samples
from jinqiao.simulator.world import World

from .summary import Summary

__all__ = ["RunMeters", "RunTraffic"]


class RunTraffic:
    """Messages of a run, by kind of topic."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def said(self, kind: str) -> int:
        return self._summary.published[kind]

    def arrived(self, kind: str) -> int:
        return self._summary.published[kind]

    def latency(self) -> Latency:
        return Samples(self._summary.latencies_ms)


class RunMeters:
    """The counters of a world's vehicles, from now on; `fleets` maps names to rows."""

    def __init__(self, world: World, fleets: Mapping[str, slice | NDArray[np.intp]]) -> None:
        self._fleet, self._rows = world.fleet, {"": slice(None), **fleets}
        self._from_m = world.fleet.odometer_m.copy()
        self._from_kwh = self._used_kwh()

    def _used_kwh(self) -> NDArray[np.float64]:
        return self._fleet.energy_discharged_kwh - self._fleet.energy_regenerated_kwh

    def energy_kwh(self, fleet: str) -> float:
        return float((self._used_kwh() - self._from_kwh)[self._rows[fleet]].sum())

    def distance_km(self, fleet: str) -> float:
        return float((self._fleet.odometer_m - self._from_m)[self._rows[fleet]].sum()) / 1000.0
