"""Charging stations: who waits at which connector, and how a site's power is shared among those who charge.

Queues are SimPy's, one per station and kind of connector, first come, first served. Power is arrays: one row per
vehicle, one column per site, so that 100,000 sessions are shared out in one step. Each town has the scenario's stations
for itself, grown with the number of its vehicles.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import simpy
from numpy.typing import NDArray

from .cities import Carrier
from .roads import RoadGraph
from .routes import RouteBook

if TYPE_CHECKING:
    from fractions import Fraction

    from .census import TownRows
    from .scenario import StationSpec

__all__ = ["ChargerKind", "Chargers", "Connector", "Station"]

Rows = NDArray[np.intp]
ChargerKind = Literal["ac", "dc"]

#: What a driver expects one car ahead of him to take, s: the mean session of 49.3 min of the China charging alliance's
#: 2022 white paper.
EXPECTED_SESSION_S = 49.3 * 60.0
#: What a driver expects to wait where there is no power: longer than anywhere else (apps show such stations as closed).
CLOSED_S = 6 * 3600.0


class Connector(NamedTuple):
    """One plug; the order is that in which free ones are given out, strongest first."""

    minus_power_kw: float
    number: int

    @property
    def power_kw(self) -> float:
        return -self.minus_power_kw


class Station:
    """A public site at a node of the road graph: one queue per kind of connector.

    It has `growth` times the connectors that the scenario writes, rounded up, and as many times its power.
    """

    def __init__(self, env: simpy.Environment, spec: StationSpec, site: int, node: int, growth: Fraction) -> None:
        self.name = spec.name
        self.site = site
        self.node = node
        self.limit_kw = np.inf if spec.site_limit_kw is None else spec.site_limit_kw * float(growth)
        self.growth = float(growth)
        #: What is out of order: limits that faults have set, kW (0: no power), broken connectors, …
        self.limits_kw: list[float] = []
        self.broken: list[tuple[ChargerKind, Connector]] = []
        #: … and connectors that nobody gets until that is over. Of all others who has them.
        self._held: list[tuple[ChargerKind, Connector]] = []
        self._taken: dict[tuple[ChargerKind, Connector], int] = {}
        self.queues: dict[ChargerKind, simpy.PriorityStore] = {}
        self.connectors: dict[ChargerKind, int] = {}
        #: What each connector delivers at most, kW, strongest first.
        self.powers_kw: dict[ChargerKind, list[float]] = {}
        for connectors in spec.connectors:
            queue = self.queues.setdefault(connectors.kind, simpy.PriorityStore(env))
            first, count = self.connectors.get(connectors.kind, 0), math.ceil(connectors.count * growth)
            self.connectors[connectors.kind] = first + count
            queue.items.extend(Connector(-connectors.power_kw, first + number) for number in range(count))
            queue.items.sort()
            powers_kw = self.powers_kw.setdefault(connectors.kind, [])
            powers_kw += [connectors.power_kw] * count
            powers_kw.sort(reverse=True)

    def expected_wait_s(self, kind: ChargerKind) -> float:
        """What somebody who arrives now should expect to wait."""
        queue = self.queues[kind]
        if queue.items:
            return 0.0
        broken = sum(1 for of_kind, _ in self.broken if of_kind == kind) if self.broken else 0
        if self.closed or broken == self.connectors[kind]:
            return CLOSED_S
        return (len(queue.get_queue) + 1) * EXPECTED_SESSION_S / (self.connectors[kind] - broken)

    # Connectors.

    def took(self, kind: ChargerKind, connector: Connector, row: int) -> None:
        """A car has this connector, which it got from the queue."""
        self._taken[kind, connector] = row

    def give_back(self, kind: ChargerKind, connector: Connector) -> simpy.Event | None:
        """It needs it no longer; the event with which it is free, None where it is out of order."""
        del self._taken[kind, connector]
        if self.works(kind, connector):
            return self.queues[kind].put(connector)
        self._held.append((kind, connector))
        return None

    def works(self, kind: ChargerKind, connector: Connector) -> bool:
        """Whether power comes out of it."""
        return not (self.limits_kw or self.broken) or not (self.closed or (kind, connector) in self.broken)

    # What faults do.

    @property
    def closed(self) -> bool:
        """Whether it has no power at all."""
        return 0.0 in self.limits_kw

    @property
    def occupants(self) -> list[int]:
        """Whose its connectors are."""
        return sorted(self._taken.values())

    def breaks_next(self, kind: ChargerKind) -> tuple[Connector | None, int | None]:
        """Which connector of a kind breaks if one does, and whose it is: one in use, else the strongest free one."""
        taken = sorted((connector, row) for (of_kind, connector), row in self._taken.items() if of_kind == kind)
        sound = [(connector, row) for connector, row in taken if (kind, connector) not in self.broken]
        if sound:
            return sound[0]
        free = self.queues[kind].items if kind in self.queues else []
        return (min(free), None) if free else (None, None)

    def break_down(self, kind: ChargerKind) -> int | None:
        """A connector of this kind fails; whose it is."""
        connector, row = self.breaks_next(kind)
        if connector is not None:
            self.broken.append((kind, connector))
            self._withdraw()
        return row

    def repair(self, kind: ChargerKind) -> None:
        """The one that failed first works again."""
        for entry in self.broken:
            if entry[0] == kind:
                self.broken.remove(entry)
                break
        self._release()

    def limit(self, kw: float) -> None:
        """Its connectors together draw no more than this; 0: there is no power."""
        self.limits_kw.append(kw)
        self._withdraw()

    def unlimit(self, kw: float) -> None:
        """One such limit is over."""
        self.limits_kw.remove(kw)
        self._release()

    def _withdraw(self) -> None:
        """Free connectors that are out of order are not given out."""
        for kind, queue in self.queues.items():
            gone = [connector for connector in queue.items if not self.works(kind, connector)]
            self._held += [(kind, connector) for connector in gone]
            queue.items[:] = [connector for connector in queue.items if connector not in gone]

    def _release(self) -> None:
        """Those that work again are."""
        free = [entry for entry in self._held if self.works(*entry)]
        self._held = [entry for entry in self._held if entry not in free]
        for kind, connector in free:
            self.queues[kind].put(connector)


class Chargers:
    """All charging there is: the public stations of every town, and private sockets without a limit (site 0).

    `site` (int16, if that suffices) and `connector_kw` (float32), shape (n,), say what each plugged vehicle hangs on.
    `towns` has the stations of each town, in the order of `stations`, which holds them all.
    """

    def __init__(
        self, env: simpy.Environment, specs: Sequence[StationSpec], graph: RoadGraph, towns: Sequence[TownRows]
    ) -> None:
        nodes = [graph.nearest(spec.at[1], spec.at[0]) for spec in specs]
        self.towns = tuple(
            tuple(
                Station(env, spec, site, node, town.growth)
                for site, (spec, node) in enumerate(zip(specs, nodes, strict=True), start=1 + index * len(specs))
            )
            for index, town in enumerate(towns)
        )
        self.stations = tuple(station for stations in self.towns for station in stations)
        self._graph, self._places = graph, [town.place for town in towns]
        self.site_limit_kw = np.array([np.inf, *(station.limit_kw for station in self.stations)])
        self._first_rows = [town.rows.start for town in towns]
        vehicles = sum(map(len, towns))
        self.site = np.zeros(vehicles, dtype=np.int16 if len(self.site_limit_kw) < 1 << 15 else np.int32)
        self.connector_kw = np.zeros(vehicles, dtype=np.float32)

    def named(self, name: str, town: int | None = None) -> list[Station]:
        """The stations of this name: of the town with this place among those that run, or of all of them."""
        towns = self.towns if town is None else self.towns[town : town + 1]
        return [station for stations in towns for station in stations if station.name == name]

    def set_limits(self, station: Station) -> None:
        """What a site may draw has changed."""
        self.site_limit_kw[station.site] = min([station.limit_kw, *station.limits_kw])

    def position(self, station: Station) -> tuple[float, float]:
        """Where a station stands, WGS-84: longitude and latitude, degrees."""
        index = (station.site - 1) // max(len(self.stations) // len(self.towns), 1)
        longitude, latitude = self._graph.lon_deg[[station.node]], self._graph.lat_deg[[station.node]]
        Carrier(self._places, np.array([index])).carry(slice(0, 1), longitude, latitude)
        return float(longitude[0]), float(latitude[0])

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

    def having(self, kind: ChargerKind, row: int) -> tuple[ChargerKind, list[Station]]:
        """The stations in a vehicle's town with connectors of this kind; of the other kind where nobody has it."""
        other: ChargerKind = "ac" if kind == "dc" else "dc"
        there = self.towns[bisect_right(self._first_rows, row) - 1]
        stations = [station for station in there if kind in station.queues]
        return (kind, stations) if stations else (other, list(there))

    def soonest(self, book: RouteBook, row: int, node: int, kind: ChargerKind) -> tuple[Station, ChargerKind] | None:
        """The station of its town where a vehicle at `node` can charge soonest, by way and expected wait, and with
        which plug.

        A driver who stands at a station has made his choice before.
        """
        kind, stations = self.having(kind, row)
        if not stations:
            return None
        seconds = book.seconds(node)
        here = [station for station in stations if station.node == node and not station.closed]
        return min(here or stations, key=lambda s: float(seconds[s.node]) + s.expected_wait_s(kind)), kind
