"""What a parked vehicle costs the simulator, measured in a process of its own.

    python -m jinqiao.sandbox.bench.sleeping SCENARIO VEHICLES

Builds the world, lets every vehicle report once, and prints `{"vehicles", "start_s", "bytes_per_vehicle", "awake"}`.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from pathlib import Path

from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

from .machine import resident_bytes

__all__ = ["main"]


def main(arguments: list[str]) -> None:
    """Measure the difference between a world of ten vehicles and one of `VEHICLES`."""
    scenario, vehicles = load_scenario(Path(arguments[0])), int(arguments[1])
    small = World(scenario, seed=1, vehicles=10)
    small.advance()
    gc.collect()
    before, began = resident_bytes(), time.perf_counter()
    world = World(scenario, seed=1, vehicles=vehicles)
    start_s = time.perf_counter() - began
    for _ in range(120):
        world.advance()
    gc.collect()
    grown = resident_bytes() - before
    counts = world.counts()
    figures = {
        "vehicles": world.fleet.n,
        "start_s": round(start_s, 3),
        "bytes_per_vehicle": round(grown / world.fleet.n),
        "awake": world.fleet.n - counts["parked"],
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
