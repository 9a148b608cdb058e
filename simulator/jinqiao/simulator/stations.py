"""Charging stations: who waits at which connector, and how a site's power is shared among those who charge.

Queues are SimPy's, one per station and kind of connector, first come, first served. Power is arrays: one row per
vehicle, one column per site, so that 100,000 sessions are shared out in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from .roads import RoadGraph
from .routes import RouteBook

if TYPE_CHECKING:
    from .scenario import StationSpec

__all__ = ["ChargerKind", "Chargers", "Connector", "Station"]

Rows = NDArray[np.intp]
ChargerKind = Literal["ac", "dc"]

#: What a driver expects one car ahead of him to take, s: the mean session of 49.3 min of the China charging alliance's
#: 2022 white paper.
EXPECTED_SESSION_S = 49.3 * 60.0


class Connector(NamedTuple):
    """One plug; the order is that in which free ones are given out, strongest first."""

    minus_power_kw: float
    number: int

    @property
    def power_kw(self) -> float:
        return -self.minus_power_kw


class Station:
    """A public site at a node of the road graph: one queue per kind of connector."""

    def __init__(self, env: simpy.Environment, spec: StationSpec, site: int, graph: RoadGraph) -> None:
        self.name = spec.name
        self.site = site
        lat, lon = spec.at
        self.node = graph.nearest(lon, lat)
        self.queues: dict[ChargerKind, simpy.PriorityStore] = {}
        self.connectors: dict[ChargerKind, int] = {}
        for connectors in spec.connectors:
            queue = self.queues.setdefault(connectors.kind, simpy.PriorityStore(env))
            first = self.connectors.get(connectors.kind, 0)
            self.connectors[connectors.kind] = first + connectors.count
            queue.items.extend(Connector(-connectors.power_kw, first + number) for number in range(connectors.count))
            queue.items.sort()

    def expected_wait_s(self, kind: ChargerKind) -> float:
        """What somebody who arrives now should expect to wait."""
        queue = self.queues[kind]
        if queue.items:
            return 0.0
        return (len(queue.get_queue) + 1) * EXPECTED_SESSION_S / self.connectors[kind]


class Chargers:
    """All charging there is: the public stations, and private sockets without a limit (site 0).

    `site` (int16) and `connector_kw` (float32), shape (n,), say what each plugged vehicle hangs on.
    """

    def __init__(self, env: simpy.Environment, specs: Sequence[StationSpec], graph: RoadGraph, vehicles: int) -> None:
        self.stations = tuple(Station(env, spec, site, graph) for site, spec in enumerate(specs, start=1))
        limits = [spec.site_limit_kw for spec in specs]
        self.site_limit_kw = np.array([np.inf, *(np.inf if limit is None else limit for limit in limits)])
        self.site = np.zeros(vehicles, dtype=np.int16)
        self.connector_kw = np.zeros(vehicles, dtype=np.float32)

    def plug(self, row: int, site: int, power_kw: float) -> None:
        self.site[row] = site
        self.connector_kw[row] = power_kw

    def share_kw(self, rows: Rows, acceptable_kw: NDArray[np.float32]) -> NDArray[np.float32]:
        """What each of these vehicles is offered, kW, shape (m,).

        A vehicle wants the smaller of what it accepts and what its connector gives; where the wishes of a site exceed
        its limit, all are cut by the same factor.
        """
        wanted_kw = np.minimum(acceptable_kw, self.connector_kw[rows])
        site = self.site[rows]
        demand_kw = np.bincount(site, weights=wanted_kw, minlength=len(self.site_limit_kw))
        factor = np.minimum(1.0, self.site_limit_kw / np.maximum(demand_kw, 1e-9)).astype(np.float32)
        return np.asarray(wanted_kw * factor[site])

    def having(self, kind: ChargerKind) -> tuple[ChargerKind, list[Station]]:
        """The stations with connectors of this kind; of the other kind where nobody has it."""
        other: ChargerKind = "ac" if kind == "dc" else "dc"
        stations = [station for station in self.stations if kind in station.queues]
        return (kind, stations) if stations else (other, list(self.stations))

    def soonest(self, book: RouteBook, node: int, kind: ChargerKind) -> tuple[Station, ChargerKind] | None:
        """The station where a driver at `node` can charge soonest, by way and expected wait, and with which plug.

        A driver who stands at a station has made his choice before.
        """
        kind, stations = self.having(kind)
        if not stations:
            return None
        seconds = book.seconds(node)
        here = [station for station in stations if station.node == node]
        return min(here or stations, key=lambda s: float(seconds[s.node]) + s.expected_wait_s(kind)), kind
