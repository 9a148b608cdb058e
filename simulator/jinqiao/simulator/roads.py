"""The road graph around Jinqiao, Shanghai: where the fleets drive. WGS-84.

**The graph is synthetic.** It has the look of the district (a ring expressway with a cross, arterials every 1.8 km,
local streets between them, works in the north-east, homes in the west and south) and the real centre, 31.2497 N
121.5957 E, but no street of it exists. It is drawn from a seed of its own: every scenario drives on the same map.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from .quickest import QuickestWays, components

__all__ = ["MEAN_SPEED_MPS", "PlaceKind", "RoadClass", "RoadGraph", "bearing_deg", "great_circle_m", "jinqiao"]

#: Mean Earth radius, m (IUGG, R1).
EARTH_RADIUS_M = 6_371_008.8

CENTRE_LAT_DEG, CENTRE_LON_DEG = 31.2497, 121.5957
GRAPH_SEED = 20261122
NODES_A_SIDE = 21
SPACING_M = 600.0
JITTER_M = 110.0
ARTERIAL_EVERY = 3
#: Rows and columns of the grid that carry the ring, and the cross through its middle.
RING = (3, 18)
CROSS = 9
#: Share of the local streets that are not there, so that blocks differ.
MISSING_LOCAL = 0.14

F8 = NDArray[np.float64]


class RoadClass(IntEnum):
    """What a road is built for, slowest first."""

    LOCAL = 0
    URBAN = 1
    EXPRESSWAY = 2


class PlaceKind(IntEnum):
    """What one goes to a node for."""

    JUNCTION = 0
    HOME = 1
    WORK = 2
    SHOPS = 3
    STATION = 4


#: Mean travel speed by road class, stops included: near the phases of CLTC-P (GB/T 38146.1-2019) that stand for them.
MEAN_SPEED_MPS = np.array([22.0, 32.0, 58.0]) / 3.6


def great_circle_m(lon1_deg: F8, lat1_deg: F8, lon2_deg: F8, lat2_deg: F8) -> F8:
    """Distance over the sphere, m (haversine: exact for short ways, where the law of cosines loses digits)."""
    lon1, lat1, lon2, lat2 = (np.radians(a) for a in (lon1_deg, lat1_deg, lon2_deg, lat2_deg))
    h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
    return np.asarray(2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(h)))


def bearing_deg(lon1_deg: F8, lat1_deg: F8, lon2_deg: F8, lat2_deg: F8) -> F8:
    """Initial course from the first point to the second, degrees clockwise from north, 0 ≤ course < 360."""
    lon1, lat1, lon2, lat2 = (np.radians(a) for a in (lon1_deg, lat1_deg, lon2_deg, lat2_deg))
    east = np.sin(lon2 - lon1) * np.cos(lat2)
    north = np.cos(lat1) * np.sin(lat2) - np.sin(lat1) * np.cos(lat2) * np.cos(lon2 - lon1)
    return np.asarray(np.degrees(np.arctan2(east, north)) % 360.0)


@dataclass(frozen=True, eq=False)
class RoadGraph:
    """N nodes and E directed edges (each road is there both ways), straight between their nodes.

    `lon_deg lat_deg altitude_m` and `place` (of PlaceKind) have shape (N,); `tail head road_class length_m heading_deg`
    shape (E,). Edges are sorted by (tail, head).
    """

    lon_deg: F8
    lat_deg: F8
    altitude_m: F8
    place: NDArray[np.uint8]
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    road_class: NDArray[np.uint8]
    length_m: F8
    heading_deg: F8

    @property
    def nodes(self) -> int:
        return len(self.lon_deg)

    @property
    def edges(self) -> int:
        return len(self.tail)

    @property
    def travel_s(self) -> F8:
        """Expected seconds along each edge, shape (E,)."""
        return np.asarray(self.length_m / MEAN_SPEED_MPS[self.road_class])

    def places(self, *kinds: PlaceKind) -> NDArray[np.int32]:
        """The nodes of these kinds, rising."""
        return np.flatnonzero(np.isin(self.place, kinds)).astype(np.int32)

    def nearest(self, lon_deg: float, lat_deg: float, kinds: tuple[PlaceKind, ...] = ()) -> int:
        """The node nearest to a position, among all nodes or those of some kinds."""
        among = self.places(*kinds) if kinds else np.arange(self.nodes, dtype=np.int32)
        here = np.array([lon_deg]), np.array([lat_deg])
        return int(among[np.argmin(great_circle_m(*here, self.lon_deg[among], self.lat_deg[among]))])

    def edge(self, tail: int, head: int) -> int:
        """The edge from one node to its neighbour."""
        first, last = np.searchsorted(self.tail, [tail, tail + 1])
        return int(first + np.searchsorted(self.head[first:last], head))

    def predecessors(self, origin: int) -> tuple[F8, NDArray[np.int32]]:
        """Quickest ways from `origin`: seconds to each node and the node before it, both shape (N,)."""
        return self._ways.from_node(origin)

    @cached_property
    def _ways(self) -> QuickestWays:
        return QuickestWays(self.nodes, self.tail, self.head, self.travel_s)


@cache
def jinqiao() -> RoadGraph:
    """The map of place `jinqiao`: about 440 nodes and 1,500 directed edges on 12 × 12 km."""
    random = np.random.default_rng(GRAPH_SEED)
    side = NODES_A_SIDE
    row, column = (axis.ravel() for axis in np.mgrid[0:side, 0:side])
    lon, lat = _scatter(row, column, random)
    tail, head, road_class = _streets(row, column, random)
    used = np.zeros(side * side, dtype=bool)
    used[tail] = used[head] = True
    number = np.cumsum(used) - 1
    row, column, lon, lat = row[used], column[used], lon[used], lat[used]
    both_tail = np.concatenate([number[tail], number[head]]).astype(np.int32)
    both_head = np.concatenate([number[head], number[tail]]).astype(np.int32)
    order = np.lexsort((both_head, both_tail))
    both_tail, both_head = both_tail[order], both_head[order]
    ends = lon[both_tail], lat[both_tail], lon[both_head], lat[both_head]
    road_class = np.concatenate([road_class, road_class])[order]
    return RoadGraph(
        lon_deg=lon,
        lat_deg=lat,
        # Pudong is a plain some metres above the sea: swells of a kilometre or so, nothing a car would feel.
        altitude_m=4.5 + 1.2 * np.sin(row / 3.1) + 0.9 * np.cos(column / 2.3),
        place=_places(row, column, _junctions(both_tail, road_class, len(lon)), random),
        tail=both_tail,
        head=both_head,
        road_class=road_class,
        length_m=great_circle_m(*ends),
        heading_deg=bearing_deg(*ends),
    )


def _scatter(row: NDArray[np.intp], column: NDArray[np.intp], random: np.random.Generator) -> tuple[F8, F8]:
    """Longitude and latitude of a shaken grid around the centre; the middle node is the centre itself."""
    middle = (NODES_A_SIDE - 1) / 2
    shake = random.uniform(-JITTER_M, JITTER_M, (2, len(row)))
    shake[:, (row == middle) & (column == middle)] = 0.0
    north_m = (row - middle) * SPACING_M + shake[0]
    east_m = (column - middle) * SPACING_M + shake[1]
    metres_a_degree = np.pi / 180.0 * EARTH_RADIUS_M
    lat = CENTRE_LAT_DEG + north_m / metres_a_degree
    lon = CENTRE_LON_DEG + east_m / (metres_a_degree * np.cos(np.radians(CENTRE_LAT_DEG)))
    return lon, lat


def _streets(
    row: NDArray[np.intp], column: NDArray[np.intp], random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint8]]:
    """Undirected edges of the grid, (tail, head, class), without the missing ones; one connected piece."""
    side = NODES_A_SIDE
    index = np.arange(side * side)
    right, up = index[column < side - 1], index[row < side - 1]
    tail = np.concatenate([right, up])
    head = np.concatenate([right + 1, up + side])
    # The line an edge runs along (its row or column), and where along that line it begins.
    line = np.concatenate([row[right], column[up]])
    along = np.concatenate([column[right], row[up]])
    low, high = RING
    on_ring = np.isin(line, RING) & (along >= low) & (along < high)
    on_cross = line == CROSS
    road_class = np.where(line % ARTERIAL_EVERY == 0, RoadClass.URBAN, RoadClass.LOCAL).astype(np.uint8)
    road_class[on_ring | on_cross] = RoadClass.EXPRESSWAY
    local = road_class == RoadClass.LOCAL
    # An expressway is entered from arterials only: local streets end before it.
    fast = np.zeros(side * side, dtype=bool)
    fast[tail[~local & (road_class == RoadClass.EXPRESSWAY)]] = True
    fast[head[~local & (road_class == RoadClass.EXPRESSWAY)]] = True
    keep = ~local | (~fast[tail] & ~fast[head] & (random.random(len(tail)) >= MISSING_LOCAL))
    piece = components(side * side, tail[keep], head[keep])
    keep &= piece[tail] == np.bincount(piece).argmax()
    return tail[keep], head[keep], road_class[keep]


def _junctions(tail: NDArray[np.int32], road_class: NDArray[np.uint8], nodes: int) -> NDArray[np.bool_]:
    """Nodes with an expressway: nobody lives there."""
    return np.bincount(tail[road_class == RoadClass.EXPRESSWAY], minlength=nodes) > 0


def _places(
    row: NDArray[np.intp], column: NDArray[np.intp], junction: NDArray[np.bool_], random: np.random.Generator
) -> NDArray[np.uint8]:
    """PlaceKind per node: works in the north-east, homes elsewhere, shops and railway stations sprinkled in."""
    middle = (NODES_A_SIDE - 1) / 2
    # -1 in the south-west corner, +1 in the north-east one: how industrial a node is.
    industry = ((row - middle) + (column - middle)) / (2 * middle)
    dice = random.random(len(row))
    place = np.where(dice < np.clip(0.22 + 0.45 * industry, 0.05, 0.8), PlaceKind.WORK, PlaceKind.HOME)
    place[dice > 0.86] = PlaceKind.SHOPS
    place[dice > 0.97] = PlaceKind.STATION
    place[junction] = PlaceKind.JUNCTION
    return place.astype(np.uint8)
