"""What a run is going to do: its scenario with what the options change about it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from jinqiao.simulator.census import total_of

from ..scenario import RunScenario, load_run_scenario
from ..sinks import SinkSpec
from .options import RunOptions

__all__ = ["Plan", "plan_run"]


@dataclass(frozen=True, slots=True)
class Plan:
    """`vehicles` None is as many as the scenario says, in each town; `sinks` are those of the options, then the
    scenario's.
    """

    scenario: RunScenario
    seed: int
    vehicles: int | None
    towns: int
    end_s: float
    sinks: tuple[SinkSpec, ...]


def plan_run(options: RunOptions) -> Plan:
    """Read the scenario; draw a seed if none is given. Raises ScenarioError, InputError for a town without vehicles."""
    scenario = _begun_at(load_run_scenario(options.scenario), options.start)
    seed = next((seed for seed in (options.seed, scenario.seed) if seed is not None), None)
    vehicles, towns = _vehicles(options), scenario.towns if options.towns is None else options.towns
    total_of(scenario.fleets, vehicles, towns)  # refused here, before anything is started
    return Plan(
        scenario,
        secrets.randbelow(2**31) if seed is None else seed,
        vehicles,
        towns,
        min(limit for limit in (scenario.duration_s, options.for_s) if limit is not None),
        (*options.sinks, *scenario.sinks),
    )


def _begun_at(scenario: RunScenario, start: datetime | Literal["now"] | None) -> RunScenario:
    """The scenario with another start; now is read on its own clocks, so that its people get up when it is morning."""
    if start is None:
        return scenario
    if start == "now":
        start = datetime.now(scenario.start.tzinfo).replace(microsecond=0)
    return scenario.model_copy(update={"start": start})


def _vehicles(options: RunOptions) -> int | None:
    """With device triples no more vehicles than those."""
    if options.devices is None:
        return options.vehicles
    known = len(options.devices.names)
    return min(options.vehicles or known, known)
