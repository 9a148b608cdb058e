"""Which steps of a scenario wait for something, and who plans them when that has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .faults.base import FaultSpec
from .triggers import Plan, Triggers, Watch

if TYPE_CHECKING:
    from .scenario.command import CommandSpec
    from .scheduled_commands import ScheduledCommands
    from .world import World

__all__ = ["waiting_steps"]


def waiting_steps(world: World, commands: ScheduledCommands) -> Triggers | None:
    """The faults and commands of a world's scenario that have `when:`; None where there are none."""
    triggers = Triggers(world.fleet.vehicle_state)
    steps: list[tuple[str, Sequence[FaultSpec | CommandSpec], Plan]] = [
        ("fault", world.scenario.faults, world.faults.plan),
        ("command", world.scenario.commands, commands.plan),
    ]
    for kind, specs, plan in steps:
        for number, spec in enumerate(specs):
            if spec.when is None:
                continue
            lasts_s: float | None = 0.0
            among = None
            if isinstance(spec, FaultSpec):
                lasts_s, among = spec.lasts_s, spec.candidates(world) if spec.needs_vehicles else None
            purpose = f"{kind} {number}"
            triggers.add(Watch(spec, number, lasts_s, plan, world.towns, world.draws, purpose, world.fleet.vins, among))
    if not triggers:
        return None
    commands.told = triggers.told
    return triggers
