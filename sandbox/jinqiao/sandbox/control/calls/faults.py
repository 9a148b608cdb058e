"""Faults from outside: begin one, end one, list them; and what truly happened, the labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from pydantic import Field

from jinqiao.simulator.faults.base import KINDS
from jinqiao.simulator.faults.injector import Happened
from jinqiao.simulator.language.timing import Timed

from ...run.control import NotNow
from ...run.running import Running
from ..call import Asked, NotFound, Request
from .vehicles import vins_of

__all__ = [
    "FaultNow",
    "Faults",
    "Injected",
    "Label",
    "Labels",
    "LabelsQuery",
    "end_fault",
    "fault_schema",
    "faults",
    "inject",
    "labels",
]

#: Labels of one answer.
_MOST_LABELS = 10_000


@dataclass(frozen=True, slots=True)
class Injected:
    """`id` is for `DELETE /control/faults/{id}`; `vehicles` are those it strikes."""

    id: str
    vehicles: list[str]


@dataclass(frozen=True, slots=True)
class FaultNow:
    """A fault that is active, or was: `ended_ms` is null while it goes on."""

    id: str
    fault: str
    parameters: dict[str, Any]
    vehicles: list[str]
    begun_ms: int
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of the scenario and those from outside, in the order in which they began."""

    faults: list[FaultNow]


@dataclass(frozen=True, slots=True)
class Label:
    """What truly happened to a vehicle at `time`, simulated UTC in ms; `vehicle` is null where it is about none."""

    number: int
    fault: str
    phase: Literal["begin", "end", "once"]
    time: int
    vehicle: str | None
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """At most 10,000, oldest first: ask again from the last one's number. `dropped` counts those kept no longer."""

    labels: list[Label]
    dropped: int


class LabelsQuery(Request):
    """Which labels."""

    since: int = Field(0, ge=0, le=1 << 53, description="the number of the last label that is known")


def fault_schema() -> dict[str, Any]:
    """What the body may hold: a fault of the scenario language without its time."""
    timing = {field.alias or name for name, field in Timed.model_fields.items()}
    kinds = []
    for name, kind in KINDS.items():
        schema = kind.model_json_schema()
        properties = {key: value for key, value in schema["properties"].items() if key not in timing}
        required = [key for key in schema.get("required", ()) if key not in timing]
        kinds.append(
            {
                "title": name,
                "type": "object",
                "description": " ".join((kind.__doc__ or "").split()),
                "properties": properties | {"fault": {"const": name}},
                "required": sorted({*required, "fault"}),
                "additionalProperties": False,
            }
        )
    return {"oneOf": kinds}


async def inject(run: Running, asked: Asked) -> Injected:
    """Begin a fault now."""
    run.control.check_not_finished()
    async with run.downlinks.turn:
        found = run.world.inject(asked.body)
    return Injected(found.id, vins_of(run, found.rows))


async def faults(run: Running, _: Asked) -> Faults:
    """The faults that are active, and those that are past."""
    return Faults([_now(run, one) for one in run.world.faults.happened.values()])


async def end_fault(run: Running, asked: Asked) -> FaultNow:
    """End a fault now."""
    run.control.check_not_finished()
    id_ = asked.path["id"]
    found = next((one for one in run.world.faults.happened.values() if one.id == id_), None)
    if found is None:
        raise NotFound("/id", id_, "the id of a fault that is active")
    async with run.downlinks.turn:
        if not run.world.end_fault(id_):
            raise NotNow("a fault that has ended", "one that is active")
    return _now(run, found)


async def labels(run: Running, asked: Asked) -> Labels:
    """The ground truth, from the label after `since` on."""
    log, vins = run.world.labels, run.world.fleet.vins
    shown = [
        Label(
            number=one.number,
            fault=one.label.kind,
            phase=one.label.phase,
            time=one.label.time_ms,
            vehicle=None if one.vehicle is None else vins[one.vehicle].decode(),
            parameters=dict(one.label.parameters),
        )
        for one in islice(log.since(asked.query.since), _MOST_LABELS)
    ]
    return Labels(shown, log.dropped)


def _now(run: Running, one: Happened) -> FaultNow:
    vehicles = vins_of(run, one.rows)
    return FaultNow(one.id, one.spec.kind, one.spec.parameters(), vehicles, one.begun_ms, one.ended_ms)
