"""The scenario language as a run knows it: the simulator's, and with it the sinks there are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict

from jinqiao.base.variants import Variants
from jinqiao.simulator.language.fields import optional
from jinqiao.simulator.scenario import Scenario, load_scenario

from .sinks import SINKS, SinkSpec

__all__ = ["RunScenario", "load_run_scenario"]


class RunScenario(Scenario):
    """A test plan for a fleet of connected cars."""

    model_config = ConfigDict(title="Scenario")

    sinks: tuple[Annotated[SinkSpec, Variants("sink", SINKS)], ...] = optional(
        [], "Where telemetry goes beside the broker."
    )


def load_run_scenario(path: Path | str) -> RunScenario:
    """The scenario in a file. Raises ScenarioError with every problem of the file."""
    return load_scenario(path, model=RunScenario)
