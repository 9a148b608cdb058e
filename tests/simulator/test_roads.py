"""The road graph and the book of routes."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest

from jinqiao.simulator.roads import PlaceKind, RoadClass, bearing_deg, great_circle_m, jinqiao
from jinqiao.simulator.routes import RouteBook


@pytest.fixture(scope="module")
def graph():
    return jinqiao()


@pytest.fixture
def book(graph):
    return RouteBook(graph)


def nodes_of(book, route):
    return [book.node_behind(entry) for entry in range(route.first, route.last + 2)]


def test_it_covers_twelve_kilometres_around_jinqiao(graph):
    assert 300 <= graph.nodes <= 600
    middle = graph.nearest(121.5957, 31.2497)
    assert (graph.lon_deg[middle], graph.lat_deg[middle]) == pytest.approx((121.5957, 31.2497), abs=1e-9)
    width_m = great_circle_m(graph.lon_deg.min(), 31.25, graph.lon_deg.max(), 31.25)
    height_m = great_circle_m(121.6, graph.lat_deg.min(), 121.6, graph.lat_deg.max())
    assert width_m == pytest.approx(12_000, rel=0.05)
    assert height_m == pytest.approx(12_000, rel=0.05)
    assert np.ptp(graph.altitude_m) < 10


def test_it_is_the_same_every_time(graph):
    jinqiao.cache_clear()
    again = jinqiao()
    assert again is not graph
    for name in ("lon_deg", "lat_deg", "place", "tail", "head", "length_m"):
        assert np.array_equal(getattr(again, name), getattr(graph, name))


def test_edges_are_straight_and_go_both_ways(graph):
    ends = graph.lon_deg[graph.tail], graph.lat_deg[graph.tail], graph.lon_deg[graph.head], graph.lat_deg[graph.head]
    assert graph.length_m == pytest.approx(great_circle_m(*ends))
    ways = set(zip(graph.tail.tolist(), graph.head.tolist(), graph.road_class.tolist(), strict=True))
    assert all((head, tail, road_class) in ways for tail, head, road_class in ways)
    assert len(ways) == graph.edges
    assert all(graph.edge(tail, head) == number for number, (tail, head, _) in enumerate(sorted(ways)))


def test_every_class_of_road_and_kind_of_place_is_there(graph):
    assert set(graph.road_class.tolist()) == set(RoadClass)
    assert set(graph.place.tolist()) == set(PlaceKind)
    assert len(graph.places(PlaceKind.HOME)) > len(graph.places(PlaceKind.WORK)) > len(graph.places(PlaceKind.STATION))


def test_every_node_can_be_reached_from_every_other(graph):
    for origin in (0, graph.nodes // 2, graph.nodes - 1):
        assert np.isfinite(graph.predecessors(origin)[0]).all()


@pytest.mark.parametrize(("to", "course"), [((0, 1), 0), ((1, 0), 90), ((0, -1), 180), ((-1, 0), 270)])
def test_bearing(to, course):
    assert bearing_deg(np.array(0.0), np.array(0.0), *np.array(to, dtype=float)) == pytest.approx(course)


def test_a_route_is_a_walk_along_edges_and_as_quick_as_dijkstra_says(graph, book):
    random = Random(3)
    for _ in range(50):
        origin, destination = random.sample(range(graph.nodes), 2)
        route = book.route(origin, destination)
        nodes = nodes_of(book, route)
        assert (nodes[0], nodes[-1]) == (origin, destination)
        edges = [graph.edge(*step) for step in pairwise(nodes)]
        assert graph.travel_s[edges].sum() == pytest.approx(book.seconds(origin)[destination])
        assert graph.length_m[edges].sum() == pytest.approx(route.length_m)
        assert book.metres(origin)[destination] == pytest.approx(route.length_m)
        assert np.diff(book.start_m[route.first : route.last + 2]) == pytest.approx(graph.length_m[edges])


def test_a_route_is_stored_once_and_survives_the_growth_of_the_book(graph, book):
    first = book.route(0, 200)
    before = nodes_of(book, first)
    entries = len(book.edge)
    assert book.route(0, 200) is first
    for destination in range(1, graph.nodes):
        book.route(5, destination) if destination != 5 else None
    assert len(book.edge) > entries
    assert nodes_of(book, first) == before


def test_a_stretch_ends_where_the_road_becomes_slower(graph, book):
    route = book.route(0, graph.nodes - 1)
    entries = range(route.first, route.last + 1)
    classes = [book.road_class(entry) for entry in entries]
    assert len(set(classes)) > 1
    for entry in entries:
        end_m = book.stretch_end_m[entry]
        inside = [
            c for e, c in zip(entries, classes, strict=True) if book.start_m[entry] <= book.start_m[e] < end_m - 1
        ]
        after = [c for e, c in zip(entries, classes, strict=True) if abs(book.start_m[e] - end_m) < 1]
        assert min(inside) >= book.road_class(entry)
        assert all(c < book.road_class(entry) for c in after)


def test_a_tour_comes_back(graph, book):
    for origin in range(0, graph.nodes, 40):
        tour = book.tour(origin)
        nodes = nodes_of(book, tour)
        assert tour.closed
        assert nodes[0] == nodes[-1] == origin
        assert 4_000 < tour.length_m < 30_000


def test_no_way_at_all_has_no_length(book):
    assert book.route(7, 7).length_m == 0


def test_node_along_a_route(book):
    route = book.route(0, 300)
    nodes = nodes_of(book, route)
    assert book.node_along(0, 300, 0.0) == 0
    assert book.node_along(0, 300, 0.999) == nodes[-2]
    assert book.node_along(0, 300, 0.5) in nodes[1:-1]
