"""Outages in a world: by time they are faults, by place they follow the vehicles."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.telemetry import Label
from jinqiao.simulator.areas import Circle, Polygon
from jinqiao.simulator.coverage import Coverage
from jinqiao.simulator.roads import great_circle_m
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World

HEAD = """name: x
start: 2026-11-23T07:00+08:00
duration: 2 h
fleets:
  - {name: taxis, count: 12, vehicles: [bmw-i4-edrive40-2022], agenda: ride_hailing}
  - {name: commuters, count: 8, vehicles: [bmw-ix3-2021], agenda: commuter}
charging_stations:
  - {name: hub, at: [31.2497, 121.5957], connectors: [{kind: dc, power: 120 kW, count: 6}]}
network:
"""


def world(*entries: str, towns: int = 1) -> World:
    return World(parse_scenario(HEAD + "".join(f"  - {entry}\n" for entry in entries)), seed=7, towns=towns)


def labels(running: World, until_s: int, stretch: int = 1) -> list[tuple[int, str, list[int]]]:
    found: list[Label] = []
    while running.elapsed_s < until_s:
        found += running.advance(running.elapsed_s + stretch).labels
    start = running.scenario.start_ms
    return [((one.time_ms - start) // 1000, one.phase, one.vehicles.tolist()) for one in found if one.kind == "outage"]


def test_an_outage_by_time_is_a_fault_of_the_chosen() -> None:
    running = world("{on: 3 of taxis, outage: {at: 1 min, for: 2 min}}")
    (begin_s, begin, rows), (end_s, end, same) = labels(running, 300)
    assert (begin_s, begin, end_s, end) == (60, "begin", 180, "end")
    assert rows == same
    assert len(rows) == 3
    assert [(change.lost, change.rows.tolist()) for change in running.coverage.take_changes()] == [
        (True, rows),
        (False, rows),
    ]


def test_outages_that_meet_end_with_the_last() -> None:
    coverage = Coverage(3)
    coverage.lose(np.array([0, 1]))
    coverage.lose(np.array([1, 2]))
    coverage.regain(np.array([0, 1]))
    coverage.regain(np.array([1, 2]))
    changes = [(change.lost, change.rows.tolist()) for change in coverage.take_changes()]
    assert changes == [(True, [0, 1]), (True, [2]), (False, [0]), (False, [1, 2])]
    assert coverage.take_changes() == []


CIRCLE = "{on: taxis, outage: {inside: {center: [31.2497, 121.5957], radius: 2 km}}}"


def test_a_place_takes_who_enters_and_lets_go_who_leaves() -> None:
    running = world(CIRCLE)
    found = labels(running, 1200)
    inside: set[int] = set()
    for _, phase, rows in found:
        assert inside.isdisjoint(rows) if phase == "begin" else inside.issuperset(rows)
        inside = inside | set(rows) if phase == "begin" else inside - set(rows)
    assert any(phase == "end" for _, phase, _ in found)
    assert inside == set(np.flatnonzero(running.coverage.outages).tolist())
    # A second of the fastest road is 30 m: who is marked is in, or has just driven out.
    lon, lat = running.town.movement.on_graph(np.arange(12))
    away_m = great_circle_m(lon, lat, np.array([121.5957]), np.array([31.2497]))
    assert {row for row in range(12) if away_m[row] < 1970.0} <= inside
    assert inside <= {row for row in range(12) if away_m[row] < 2030.0}
    assert all(row < 12 for _, _, rows in found for row in rows)


def test_a_place_does_not_depend_on_the_stretch() -> None:
    assert labels(world(CIRCLE), 600, 60) == labels(world(CIRCLE), 600, 1)


def test_a_tunnel_is_on_the_roads_that_cars_drive() -> None:
    found = labels(world("{on: all, outage: {tunnel: 60}}"), 1800)
    begins = [when for when, phase, rows in found for _ in rows if phase == "begin"]
    ends = [when for when, phase, rows in found for _ in rows if phase == "end"]
    assert begins
    assert 0 <= len(begins) - len(ends) <= 20


def test_each_town_has_the_places_for_itself() -> None:
    found = labels(world(CIRCLE, towns=2), 900)
    rows = {row for _, phase, vehicles in found if phase == "begin" for row in vehicles}
    assert any(row < 20 for row in rows)
    assert any(row >= 20 for row in rows)


def _inside(place: Circle | Polygon, points: list[tuple[float, float]]) -> list[bool]:
    lon, lat = np.array(points).T
    found: list[bool] = place.inside(None, np.arange(len(points)), lon, lat).tolist()  # type: ignore[arg-type]
    return found


def test_a_polygon_has_holes_and_dents() -> None:
    square = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]], float)
    hole = np.array([[0.5, 0.5], [1, 0.5], [1, 1], [0.5, 1]], float)
    place = Polygon([square, hole])
    assert _inside(place, [(1.5, 0.5), (0.7, 0.7), (2, 3), (0.2, 3.0), (5, 1), (-1, 0)]) == [
        True, False, False, True, False, False,
    ]  # fmt: skip


def test_a_circle_is_measured_on_the_earth() -> None:
    place = Circle(31.0, 121.0, 1000.0)
    degree_m = 111_195.0
    assert _inside(place, [(121.0, 31.0 + 990 / degree_m), (121.0, 31.0 + 1010 / degree_m)]) == [True, False]
    east = np.cos(np.radians(31.0)) * degree_m
    assert _inside(place, [(121.0 + 990 / east, 31.0), (121.0 + 1010 / east, 31.0)]) == [True, False]


def test_a_world_without_places_looks_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    running = world("{on: all, profile: 4g-city}")
    monkeypatch.setattr(type(running._areas), "look", lambda *_: pytest.fail("looked"))
    running.advance(60)
