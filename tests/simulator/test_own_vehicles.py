"""Vehicles of one's own in a fleet: files beside the scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinqiao.base.errors import ScenarioError
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

VAN = """\
id: acme-van-2026
make: ACME
model: eVan 75
model_year: 2026
market: EU
mass_kg: 2600.0
road_load:
  physical: {cd: 0.36, frontal_area_m2: 4.2, rolling_resistance: 0.0085}
drivetrain:
  peak_kw: 150.0
  driven_axle: front
  regen: {max_kw: 60.0, max_decel_ms2: 2.0, min_speed_kmh: 5.0}
battery: {chemistry: lfp, gross_kwh: 77.0, net_kwh: 75.0, nominal_v: 400.0}
"""
PLAN = """\
name: Our own van
start: 2026-11-23T08:00+08:00
duration: 2 h
fleets:
  - name: vans
    count: 4
    models: {vehicles/my-van.yaml: 1, bmw-ix3-2021: 1}
    agenda: {cycle: WLTC}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    (tmp_path / "vehicles").mkdir()
    (tmp_path / "vehicles" / "my-van.yaml").write_text(VAN)
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path)
    return [str(problem) for problem in caught.value.problems]


def test_a_fleet_takes_a_vehicle_file_beside_the_scenario(plan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")  # relative to the scenario, not to where the program was started
    world = World(load_scenario(plan), seed=1)
    assert [model.id for model in world.fleet.models] == ["acme-van-2026", "bmw-ix3-2021"]
    assert world.fleet.model_of.tolist() == [0, 0, 1, 1]
    for _ in range(30):
        world.advance()
    assert (world.fleet.odometer_m[:2] > 0).all()


def test_what_is_wrong_in_the_vehicle_file_is_reported_there_beside_the_scenarios_own_mistakes(plan: Path) -> None:
    van = plan.parent / "vehicles" / "my-van.yaml"
    van.write_text(VAN.replace("mass_kg: 2600.0", "mass_kg: heavy"))
    assert problems(plan) == [f"{van}:6:10: mass_kg: found 'heavy', expected a number"]
    plan.write_text(PLAN.replace("2 h", "2"))
    assert [line.split(": ")[0] for line in problems(plan)] == [f"{plan}:3:11", f"{van}:6:10"]


def test_a_vehicle_file_that_is_not_there_is_reported_where_it_is_named(plan: Path) -> None:
    plan.write_text(PLAN.replace("my-van", "your-van"))
    absent = plan.parent / "vehicles" / "your-van.yaml"
    (line,) = problems(plan)
    assert line == f"{plan}:7:14: fleets.0.models.vehicles/your-van.yaml: no such vehicle file: {absent}"


def test_vehicles_are_the_same_files_in_equal_shares(plan: Path) -> None:
    (plan.parent / "small.yaml").write_text(VAN.replace("acme-van-2026", "acme-mini-2026"))
    plan.write_text(
        PLAN.replace(
            "models: {vehicles/my-van.yaml: 1, bmw-ix3-2021: 1}", "vehicles: [vehicles/my-van.yaml, small.yaml]"
        )
    )
    scenario = load_scenario(plan)
    world = World(scenario, seed=1)
    assert [model.id for model in world.fleet.models] == ["acme-van-2026", "acme-mini-2026"]
    assert world.fleet.model_of.tolist() == [0, 0, 1, 1]
    digest = scenario.sha256
    (plan.parent / "small.yaml").write_text(VAN)
    assert load_scenario(plan).sha256 != digest


def test_vehicles_stand_beside_models_with_weight_one(plan: Path) -> None:
    plan.write_text(
        PLAN.replace("models: {vehicles/my-van.yaml: 1, ", "vehicles: [vehicles/my-van.yaml]\n    models: {").replace(
            "bmw-ix3-2021: 1", "bmw-ix3-2021: 3"
        )
    )
    world = World(load_scenario(plan), seed=1)
    assert [world.fleet.models[number].id for number in world.fleet.model_of] == ["bmw-ix3-2021"] * 3 + [
        "acme-van-2026"
    ]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("vehicles: [your-van.yaml]", "{plan}:7:16: fleets.0.vehicles.0: no such vehicle file: {folder}/your-van.yaml"),
        (
            "vehicles: [vehicles/my-van.yaml, bmw-i9]",
            "{plan}:7:38: fleets.0.vehicles.1: no vehicle 'bmw-i9' in the catalogue",
        ),
        ("vehicles: []", "{plan}:7:15: fleets.0.vehicles: found an empty list, expected at least one entry"),
        (
            "vehicles: vehicles/my-van.yaml",
            "{plan}:7:15: fleets.0.vehicles: found 'vehicles/my-van.yaml', expected a list",
        ),
        ("vehicles: [7]", "{plan}:7:16: fleets.0.vehicles.0: found 7, expected text (in quotes)"),
        (
            "vehicles: [vehicles/my-van.yaml]\n    models: {vehicles/my-van.yaml: 2}",
            "{plan}:7:16: fleets.0.vehicles.0: found 'vehicles/my-van.yaml' a second time in this fleet",
        ),
        (
            "initial_soc: 0.5",
            "{plan}:5:5: fleets.0.models: key 'models' is missing (or 'vehicles', for vehicles in equal shares)",
        ),
    ],
)
def test_a_mistake_in_vehicles_is_reported_where_it_stands(plan: Path, written: str, expected: str) -> None:
    plan.write_text(PLAN.replace("models: {vehicles/my-van.yaml: 1, bmw-ix3-2021: 1}", written))
    (line,) = problems(plan)
    assert line.splitlines()[0].startswith(expected.format(plan=plan, folder=plan.parent))


def test_what_is_wrong_in_a_file_of_vehicles_is_reported_there(plan: Path) -> None:
    van = plan.parent / "vehicles" / "my-van.yaml"
    van.write_text(VAN.replace("mass_kg: 2600.0", "mass_kg: heavy"))
    plan.write_text(
        PLAN.replace("models: {vehicles/my-van.yaml: 1, bmw-ix3-2021: 1}", "vehicles: [vehicles/my-van.yaml]")
    )
    assert problems(plan) == [f"{van}:6:10: mass_kg: found 'heavy', expected a number"]
