"""The door of the commands: one command in, its effect done or refused, one outcome out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jinqiao.base.telemetry import Command, Outcome
from jinqiao.base.words import did_you_mean, show

from .inputs import read_all
from .refusals import Refusal, Refused
from .table import PROPERTIES, SERVICES, CommandRow

if TYPE_CHECKING:
    from ..town import Town

__all__ = ["execute"]

Work = list[tuple[CommandRow, dict[str, float]]]


def execute(town: Town, command: Command) -> Outcome:
    """Let one vehicle do what it is asked, at the present second. Several properties are set together or not at all.

    Everything in the command but `vehicle` may be nonsense from the network; it is refused, never raised.
    """
    row = command.vehicle
    if row in town.software.installing:
        return Refusal.UPDATING.outcome()
    try:
        work = _work(command)
        for what, values in work:
            what.check(town, row, values)
    except Refused as refused:
        return refused.outcome
    output: dict[str, Any] = {}
    for what, values in work:
        output |= what.act(town, row, values) or {}
    return Outcome(output=output)


def _work(command: Command) -> Work:
    arguments: Any = command.arguments
    if not isinstance(arguments, Mapping):
        raise Refused(Refusal.BAD_ARGUMENT, f"found {show(arguments)}, expected names with values")
    if command.kind == "service":
        service = _find(SERVICES, command.identifier, Refusal.NO_SUCH_SERVICE)
        return [(service, read_all(service.inputs, arguments))]
    if not arguments:
        raise Refused(Refusal.BAD_ARGUMENT, "found no property to set")
    return [_property(identifier, value) for identifier, value in arguments.items()]


def _property(identifier: str, value: Any) -> tuple[CommandRow, dict[str, float]]:
    what = _find(PROPERTIES, identifier, Refusal.NO_SUCH_PROPERTY)
    (one,) = what.inputs
    return what, {one.name: one.read(value)}


def _find(table: Mapping[str, CommandRow], identifier: str, otherwise: Refusal) -> CommandRow:
    row = table.get(identifier)
    if row is None:
        raise Refused(otherwise, f"{show(identifier)}{did_you_mean(str(identifier), table)}")
    return row
