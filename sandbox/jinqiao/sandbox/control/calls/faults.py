"""Faults from outside: begin one, end one, list them; and what truly happened, the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from jinqiao.simulator.faults.base import KINDS

from ...run.running import Running
from ..call import Asked, Request
from .waiting import not_built

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
    begun_ms: int | None
    ended_ms: int | None


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of the scenario and those from outside, in the order in which they began."""

    faults: list[FaultNow]


@dataclass(frozen=True, slots=True)
class Label:
    """What truly happened to a vehicle."""

    number: int
    fault: str
    phase: Literal["begin", "end", "once"]
    time: int
    vehicle: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Labels:
    """`dropped` counts the oldest labels, which are kept no longer."""

    labels: list[Label]


class LabelsQuery(Request):
    """Which labels."""

    since: int = Field(0, ge=0, le=1 << 53, description="the number of the last label that is known")


def fault_schema() -> dict[str, Any]:
    """What the body may hold: a fault of the scenario language without its time."""
    timing = {"at", "between", "when", "once", "repeat"}
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
                "required": sorted({*required, "fault", "on"}),
                "additionalProperties": False,
            }
        )
    return {"oneOf": kinds}


async def inject(_: Running, __: Asked) -> Injected:
    """Begin a fault now."""
    raise not_built("faults")


async def faults(_: Running, __: Asked) -> Faults:
    """The faults that are active, and those that are past."""
    raise not_built("faults")


async def end_fault(_: Running, __: Asked) -> Faults:
    """End a fault now."""
    raise not_built("faults")


async def labels(_: Running, __: Asked) -> Labels:
    """The ground truth, from the label after `since` on."""
    raise not_built("labels")
