"""Micro-trips: cut from the cycles, chained so that they cover a route to the metre."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from jinqiao.simulator.draws import Dice
from jinqiao.simulator.microtrips import SCALE_HIGH, SCALE_LOW, cut, microtrips
from jinqiao.simulator.roads import RoadClass, jinqiao
from jinqiao.simulator.routes import RouteBook
from jinqiao.vehicles.cycles import CYCLES, load_cycle


@pytest.fixture(scope="module")
def trips():
    return microtrips()


@pytest.fixture(scope="module")
def book():
    return RouteBook(jinqiao())


def distance_m(trips, leg):
    speeds = trips.trace_mps[leg.start : leg.start + leg.seconds + 1].astype(float) * leg.scale
    return float((speeds[:-1] + speeds[1:]).sum() / 2)


def plan(trips, book, route, dice):
    """The legs of a trip whose car does exactly what is asked."""
    legs, metres, entry = [], 0.0, route.first
    while route.length_m - metres > 0.05:
        while entry < route.last and book.start_m[entry + 1] <= metres:
            entry += 1
        stretch_m = float(book.stretch_end_m[entry]) - metres
        legs.append(trips.next_leg(route.length_m - metres, stretch_m, book.road_class(entry), dice))
        metres += legs[-1].distance_m
    return legs


def test_cutting_a_hand_made_trace():
    first, second = cut(np.array([0, 0, 36, 36, 0, 0, 0, 18, 0], dtype=np.float32), offset=100)
    assert (first.start, first.moving_s, first.waiting_s) == (101, 3, 2)
    assert (first.distance_m, first.max_kmh) == (20.0, 36.0)
    assert first.mean_kmh == pytest.approx(24.0)
    assert (second.start, second.moving_s, second.waiting_s, second.distance_m) == (106, 2, 0, 5.0)


@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_as_legs_is_the_whole_cycle(trips, name):
    cycle, legs = load_cycle(name), trips.cycle_legs[name]
    assert sum(leg.seconds for leg in legs) == cycle.duration_s
    assert all(a.start + a.seconds == b.start for a, b in pairwise(legs))
    begin = legs[0].start
    assert trips.trace_mps[begin : begin + cycle.duration_s + 1] * 3.6 == pytest.approx(cycle.speed_kmh, abs=1e-4)
    assert sum(leg.distance_m for leg in legs) == pytest.approx(cycle.distance_m, rel=1e-5)


def test_every_micro_trip_goes_from_standstill_to_standstill(trips):
    for piece in trips.all:
        speeds = trips.trace_mps[piece.start : piece.start + piece.moving_s + 1]
        assert speeds[0] == speeds[-1] == 0
        assert (speeds[1:-1] > 0).all()


def test_faster_roads_have_faster_micro_trips(trips):
    means = [np.mean([piece.max_kmh for piece in pieces]) for pieces in trips.by_class]
    assert means == sorted(means)
    assert all(len(pieces) >= 5 for pieces in trips.by_class)
    assert max(piece.max_kmh for piece in trips.by_class[RoadClass.LOCAL]) <= 50


def test_the_legs_of_a_trip_cover_its_route_to_the_metre(trips, book):
    random, dice = Random(11), Dice(11)
    for _ in range(200):
        origin, destination = random.sample(range(book.graph.nodes), 2)
        route = book.route(origin, destination)
        legs = plan(trips, book, route, dice)
        assert sum(distance_m(trips, leg) for leg in legs) == pytest.approx(route.length_m, abs=0.5)
        assert all(trips.trace_mps[[leg.start, leg.start + leg.seconds]].max() == 0 for leg in legs)
        assert all(leg.scale <= SCALE_HIGH + 1e-9 for leg in legs)
        assert all(leg.scale >= SCALE_LOW - 1e-9 for leg in legs[:-1])


def test_trips_are_about_as_quick_as_the_graph_expects(trips, book):
    random, dice = Random(2), Dice(2)
    planned = expected = 0.0
    for _ in range(200):
        origin, destination = random.sample(range(book.graph.nodes), 2)
        planned += sum(leg.seconds for leg in plan(trips, book, book.route(origin, destination), dice))
        expected += book.seconds(origin)[destination]
    assert planned == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize("remaining_m", [0.3, 3.0, 20.0, 36.0, 180.0])
def test_a_short_rest_is_one_slow_leg(trips, remaining_m):
    for road_class in RoadClass:
        leg = trips.next_leg(remaining_m, remaining_m, road_class, Dice(1))
        assert distance_m(trips, leg) == pytest.approx(remaining_m, rel=1e-4)
        assert leg.scale <= SCALE_HIGH


def test_the_expressway_is_driven_fast_and_the_lane_slowly(trips):
    fast = trips.next_leg(12_000.0, 9_000.0, RoadClass.EXPRESSWAY, Dice(1))
    slow = trips.next_leg(12_000.0, 900.0, RoadClass.LOCAL, Dice(1))
    top = [trips.trace_mps[leg.start : leg.start + leg.seconds].max() * 3.6 for leg in (fast, slow)]
    assert top[0] > 80
    assert top[1] < 52
