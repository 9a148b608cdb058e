"""Places without a network: who drives into one loses it, who comes out has it again.

All places are looked at once a second, before the second is simulated. Where several towns run, each has these places
at the same spot of its map. A polygon is that of the plane of longitude and latitude, which is exact enough for places
of some kilometres.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Label

from .draws import event_dice
from .roads import great_circle_m

if TYPE_CHECKING:
    from .scenario.network import NetworkSpec
    from .world import World

__all__ = ["Areas", "Circle", "Place", "Polygon", "Tunnel"]

Rows = NDArray[np.intp]
F8 = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Place(Protocol):
    """Somewhere without a network."""

    def inside(self, world: World, rows: Rows, longitude: F8, latitude: F8) -> Flags:
        """Which of these vehicles are there, shape (m,); their positions are given, WGS-84, degrees."""


class Circle:
    """Everything within `radius_m` of a point, WGS-84."""

    def __init__(self, latitude: float, longitude: float, radius_m: float) -> None:
        self._lat, self._lon, self._radius_m = np.array([latitude]), np.array([longitude]), radius_m

    def inside(self, _world: World, _rows: Rows, longitude: F8, latitude: F8) -> Flags:
        inside: Flags = great_circle_m(longitude, latitude, self._lon, self._lat) <= self._radius_m
        return inside


class Polygon:
    """Rings of corners [longitude, latitude], each shape (k, 2): inside is what an odd number of rings surrounds."""

    def __init__(self, rings: Sequence[F8]) -> None:
        self._edges = [(ring, np.roll(ring, -1, axis=0)) for ring in rings]
        corners = np.concatenate(rings)
        self._low, self._high = corners.min(axis=0), corners.max(axis=0)

    def inside(self, _world: World, _rows: Rows, longitude: F8, latitude: F8) -> Flags:
        (west, south), (east, north) = self._low, self._high
        found: Flags = (longitude >= west) & (longitude <= east) & (latitude >= south) & (latitude <= north)
        near = np.flatnonzero(found)
        if len(near):
            found[near] = self._surrounds(longitude[near], latitude[near])
        return found

    def _surrounds(self, x: F8, y: F8) -> Flags:
        """By a ray to the east, corner by corner: it crosses an odd number of edges."""
        odd = np.zeros(len(x), np.bool_)
        for begins, ends in self._edges:
            for (x1, y1), (x2, y2) in zip(begins.tolist(), ends.tolist(), strict=True):
                if y1 != y2:
                    odd ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        return odd


class Tunnel:
    """Roads that run below ground: so many of the longest, drawn from the seed, in both directions."""

    def __init__(self, world: World, number: int, roads: int, seed: int) -> None:
        graph = world.town.graph
        one_way = np.flatnonzero(graph.tail < graph.head)
        dice = event_dice(seed, "tunnel", number)
        fast = one_way[graph.road_class[one_way] > 0]  # nobody digs for a local street
        order = np.argsort([dice.share() for _ in range(len(fast))], kind="stable")
        chosen = fast[order[:roads]]
        self._below = np.zeros(graph.edges + graph.nodes, np.bool_)
        self._below[chosen] = True
        for edge in chosen.tolist():
            self._below[graph.edge(int(graph.head[edge]), int(graph.tail[edge]))] = True

    def inside(self, world: World, rows: Rows, _longitude: F8, _latitude: F8) -> Flags:
        below: Flags = self._below[world.town.movement.edges(rows)]
        return below


class Areas:
    """The places of a scenario's outages; false where it has none. `specs` are all its entries about networks."""

    def __init__(self, world: World, specs: Sequence[NetworkSpec], seed: int) -> None:
        self._world = world
        self._places: list[tuple[Place, Rows, Flags, dict[str, Any]]] = []
        for number, spec in enumerate(specs):
            place = None if spec.outage is None else spec.outage.place(world, number, seed)
            if place is None or spec.outage is None:
                continue
            for town in world.towns:
                rows = spec.on.pick_in(
                    town,
                    world.fleet,
                    lambda rows, of=f"network {number}": world.draws.of(rows).words(of),  # type: ignore[misc]
                )
                self._places.append((place, rows, np.zeros(len(rows), np.bool_), spec.outage.parameters()))

    def __bool__(self) -> bool:
        return bool(self._places)

    def look(self, now_s: int) -> tuple[Label, ...]:
        """Who goes in and who comes out at this second; the labels of both."""
        world, labels = self._world, []
        for number, (place, rows, were, parameters) in enumerate(self._places):
            if not len(rows):
                continue
            longitude, latitude = world.town.movement.on_graph(rows)
            are = place.inside(world, rows, longitude, latitude)
            time_ms = world.town.start_ms + now_s * 1000
            left, entered = rows[were & ~are], rows[are & ~were]
            if len(left):
                world.coverage.regain(left)
                labels.append(Label(time_ms, "outage", "end", left.astype(np.int32), parameters))
            if len(entered):
                world.coverage.lose(entered)
                labels.append(Label(time_ms, "outage", "begin", entered.astype(np.int32), parameters))
            self._places[number] = (place, rows, are, parameters)
        return tuple(labels)
