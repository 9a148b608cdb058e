"""Routes through the road graph, each stored once for all vehicles that take it.

A route is a run of entries in flat arrays, one per edge, closed by one entry for its end. A vehicle on its way holds
the number of an entry and the metres it has come, nothing else.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .roads import RoadGraph, great_circle_m

__all__ = ["Route", "RouteBook", "beeline_m"]

#: How far the corners of a closed tour lie from its start, m: tours of about ten kilometres.
TOUR_SIDE_M = 2_400.0
METRES_A_DEGREE = 111_195.0


class Route(NamedTuple):
    """Entries `first` … `last` of the book; `closed` when its end is its start again."""

    first: int
    last: int
    length_m: float
    closed: bool = False


class RouteBook:
    """Quickest routes of one graph, found when first asked for.

    `edge start_m stretch_end_m` have one value per entry: the edge; metres from the route's start to that edge's start
    (so entry p ends at `start_m[p + 1]`); metres from the route's start to where the road first becomes slower than
    this edge's class. `line` has one column per edge, shape (7, E + N): longitude, its degrees per metre, latitude, its
    degrees per metre, altitude, its metres per metre, heading; columns from E on stand for the nodes, and entry v < N
    of every book is a vehicle standing at node v.
    """

    def __init__(self, graph: RoadGraph) -> None:
        self.graph = graph
        self.line = _lines(graph)
        self._edge_class = np.concatenate([graph.road_class, np.zeros(graph.nodes, dtype=np.uint8)])
        standing = np.arange(graph.nodes, dtype=np.int32)
        # One entry more than there are nodes, because the end of entry p is the start of entry p + 1.
        self._size = graph.nodes + 1
        self._edge = graph.edges + np.append(standing, 0).astype(np.int32)
        self._start_m = np.zeros(self._size)
        self._stretch_end_m = np.zeros(self._size, dtype=np.float32)
        self._routes: dict[tuple[int, int], Route] = {}
        self._trees: dict[int, tuple[NDArray[np.float64], NDArray[np.float64], list[int], list[int]]] = {}
        self._edge_key = graph.tail.astype(np.int64) * graph.nodes + graph.head

    @property
    def edge(self) -> NDArray[np.int32]:
        return self._edge

    @property
    def start_m(self) -> NDArray[np.float64]:
        return self._start_m

    @property
    def stretch_end_m(self) -> NDArray[np.float32]:
        return self._stretch_end_m

    def road_class(self, entry: int) -> int:
        """RoadClass of an entry's edge."""
        return int(self._edge_class[self._edge[entry]])

    def seconds(self, origin: int) -> NDArray[np.float64]:
        """Expected travel time from a node to every node, shape (N,)."""
        return self._tree(origin)[0]

    def metres(self, origin: int) -> NDArray[np.float64]:
        """Length of the quickest route from a node to every node, shape (N,)."""
        return self._tree(origin)[1]

    def route(self, origin: int, destination: int) -> Route:
        """The quickest route; of length 0 when it ends where it starts."""
        known = self._routes.get((origin, destination))
        if known is None:
            edges = self._edges(origin, destination)
            known = self._routes[origin, destination] = self._write(edges, destination, closed=False)
        return known

    def node_along(self, origin: int, destination: int, done: float) -> int:
        """The last node before the share `done` (0 … 1) of the route's metres; never its end."""
        route = self.route(origin, destination)
        starts_m = self._start_m[route.first : route.last + 1]
        return self.node_behind(route.first + int(np.searchsorted(starts_m, done * route.length_m, side="right")) - 1)

    def tour(self, origin: int) -> Route:
        """A closed way of about ten kilometres from a node over two others back to it."""
        known = self._routes.get((-1, origin))
        if known is None:
            edges: list[int] = []
            corners = [origin, *self._corners(origin), origin]
            for here, there in pairwise(corners):
                edges += self._edges(here, there)
            known = self._routes[-1, origin] = self._write(edges, origin, closed=True)
        return known

    def node_behind(self, entry: int) -> int:
        """The node where an entry's edge starts."""
        edge = int(self._edge[entry])
        return int(self.graph.tail[edge]) if edge < self.graph.edges else edge - self.graph.edges

    def _corners(self, origin: int) -> tuple[int, int]:
        """Two nodes that make a triangle with the origin, on its side of the map that is larger."""
        graph = self.graph
        lon, lat = float(graph.lon_deg[origin]), float(graph.lat_deg[origin])
        east = TOUR_SIDE_M / (METRES_A_DEGREE * np.cos(np.radians(lat)))
        north = TOUR_SIDE_M / METRES_A_DEGREE
        lon_side = lon + (east if lon < graph.lon_deg.mean() else -east)
        lat_side = lat + (north if lat < graph.lat_deg.mean() else -north)
        return graph.nearest(lon_side, lat), graph.nearest(lon_side, lat_side)

    def _tree(self, origin: int) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int], list[int]]:
        """Quickest ways from a node: seconds, metres, and for each node the node and the edge before it."""
        known = self._trees.get(origin)
        if known is None:
            seconds, before = self.graph.predecessors(origin)
            nodes = np.arange(self.graph.nodes)
            before[origin] = origin
            edge = np.searchsorted(self._edge_key, before.astype(np.int64) * self.graph.nodes + nodes)
            length_m = self.graph.length_m[np.minimum(edge, self.graph.edges - 1)]
            metres = np.zeros(self.graph.nodes)
            for node in np.argsort(seconds, kind="stable")[1:]:
                metres[node] = metres[before[node]] + length_m[node]
            known = self._trees[origin] = (seconds, metres, before.tolist(), edge.tolist())
        return known

    def _edges(self, origin: int, destination: int) -> list[int]:
        _, _, before, edge = self._tree(origin)
        backwards: list[int] = []
        node = destination
        while node != origin:
            backwards.append(edge[node])
            node = before[node]
        return backwards[::-1]

    def _write(self, edges: list[int], destination: int, *, closed: bool) -> Route:
        """Append one route and its closing entry to the book."""
        if not edges:
            return Route(destination, destination, 0.0)
        first, last = self._size, self._size + len(edges) - 1
        self._grow(last + 2)
        ends_m = np.cumsum(self.graph.length_m[edges])
        self._edge[first : last + 1] = edges
        self._edge[last + 1] = self.graph.edges + destination
        self._start_m[first] = 0.0
        self._start_m[first + 1 : last + 2] = ends_m
        self._stretch_end_m[first : last + 1] = _stretch_ends(self._edge_class[edges].tolist(), ends_m.tolist())
        self._stretch_end_m[last + 1] = ends_m[-1]
        self._size = last + 2
        return Route(first, last, float(ends_m[-1]), closed)

    def _grow(self, size: int) -> None:
        if size <= len(self._edge):
            return
        room = max(2 * len(self._edge), size, 4096)
        self._edge = np.concatenate([self._edge, np.zeros(room - len(self._edge), dtype=np.int32)])
        self._start_m = np.concatenate([self._start_m, np.zeros(room - len(self._start_m))])
        more = np.zeros(room - len(self._stretch_end_m), dtype=np.float32)
        self._stretch_end_m = np.concatenate([self._stretch_end_m, more])


