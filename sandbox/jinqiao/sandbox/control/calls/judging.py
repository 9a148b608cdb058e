"""What a run's product is graded by: its detections, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from jinqiao.simulator.faults.base import KINDS

from ...run.running import Running
from ..call import Asked, Request
from .waiting import not_built

__all__ = ["Detection", "Expectation", "ExpectationNow", "Expectations", "ask", "detect", "expectations"]

#: An expectation is a line.
_LONGEST = 2_000


class Detection(Request):
    """What a product has found: a fault of a vehicle. A wrong one is scored, not refused."""

    vehicle: str = Field(min_length=1, max_length=100, description="the vehicle's VIN")
    fault: str = Field(
        min_length=1, max_length=100, description="the kind of fault", examples=sorted(KINDS)[:1], strict=True
    )
    time: int | None = Field(
        None, ge=0, le=1 << 53, strict=True, description="when, simulated UTC in ms; now without it"
    )


class Expectation(Request):
    """An expectation to judge."""

    expect: str = Field(min_length=1, max_length=_LONGEST, strict=True, description="an expectation")


@dataclass(frozen=True, slots=True)
class ExpectationNow:
    """An expectation's verdict so far; `line` is its line in the scenario, null for one that was asked."""

    expect: str
    verdict: Literal["passed", "failed", "pending", "not exercised"]
    measured: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Expectations:
    """Those of the scenario and those that were asked, in their order."""

    expectations: list[ExpectationNow]


async def detect(_: Running, __: Asked) -> dict[str, Any]:
    """Tell the run what the product has found."""
    raise not_built("detections")


async def expectations(_: Running, __: Asked) -> Expectations:
    """The verdicts so far."""
    raise not_built("expectations")


async def ask(_: Running, __: Asked) -> ExpectationNow:
    """Judge an expectation over what has happened so far."""
    raise not_built("expectations")
