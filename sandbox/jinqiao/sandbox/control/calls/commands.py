"""Commands as the cloud gives them, to a selection of vehicles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinqiao.simulator.scenario.command import CommandSpec

from ...run.running import Running
from ..call import Asked
from .waiting import not_built

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
    timing = {"at", "when", "once", "repeat"}
    schema["properties"] = {key: value for key, value in schema["properties"].items() if key not in timing}
    schema["required"] = ["on"]
    return schema


async def command(_: Running, __: Asked) -> Outcomes:
    """Give a command now: call a service, or set properties."""
    raise not_built("commands from outside")
