"""`jinqiao bench small-run`: how fast a small fleet's time passes with somebody who listens to all of it.

The bundled morning at `--speed max`, with one subscriber in a process of its own, as a test of a product runs it. What
counts is simulated seconds per second of processor time of all processes: simulator, gateway and subscriber.
"""

from __future__ import annotations

from typing import Any

from ..bundled import bundled_scenario
from .end_to_end import FleetRun
from .machine import machine, ratio

__all__ = ["bench_small_run"]

SCENARIO = "jinqiao-morning"


async def bench_small_run(vehicles: int, seconds: int) -> dict[str, Any]:
    """The figures; raises EnvironmentFault when a process of the benchmark fails."""
    found = await FleetRun(bundled_scenario(SCENARIO), seconds, speed=None, vehicles=vehicles).measure()
    cpu_s = found["cpu_s"]
    return {
        "scenario": SCENARIO,
        **found,
        "simulated_s_per_cpu_s": ratio(found["simulated_s"], sum(cpu_s.values())),
        "cpu_ms_per_simulated_s": {name: round(one / found["simulated_s"] * 1e3, 3) for name, one in cpu_s.items()},
        "machine": machine(),
    }
