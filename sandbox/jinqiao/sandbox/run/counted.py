"""What a run counts, as expectations read it: messages and their latency, energy and distance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.network.delays import Delays
from jinqiao.device.network.figures import NetworkFigures
from jinqiao.simulator.expectations.figures import Latency, Samples
from jinqiao.simulator.world import World

from .summary import Summary

__all__ = ["RunMeters", "RunTraffic"]


class RunTraffic:
    """Messages of a run, by kind of topic, and what its network does to them once it has one."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._network: NetworkFigures | None = None
        #: What was published before there was a network.
        self._before: Counter[str] = Counter()

    def through(self, network: NetworkFigures) -> None:
        """From now on messages take their way through this network."""
        self._network = network
        self._before = Counter(self._summary.published)
        network.took = Delays()

    def said(self, kind: str) -> int:
        published = self._summary.published[kind]
        if self._network is None:
            return published
        # What vehicles answer is not counted before it goes, and what comes twice was said once.
        return max(self._before[kind] + self._network.said[kind], published)

    def arrived(self, kind: str) -> int:
        return max(0, self._summary.published[kind] - self._summary.sent.not_sent)

    def latency(self) -> Latency:
        if self._network is not None and self._network.took is not None:
            return self._network.took
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
