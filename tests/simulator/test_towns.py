"""Many towns in one world: each as if it were alone, at a place of its own, with stations of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.errors import InputError, ScenarioError
from jinqiao.simulator.check import Checker
from jinqiao.simulator.cities import CITIES, RING_M, place_of
from jinqiao.simulator.gcj02 import wgs84_to_gcj02
from jinqiao.simulator.roads import great_circle_m
from jinqiao.simulator.scenario import Scenario, load_scenario, parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.birth import MOST_TOWNS
from jinqiao.vehicles.vin import is_valid_vin

MORNING = Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml"

#: A town of 20 whose cars meet at two connectors, are asked for things and break.
TOWN = """
name: town
start: 2026-11-23T07:30+08:00
duration: 1 h
fleets:
  - name: taxis
    count: 12
    models: {bmw-i4-edrive40-2022: 1, bmw-ix3-2021: 1}
    agenda: ride_hailing
    initial_soc: uniform(0.1, 0.9)
    telemetry: {coordinates: gcj02, can: {vehicles: 1, buses: [powertrain]}}
  - name: vans
    count: 8
    models: {bmw-ix3-2021: 1}
    agenda: delivery
    initial_soc: uniform(0.2, 0.9)
charging_stations:
  - name: hub
    at: [31.2497, 121.5957]
    connectors: [{kind: dc, power: 120 kW, count: 2}]
    site_limit: 200 kW
commands:
  - {at: 30 s, on: 3 of taxis, service: HonkAndFlash}
  - {at: 40 s, on: any driving, set: {charging:ChargeLimit: 70}}
faults:
  - {between: [10 s, 110 s], on: any driving, fault: dtc, code: P0A80}
  - {at: 60 s, on: any, fault: can_bus_off, node: BMS, for: 5 s}
