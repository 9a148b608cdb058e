"""Speed over time, cut from the legal drive cycles: a drive is a chain of micro-trips, standstill to standstill.

Micro-trip chaining is how drive cycles themselves are made from recorded traffic (GB/T 38146.1-2019 and UN GTR 15 both
were); here the chain follows the road classes of a route and is scaled so that it covers exactly the route's length.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.vehicles.cycles import CYCLES, load_cycle

from .draws import Dice
from .roads import RoadClass

__all__ = ["Leg", "MicroTrip", "MicroTrips", "cut", "joined", "microtrips"]

#: The cycles that trips are made of: recorded or recorded-like traffic. NEDC is a drawing, HWFET one single piece of
#: 16 km, FTP-75 is UDDS again; they are driven by the `cycle` agenda only.
TRAFFIC_CYCLES = ("CLTC-P", "WLTC", "UDDS", "US06")

#: A micro-trip belongs to the first class whose (maximum, mean) speed in km/h it does not exceed.
CLASS_CEILINGS_KMH = (
    (RoadClass.LOCAL, 50.0, 35.0),
    (RoadClass.URBAN, 85.0, 50.0),
    (RoadClass.EXPRESSWAY, 140.0, 110.0),
)

#: Speeds of a micro-trip may be scaled within these bounds and still look like traffic on its class of road.
SCALE_LOW, SCALE_HIGH = 0.8, 1.15

#: A slower class is chosen where a stretch is too short for its own class, but not for less than this, m.
SHORT_STRETCH_M = 600.0

#: The longest wait at a red light that is kept between two micro-trips, s; cycles also hold the wait before the start.
LONGEST_WAIT_S = 60


class MicroTrip(NamedTuple):
    """`moving_s` seconds from standstill to standstill, then `waiting_s` at rest, from sample `start` of the trace."""

    distance_m: float
    start: int
    moving_s: int
    waiting_s: int
    mean_kmh: float
    max_kmh: float


class Leg(NamedTuple):
    """What a vehicle is to do: follow `seconds` samples after sample `start` of the trace, speeds × `scale`."""

    start: int
    seconds: int
    scale: float
    distance_m: float


def cut(speed_kmh: NDArray[np.float32], offset: int = 0) -> list[MicroTrip]:
    """The micro-trips of a 1 Hz speed trace that begins and ends at standstill; `offset` is added to each start."""
    speed = np.asarray(speed_kmh, dtype=np.float64)
    resting = speed <= 0.0
    begins = np.flatnonzero(resting[:-1] & ~resting[1:])
    ends = np.flatnonzero(~resting[:-1] & resting[1:]) + 1
    restarts = np.append(begins[1:], len(speed) - 1)
    pieces = []
    for begin, end, restart in zip(begins.tolist(), ends.tolist(), restarts.tolist(), strict=True):
        metres = float((speed[begin:end] + speed[begin + 1 : end + 1]).sum() / 2.0 / 3.6)
        seconds, fastest = end - begin, float(speed[begin:end].max())
        pieces.append(MicroTrip(metres, offset + begin, seconds, restart - end, metres / seconds * 3.6, fastest))
    return pieces


def _class_of(piece: MicroTrip) -> RoadClass:
    for road_class, max_kmh, mean_kmh in CLASS_CEILINGS_KMH:
        if piece.max_kmh <= max_kmh and piece.mean_kmh <= mean_kmh:
            return road_class
    return RoadClass.EXPRESSWAY


class MicroTrips:
    """All shipped cycles as one flat trace, `trace_mps` (float32, 1 Hz), and the micro-trips in it.

    `by_class[c]` holds the micro-trips of road class c, shortest first; `cycle_legs[name]` one whole cycle as legs.
    """

    def __init__(self) -> None:
        traces, offset = [], 0
        traffic: dict[float, MicroTrip] = {}
        self.cycle_legs: dict[str, tuple[Leg, ...]] = {}
        for name in CYCLES:
            speed_kmh = load_cycle(name).speed_kmh
            pieces = cut(speed_kmh, offset)
            self.cycle_legs[name] = _whole_cycle(pieces, offset)
            if name in TRAFFIC_CYCLES:
                traffic |= {piece.distance_m: piece for piece in pieces}
            traces.append(speed_kmh)
            offset += len(speed_kmh)
        self.trace_mps = (np.concatenate(traces) / np.float32(3.6)).astype(np.float32)
        self.all = tuple(traffic[metres] for metres in sorted(traffic))
        self.by_class = tuple(tuple(p for p in self.all if _class_of(p) == c) for c in RoadClass)
        self._distances = tuple([p.distance_m for p in pieces] for pieces in self.by_class)
        self._all_distances = [p.distance_m for p in self.all]

    def next_leg(self, remaining_m: float, stretch_m: float, road_class: int, dice: Dice) -> Leg:
        """The next piece of a trip with `remaining_m` to go, `stretch_m` of them on roads of at least this class.

        A leg either covers exactly what remains, or leaves enough for another. What is too short for any micro-trip is
        covered by one with its speeds scaled further down.
        """
        if stretch_m >= remaining_m - 1.0:
            last = self._last_leg(remaining_m, road_class, dice)
            if last is not None:
                return last
        spare_m = remaining_m - self.all[0].distance_m
        for slower in range(road_class, -1, -1):
            room_m = stretch_m if slower == road_class else max(stretch_m, SHORT_STRETCH_M)
            fitting = bisect_right(self._distances[slower], min(room_m, spare_m) / SCALE_HIGH)
            if fitting:
                # The square root favours the longer ones: traffic does not stop more often than it must.
                piece = self.by_class[slower][int(fitting * dice.share() ** 0.5)]
                scale = dice.uniform(SCALE_LOW, SCALE_HIGH)
                return Leg(
                    piece.start, piece.moving_s + min(piece.waiting_s, LONGEST_WAIT_S), scale, piece.distance_m * scale
                )
        return self._last_leg(remaining_m, road_class, dice) or self._shortened(remaining_m)

    def _last_leg(self, remaining_m: float, road_class: int, dice: Dice) -> Leg | None:
        for slower in range(road_class, -1, -1):
            distances = self._distances[slower]
            low = bisect_left(distances, remaining_m / SCALE_HIGH)
            high = bisect_right(distances, remaining_m / SCALE_LOW)
            if low < high:
                piece = self.by_class[slower][dice.integer(low, high)]
                return Leg(piece.start, piece.moving_s, remaining_m / piece.distance_m, remaining_m)
        return None

    def _shortened(self, remaining_m: float) -> Leg:
        number = min(bisect_left(self._all_distances, remaining_m / SCALE_HIGH), len(self.all) - 1)
        piece = self.all[number]
        return Leg(piece.start, piece.moving_s, remaining_m / piece.distance_m, remaining_m)


def joined(legs: Sequence[Leg]) -> Sequence[Leg]:
    """Legs that follow each other sample by sample, as one: the same drive with one decision instead of many."""
    first = legs[0]
    seconds, metres = 0, 0.0
    for leg in legs:
        if leg.start != first.start + seconds or leg.scale != first.scale:
            return legs
        seconds += leg.seconds
        metres += leg.distance_m
    return (Leg(first.start, seconds, first.scale, metres),)


def _whole_cycle(pieces: list[MicroTrip], offset: int) -> tuple[Leg, ...]:
    """A cycle as legs that follow each other sample by sample; the first one holds the wait before the start."""
    lead_s = pieces[0].start - offset
    legs = [Leg(p.start, p.moving_s + p.waiting_s, 1.0, p.distance_m) for p in pieces]
    return (legs[0]._replace(start=offset, seconds=legs[0].seconds + lead_s), *legs[1:])


@cache
def microtrips() -> MicroTrips:
    """The micro-trips of the shipped cycles; read once per process."""
    return MicroTrips()
