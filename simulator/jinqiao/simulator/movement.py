"""Where every vehicle is, and the step that moves those on their way: arrays in, arrays out, no loop over vehicles.

A driver follows a speed trace; the car drives as well as it can (`Fleet.drive`) and the metres it really made carry it
along its route. So odometer, speed and position are one motion, also where a car is too weak for what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .microtrips import Leg
from .routes import Route, RouteBook

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

    from .cities import Carrier

__all__ = ["Movement"]

Rows = NDArray[np.intp]
F8 = NDArray[np.float64]

#: A vehicle within this of its route's end has arrived: below what six decimals of a degree can show.
ARRIVED_M = 0.05
#: Courses are shown with one decimal; from here on that would be 360.0.
ROUNDED_TO_NORTH_DEG = 359.95


class Movement:
    """Routes and legs of n vehicles.

    `entry` is the place in the route book, `metres` the way since the route's start; `cursor` the sample of the trace
    that the vehicle has reached and `leg_end` the one where its leg ends, at standstill. `carrier` takes positions from
    the road graph to each vehicle's town; None where all live in the graph's.
    """

    def __init__(
        self, fleet: Fleet, book: RouteBook, trace_mps: NDArray[np.float32], carrier: Carrier | None = None
    ) -> None:
        self._fleet = fleet
        self._book = book
        self._carrier = carrier
        self._trace_mps = trace_mps
        self.entry = np.zeros(fleet.n, dtype=np.int32)
        self.metres = np.zeros(fleet.n)
        self._last = np.zeros(fleet.n, dtype=np.int32)
        #: First entry of a closed tour, which begins again; -1 on routes that end.
        self._again = np.full(fleet.n, -1, dtype=np.int32)
        self._cursor = np.zeros(fleet.n, dtype=np.int32)
        self._leg_end = np.zeros(fleet.n, dtype=np.int32)
        self._scale = np.ones(fleet.n, dtype=np.float32)

    def stand(self, rows: Rows | slice, nodes: NDArray[np.integer[Any]]) -> None:
        """Put vehicles at nodes, at rest."""
        self.entry[rows] = self._last[rows] = nodes
        self.metres[rows] = 0.0

    def begin_route(self, row: int, route: Route) -> None:
        """Send a vehicle, which stands at the route's start, along it."""
        self.entry[row] = route.first
        self._last[row] = route.last
        self._again[row] = route.first if route.closed else -1
        self.metres[row] = 0.0

    def begin_leg(self, row: int, leg: Leg, *, at_speed: bool = False) -> None:
        """Let a vehicle at rest follow a leg from its first sample on; `at_speed`: it already moves as that sample."""
        if at_speed:
            self._fleet.speed_mps[row] = self._trace_mps[leg.start] * leg.scale
        self._cursor[row] = leg.start
        self._leg_end[row] = leg.start + leg.seconds
        self._scale[row] = leg.scale

    def on_tour(self, row: int) -> bool:
        """Whether a vehicle is on a closed tour, which it may go on with."""
        return bool(self._again[row] >= 0)

    def remaining_m(self, row: int) -> float:
        """What is left of an open route; 0 when it is as good as done."""
        left = float(self._book.start_m[self._last[row] + 1] - self.metres[row])
        return left if left > ARRIVED_M else 0.0

    def road_ahead(self, row: int) -> tuple[int, float]:
        """The road class here, and for how many metres the road stays at least as fast."""
        entry = int(self.entry[row])
        stretch_m = float(self._book.stretch_end_m[entry]) - float(self.metres[row])
        return self._book.road_class(entry), stretch_m

    def step(self, rows: Rows, ambient_degc: float) -> None:
        """Move these vehicles (rising row numbers) by one second along their legs and routes."""
        everyone = len(rows) == self._fleet.n
        where: Rows | slice = slice(None) if everyone else rows
        cursor = np.minimum(self._cursor[where] + 1, self._leg_end[where])
        self._cursor[where] = cursor
        wanted_mps = self._trace_mps[cursor]
        wanted_mps *= self._scale[where]
        metres = self.metres[where] + self._fleet.drive(where, wanted_mps, ambient_degc)
        self.metres[where] = metres
        ends_m = self._book.start_m[self.entry[where] + 1]
        self._pass_nodes(rows[metres >= ends_m])

    def _pass_nodes(self, rows: Rows) -> None:
        """Carry vehicles that have come to the end of their edge over to the next; a route's end holds them."""
        start_m = self._book.start_m
        while len(rows):
            ending = self.entry[rows] >= self._last[rows]
            onward = rows[~ending]
            self.entry[onward] += 1
            rows = onward if len(onward) == len(rows) else np.append(onward, self._end_routes(rows[ending]))
            rows = rows[self.metres[rows] >= start_m[self.entry[rows] + 1]]

    def _end_routes(self, rows: Rows) -> Rows:
        """Hold these vehicles at their route's end, or begin a closed tour again; those that go on."""
        again, end_m = self._again[rows], self._book.start_m[self._last[rows] + 1]
        touring = again >= 0
        anew, held = rows[touring], ~touring
        self.metres[anew] -= end_m[touring]
        self.entry[anew] = again[touring]
        self.metres[rows[held]] = end_m[held]
        return anew

    def positions(self, rows: Rows | slice) -> dict[str, NDArray[np.generic]]:
        """`longitude latitude altitude heading` of these vehicles, in the signal table's units, WGS-84."""
        return self.positions_at(rows, self.entry[rows], self.metres[rows])

    def edges(self, rows: Rows) -> NDArray[np.int32]:
        """The edge of the road graph on which each of these vehicles is; edges of nodes, where it stands, come last."""
        return self._book.edge[self.entry[rows]]

    def on_graph(self, rows: Rows) -> tuple[F8, F8]:
        """Longitude and latitude of these vehicles on the road graph, which is that of every town."""
        entry = self.entry[rows]
        metres = self.metres[rows] - self._book.start_m[entry]
        edge = self._book.edge[entry]
        line = [column.take(edge) for column in self._book.line[:4]]
        return line[0] + metres * line[1], line[2] + metres * line[3]

    def positions_at(
        self, vehicles: NDArray[np.integer[Any]] | slice, entry: NDArray[np.int32], metres: F8
    ) -> dict[str, NDArray[np.generic]]:
        """The same where these vehicles were so many metres from the start of the routes of these entries."""
        metres = metres - self._book.start_m[entry]
        edge = self._book.edge[entry]
        # Column by column: rows of seven would be gathered whole and then walked over with strides.
        line = [column.take(edge) for column in self._book.line]
        longitude, latitude = line[0] + metres * line[1], line[2] + metres * line[3]
        if self._carrier is not None:
            self._carrier.carry(vehicles, longitude, latitude)
        return {
            "longitude": longitude,
            "latitude": latitude,
            "altitude": (line[4] + metres * line[5]).astype(np.float32),
            "heading": _course(line[6]),
        }


def _course(heading_deg: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Courses from 0 up to 359.9: what would be rounded to 360.0 is north, which is 0."""
    course = heading_deg.astype(np.float32)
    course[course >= ROUNDED_TO_NORTH_DEG] = 0.0
    return course