def _stretch_ends(road_class: list[int], ends_m: list[float]) -> list[float]:
    """For each edge, where the run of edges that are at least as fast ends."""
    result = [0.0] * len(ends_m)
    for index in range(len(ends_m) - 1, -1, -1):
        reach = index
        while reach + 1 < len(ends_m) and road_class[reach + 1] >= road_class[index]:
            reach += 1
        result[index] = ends_m[reach]
    return result


def _lines(graph: RoadGraph) -> NDArray[np.float64]:
    """Position along each edge as a straight line over its metres; a node is a line that leads nowhere."""
    line = np.zeros((7, graph.edges + graph.nodes))
    for slot, at_node in ((0, graph.lon_deg), (2, graph.lat_deg), (4, graph.altitude_m)):
        line[slot, : graph.edges] = at_node[graph.tail]
        line[slot + 1, : graph.edges] = (at_node[graph.head] - at_node[graph.tail]) / graph.length_m
        line[slot, graph.edges :] = at_node
    line[6, : graph.edges] = graph.heading_deg
    # A car that has not driven yet looks along some road of its node: the first one.
    line[6, graph.edges :] = graph.heading_deg[np.searchsorted(graph.tail, np.arange(graph.nodes))]
    return line


def beeline_m(
    graph: RoadGraph, origin: NDArray[np.integer[Any]], destination: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """Distance as the crow flies between nodes, m."""
    ends = graph.lon_deg[origin], graph.lat_deg[origin], graph.lon_deg[destination], graph.lat_deg[destination]
    return great_circle_m(*ends)
