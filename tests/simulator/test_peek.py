"""A run that is looked at stays the same run: `World.peek` leaves no trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

PLAN = """\
name: Asleep
seed: 3
start: 2026-11-23T22:00+08:00
duration: 1 h
fleets:
  - {name: sleepers, count: 4, models: {bmw-i3-edrive35l-2022: 1}, agenda: commuter, initial_soc: 0.95}
faults:
  - {at: 1 min, on: all, fault: cell_overheat, rate: 1.5 degC/min}
"""


def test_a_damaged_car_that_sleeps_is_the_same_whoever_looks(tmp_path: Path) -> None:
    file = tmp_path / "asleep.yaml"
    file.write_text(PLAN)
    watched, alone = (World(load_scenario(file), seed=3) for _ in range(2))
    rows = np.arange(4)
    for minute in range(1, 11):
        for world in (watched, alone):
            while world.elapsed_s < minute * 60:
                world.idle_until(min(world.next_busy_s(), minute * 60))
                if world.elapsed_s < minute * 60:
                    world.advance()
        before = watched.peek(rows)
        assert [batch.signals.keys() for batch in before]
    for seen, unseen in zip(watched.peek(rows), alone.peek(rows), strict=True):
        for name, column in unseen.signals.items():
            np.testing.assert_array_equal(seen.signals[name], column, err_msg=name)
    assert (alone.peek(rows, ("core",))[0].signals["cell_temperature_max"] > 25).all(), "they are damaged"
