"""Commands as the cloud gives them, to a selection of vehicles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jinqiao.base.telemetry import Step
from jinqiao.simulator.language.timing import Timed
from jinqiao.simulator.scenario.command import CommandSpec

from ...run.running import Running
from ..call import Asked
from .vehicles import vins_of

__all__ = ["OutcomeOf", "Outcomes", "command", "command_schema"]


@dataclass(frozen=True, slots=True)
class OutcomeOf:
    """`code` is 200 where the vehicle executed the command; otherwise `message` says why it refused."""

    vin: str
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One for each vehicle."""

    outcomes: list[OutcomeOf]


def command_schema() -> dict[str, Any]:
    """What the body may hold: a command of the scenario language without its time."""
    schema = CommandSpec.model_json_schema()
    timing = {field.alias or name for name, field in Timed.model_fields.items()}
    schema["properties"] = {key: value for key, value in schema["properties"].items() if key not in timing}
    schema["required"] = ["on"]
    return schema


async def command(run: Running, asked: Asked) -> Outcomes:
    """Give a command now: call a service, or set properties."""
    run.control.check_not_finished()
    world = run.world
    async with run.downlinks.turn:
        found = world.command(asked.body)
        rows = np.array([row for row, _ in found], np.intp)
        if len(rows):  # as after a downlink: how those that were asked are now
            await run.out.take(Step(world.time_ms, tuple(world.look(rows))))
    vins = vins_of(run, rows)
    return Outcomes([OutcomeOf(vin, out.code, out.message) for vin, (_, out) in zip(vins, found, strict=True)])