"""


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return parse_scenario(TOWN)


#: What the vehicles of a town said, by number in the town: batches, events, labels, CAN.
Said = dict[int, list[Any]]


def said(world: World, seconds: int = 120) -> list[Said]:
    """Of each town."""
    heard: list[Said] = [{row: [] for row in range(len(town))} for town in world.towns]
    mine = [
        (of_town, row)
        for of_town, rows in zip(heard, world.town_rows, strict=True)
        for row in range(rows.stop - rows.start)
    ]

    def hear(row: int, thing: Any) -> None:
        of_town, number = mine[row]
        of_town[number].append(thing)

    for of_town, rows in zip(heard, world.town_rows, strict=True):
        for number, vin in enumerate(world.fleet.vins[rows].tolist()):
            of_town[number].append(vin)
    while world.elapsed_s < seconds:
        step = world.advance()
        for batch in step.batches:
            table = zip(*(values.tolist() for values in batch.signals.values()), strict=True)
            times = np.broadcast_to(batch.time_ms, len(batch)).tolist()
            for time_ms, row, values in zip(times, batch.vehicles.tolist(), table, strict=True):
                hear(row, (time_ms, batch.group, values))
        for event in step.events:
            hear(event.vehicle, (event.time_ms, event.identifier, dict(event.output)))
        for label in step.labels:
            for row in label.vehicles.tolist():
                hear(row, (label.time_ms, label.kind, label.phase, dict(label.parameters)))
        for second in step.can:
            frames = iter(zip(second.offset_us.tolist(), second.id.tolist(), map(bytes, second.data), strict=True))
            for row, count in zip(second.vehicles.tolist(), second.counts.tolist(), strict=True):
                hear(row, (second.start_ms, second.bus, [next(frames) for _ in range(count)]))
    return heard


@pytest.fixture(scope="module")
def five(scenario: Scenario) -> list[Said]:
    """Of five towns of twenty."""
    return said(World(scenario, seed=3, towns=5))


# Towns never meet.


def test_the_first_of_many_towns_is_the_only_one_of_one(scenario: Scenario, five: list[Said]) -> None:
    (alone,) = said(World(scenario, seed=3))
    assert five[0] == alone


def test_a_town_does_not_depend_on_how_many_run_beside_it(scenario: Scenario, five: list[Said]) -> None:
    assert said(World(scenario, seed=3, towns=2)) == five[:2]


@pytest.mark.long
def test_a_town_runs_without_the_others(scenario: Scenario, five: list[Said]) -> None:
    """For a process that runs some towns of a larger run."""
    assert said(World(scenario, seed=3, towns=5, only=[3])) == [five[3]]
    assert said(World(scenario, seed=3, towns=5, only=[1, 4]), 30) == said(
        World(scenario, seed=3, towns=9, only=[1, 4]), 30
    )


@pytest.mark.long
def test_a_town_does_not_depend_on_how_large_the_others_are(scenario: Scenario, five: list[Said]) -> None:
    """41 vehicles are 21 and 20: the second town is the one that stood beside one of 20."""
    first, second = said(World(scenario, seed=3, towns=2, vehicles=41))
    assert len(first) == 21
    assert second == five[1]


def test_the_cars_of_one_town_are_not_those_of_another(five: list[Said]) -> None:
    """Each has driven another distance in its life; the third value of its core group."""
    odometers = [next(at for at in of_car if at[1] == "core")[2][2] for town in five for of_car in town.values()]
    assert len(set(odometers)) == 100


def test_each_town_has_the_commands_and_faults_of_the_file(scenario: Scenario) -> None:
    world = World(scenario, seed=3, towns=4)
    labels = []
    while world.elapsed_s < 120:
        labels += world.advance().labels
    lights, limit = (given.as_json() for given in world.commands_given)
    assert (lights["asked"], lights["matched"]) == (12, 12)
    assert limit["matched"] == 4
    code, silent = (fault.as_json() for fault in world.faults.of_file)
    assert (code["asked"], code["struck"], code["ended"]) == (4, 4, True)
    assert (silent["struck"], silent["ended"]) == (4, True)
    struck = [(label.time_ms, label.vehicles.tolist()) for label in labels if label.kind == "dtc"]
    assert len({time_ms for time_ms, _ in struck}) > 1  # each at a moment of its own
    assert sorted(row // 20 for _, rows in struck for row in rows) == [0, 1, 2, 3]
    assert len({row % 20 for _, rows in struck for row in rows}) > 1


# Rows and names.


def test_the_rows_of_a_town_stand_together_fleet_by_fleet(scenario: Scenario) -> None:
    world = World(scenario, seed=3, towns=3, vehicles=50)
    assert world.town_rows == [slice(0, 17), slice(17, 34), slice(34, 50)]
    assert world.town_names == ["Jinqiao", "Beijing", "Guangzhou"]
    assert [(name, rows.start, rows.stop) for name, rows, _ in world.fleets] == [
        ("taxis", 0, 10),
        ("vans", 10, 17),
        ("taxis", 17, 27),
        ("vans", 27, 34),
        ("taxis", 34, 44),
        ("vans", 44, 50),
    ]


@pytest.mark.long
def test_the_figures_of_the_fleets_are_those_of_the_towns(scenario: Scenario) -> None:
    world = World(scenario, seed=3, towns=3)
    while world.elapsed_s < 120:
        world.advance()
    fleets, towns = world.figures(), world.town_figures()
    assert list(fleets) == ["taxis", "vans"]
    assert list(towns) == world.town_names
    assert fleets["taxis"].vehicles == 36
    assert {one.vehicles for one in towns.values()} == {20}
    for what in ("distance_km", "energy_kwh", "queued_s"):
        per_fleet, per_town = (sum(getattr(one, what) for one in kind.values()) for kind in (fleets, towns))
        assert per_fleet == pytest.approx(per_town)
    assert min(one.distance_km for one in towns.values()) > 0


def test_no_two_cars_of_all_towns_have_one_vin() -> None:
    scenario = load_scenario(MORNING)
    vins = World(scenario, seed=7, towns=60).fleet.vins
    assert len(np.unique(vins)) == 12_000
    assert all(is_valid_vin(vin.decode()) for vin in vins[::97])


# Places.


def positions(world: World) -> dict[str, np.ndarray[Any, Any]]:
    return world.surroundings(np.arange(world.fleet.n))


@pytest.mark.long
def test_every_town_stands_at_its_place_and_has_the_size_of_jinqiao() -> None:
    scenario = load_scenario(MORNING)
    world = World(scenario, seed=7, towns=len(CITIES))
    found = positions(world)
    for place, rows in zip(CITIES, world.town_rows, strict=True):
        lon, lat = found["longitude"][rows], found["latitude"][rows]
        away_m = great_circle_m(lon, lat, np.full(200, place.longitude_deg), np.full(200, place.latitude_deg))
        assert 5_000 < away_m.max() < 9_500
        assert away_m.mean() == pytest.approx(5_000, rel=0.2)


@pytest.mark.long
def test_metres_are_metres_at_every_latitude() -> None:
    """The physics check compares every position with the odometer: in the northernmost and southernmost towns, too."""
    text = TOWN.replace("coordinates: gcj02, ", "driving: 1 s, ")
    far = sorted(range(len(CITIES)), key=lambda number: CITIES[number].latitude_deg)
    world = World(parse_scenario(text), seed=3, towns=len(CITIES), only=[0, far[0], far[-1]])
    checker = Checker(world.fleet.models, world.fleet.model_of, world.fleet.vins)
    while world.elapsed_s < 120:
        checker.read(world.advance().batches)
    assert checker.as_json()["checked"] > 1000
    assert checker.as_json()["violations"] == 0


def test_the_datum_of_chinese_maps_is_that_of_the_place(scenario: Scenario) -> None:
    """A position is carried to its town first; outside China both datums are one."""
    tokyo = [city.name for city in CITIES].index("Tokyo")
    numbers = [0, 1, tokyo]
    plain = World(parse_scenario(TOWN.replace("gcj02", "wgs84")), seed=3, towns=len(CITIES), only=numbers)
    shifted = World(scenario, seed=3, towns=len(CITIES), only=numbers)
    before, after = positions(plain), positions(shifted)
    for place, rows in enumerate(town.fleets["taxis"] for town in shifted.towns):
        lon, lat = wgs84_to_gcj02(before["longitude"][rows], before["latitude"][rows])
        assert (after["longitude"][rows] == lon).all()
        assert (after["latitude"][rows] == lat).all()
        assert (lon != before["longitude"][rows]).all() == (numbers[place] != tokyo)


def test_more_towns_than_cities_stand_in_rings_around_them() -> None:
    names = [place_of(number).name for number in range(MOST_TOWNS)]
    assert len(set(names)) == MOST_TOWNS
    assert names[len(CITIES)] == "Jinqiao 2"
    around = [place_of(number) for number in range(0, MOST_TOWNS, len(CITIES))]
    lon, lat = (np.array([place[k] for place in around]) for k in (2, 1))
    apart_m = great_circle_m(lon[:, None], lat[:, None], lon, lat)
    np.fill_diagonal(apart_m, np.inf)
    assert apart_m.min() > 0.95 * RING_M  # a town is 12 km wide
    assert max(abs(place_of(number).longitude_deg) for number in range(MOST_TOWNS)) < 180


# Stations.


def connectors(world: World) -> list[dict[str, int]]:
    return [station.connectors for station in world.town.chargers.stations]


def test_every_town_has_the_stations_of_the_file_for_itself() -> None:
    scenario = load_scenario(MORNING)
    one, three = World(scenario, seed=7), World(scenario, seed=7, towns=3)
    assert connectors(three) == 3 * connectors(one)
    assert [station.name for station in three.town.chargers.towns[2]] == [
        "Jinqiao hub",
        "Biyun Road",
        "Golden Bridge depot",
    ]
    assert len({station.site for station in three.town.chargers.stations}) == 9


@pytest.mark.parametrize(
    ("vehicles", "towns", "dc", "limit_kw"),
    [(200, 1, 4, 360.0), (100, 1, 4, 360.0), (300, 1, 6, 540.0), (201, 1, 5, 361.8), (600, 2, 6, 540.0)],
)
def test_stations_grow_with_the_vehicles_of_their_town(vehicles: int, towns: int, dc: int, limit_kw: float) -> None:
    world = World(load_scenario(MORNING), seed=7, vehicles=vehicles, towns=towns)
    for hub, *_ in world.town.chargers.towns:
        assert hub.connectors["dc"] == dc
        assert world.town.chargers.site_limit_kw[hub.site] == pytest.approx(limit_kw)


# What cannot be.


def test_the_file_says_how_many_towns_there_are() -> None:
    text = TOWN.replace("duration: 1 h", "duration: 1 h\ntowns: 3")
    assert World(parse_scenario(text), seed=3).fleet.n == 60
    assert World(parse_scenario(text), seed=3, towns=2).fleet.n == 40


@pytest.mark.parametrize(
    ("towns", "message"),
    [
        ("0", "towns.yaml:5:8: towns: found 0, expected at least 1"),
        ("10001", "towns.yaml:5:8: towns: found 10001, expected at most 10000"),
        ("two", "towns.yaml:5:8: towns: found 'two', expected a whole number"),
        ("2.5", "towns.yaml:5:8: towns: found 2.5, expected a whole number"),
    ],
)
def test_a_number_of_towns_that_is_none_is_refused(towns: str, message: str) -> None:
    text = TOWN.replace("duration: 1 h", f"duration: 1 h\ntowns: {towns}")
    with pytest.raises(ScenarioError) as refused:
        parse_scenario(text, name="towns.yaml")
    assert message in str(refused.value)


def test_more_vehicles_than_there_may_be_are_refused_where_the_towns_stand() -> None:
    text = TOWN.replace("duration: 1 h", "duration: 1 h\ntowns: 300").replace("count: 12", "count: 9000")
    with pytest.raises(ScenarioError, match="towns: found 300 towns of 9,008 vehicles, 2,702,400 in all, expected at"):
        parse_scenario(text)


@pytest.mark.parametrize(
    ("vehicles", "towns", "message"),
    [
        (4, 5, "found 4 vehicles in 5 towns, expected at least one in each"),
        (1_000_001, 2, "found 1,000,001 vehicles in 2 towns, expected at most 1,000,000 in all"),
        (50_000, 10_001, "found 10001 towns, expected from 1 to 10,000"),
    ],
)
def test_vehicles_that_do_not_fit_into_the_towns_are_refused(
    scenario: Scenario, vehicles: int, towns: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        World(scenario, seed=1, vehicles=vehicles, towns=towns)
