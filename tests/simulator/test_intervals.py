"""Reporting intervals that are changed while the world runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

SCENARIO = """\
name: intervals
start: 2026-11-23T03:00+08:00
duration: 1 h
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: sleepers, count: 4, models: {bmw-i3-edrive35l-2022: 1}, agenda: {commuter: {leaves_home: 07:42}},
     initial_soc: 0.6, telemetry: {driving: 1 s, charging: 10 s, parked: 5 min}}
charging_stations: []
"""


def sleeping_world(folder: Path) -> World:
    path = folder / "intervals.yaml"
    path.write_text(SCENARIO)
    return World(load_scenario(path), seed=3)


def reports(world: World, seconds: int) -> list[int]:
    """How often each vehicle reports its core group in so many seconds."""
    counts, end_s = np.zeros(world.fleet.n, int), world.elapsed_s + seconds
    while world.next_busy_s() < end_s:
        for batch in world.advance().batches:
            if batch.group == "core":
                counts[batch.vehicles] += 1
    world.idle_until(end_s)
    return [int(count) for count in counts]


def test_one_vehicle_reports_more_often_from_now_on_and_the_others_as_before(tmp_path: Path) -> None:
    world = sleeping_world(tmp_path)
    assert world.report_every(np.array([2]), {"parked": 10.0}).code == 200
    assert reports(world, 600) == [3, 3, 60, 3]
    assert world.report_every(np.array([2]), {"parked": 300.0}).code == 200
    assert reports(world, 600)[2] <= 3


def test_equal_intervals_are_one_row_however_many_vehicles_have_them(tmp_path: Path) -> None:
    world = sleeping_world(tmp_path)
    for row in range(4):
        assert world.report_every(np.array([row]), {"driving": 5.0}).code == 200
    assert len(world._reports._datum) == 2


def test_a_vehicle_that_installs_software_is_not_made_to_speak(tmp_path: Path) -> None:
    world = sleeping_world(tmp_path)
    assert world.install(1, "2.0.0", 120.0).code == 200
    assert world.report_every(np.array([1]), {"parked": 1.0}).code != 200
    assert reports(world, 119)[1] == 0
