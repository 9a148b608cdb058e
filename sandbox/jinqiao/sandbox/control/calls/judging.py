"""What a run's product is graded by: its detections, and what is expected of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from jinqiao.simulator.expectations import Verdict
from jinqiao.simulator.faults.base import KINDS

from ...run.control import NotNow
from ...run.running import Running
from ..call import Asked, Request

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
class FailureNow:
    """A moment at which an expectation did not hold; `vehicle` is null where it is about none."""

    time_ms: int
    vehicle: str | None
    text: str


@dataclass(frozen=True, slots=True)
class ExpectationNow:
    """An expectation's verdict so far; `line` is its line in the scenario, null for one that was asked.

    `exercised` counts what was looked at: with nothing, nothing can pass. `failures` are the first few.
    """

    expect: str
    verdict: Literal["passed", "failed", "pending", "not exercised"]
    measured: str
    line: int | None
    exercised: int
    failures: list[FailureNow]


@dataclass(frozen=True, slots=True)
class Expectations:
    """Those of the scenario and those that were asked, in their order."""

    expectations: list[ExpectationNow]


async def detect(run: Running, asked: Asked) -> dict[str, Any]:
    """Take down what the product has found."""
    found: Detection = asked.body
    run.judgement.detect(found.vehicle, found.fault, found.time, "http")
    return {}


async def expectations(run: Running, _: Asked) -> Expectations:
    """The verdicts so far."""
    return Expectations([_shown(verdict) for verdict in run.judgement.verdicts(final=run.control.state == "finished")])


async def ask(run: Running, asked: Asked) -> ExpectationNow:
    """Judge an expectation over what has happened so far."""
    expected: Expectation = asked.body
    if not run.options.paused:
        raise NotNow("a run that keeps no past", "one that began with --paused, which does")
    return _shown(run.judgement.ask(expected.expect))


def _shown(verdict: Verdict) -> ExpectationNow:
    failures = [FailureNow(one.time_ms, one.vin, one.text) for one in verdict.failures]
    found = verdict
    return ExpectationNow(found.expect, found.verdict, found.measured, found.line, found.exercised, failures)
