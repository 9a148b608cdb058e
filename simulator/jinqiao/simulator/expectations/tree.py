"""An expectation as a value: what its text says, names and units already understood, vehicles not yet looked up.

`at` is the place in the text, in characters from 0, where something is named that only a scenario knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from .bounds import Bound
from .detections import Demand
from .product import Deed
from .states import Mode

__all__ = [
    "After",
    "And",
    "Body",
    "Compared",
    "Consumption",
    "Delivered",
    "Detects",
    "During",
    "Events",
    "Expectation",
    "Fleetwide",
    "Formula",
    "Held",
    "Latency",
    "Moment",
    "Named",
    "Not",
    "Number",
    "Or",
    "Physics",
    "Published",
    "Reply",
]


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a scenario must know."""

    name: str
    at: int = 0


# Formulas.


@dataclass(frozen=True, slots=True)
class Compared:
    """One comparison of a signal, in single vehicles."""

    signal: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a fleet: a statistic of `signal`, or how many vehicles fulfil `condition`."""

    text: str
    kind: str
    owner: Named | None
    signal: str = ""
    condition: Formula | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """How many events of a kind, or the sum of one output of theirs."""

    text: str
    identifier: str
    owner: Named | None
    output: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Fleetwide:
    """One comparison of a number of a fleet."""

    number: Number | Events
    bound: Bound


@dataclass(frozen=True, slots=True)
class Not:
    part: Formula


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Formula, ...]


Formula = Compared | Fleetwide | Not | And | Or


def leaves(formula: Formula) -> Iterator[Compared | Fleetwide]:
    """Its comparisons, from left to right."""
    if isinstance(formula, Not):
        yield from leaves(formula.part)
    elif isinstance(formula, And | Or):
        for part in formula.parts:
            yield from leaves(part)
    else:
        yield formula


# Expectations.


@dataclass(frozen=True, slots=True)
class Held:
    """A formula that holds never, always or eventually; `owner` are the vehicles of one about single vehicles."""

    mode: Mode
    formula: Formula
    owner: Named | None
    within_s: float | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    kind: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Published:
    kind: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Latency:
    statistic: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Reply:
    service: str
    within_s: float
    wanted: float


@dataclass(frozen=True, slots=True)
class Consumption:
    owner: Named | None
    bound: Bound


@dataclass(frozen=True, slots=True)
class Physics:
    pass


@dataclass(frozen=True, slots=True)
class After:
    fault: Named
    deed: Deed
    within_s: float
    wanted: float


@dataclass(frozen=True, slots=True)
class Detects:
    fault: Named
    demands: tuple[Demand, ...]


Body = Held | Delivered | Published | Latency | Reply | Consumption | Physics | After | Detects


@dataclass(frozen=True, slots=True)
class Moment:
    """What stands so many seconds after the start."""

    second: float


@dataclass(frozen=True, slots=True)
class During:
    """The part of the run that a phase is."""

    phase: Named


@dataclass(frozen=True, slots=True)
class Expectation:
    """A whole expectation. `line` is where a scenario has it."""

    text: str
    body: Body
    when: Moment | During | None = None

    def named(self, kind: Literal["fleet", "phase", "fault"]) -> Iterator[Named]:
        """The names of one kind that a scenario must know."""
        body: Any = self.body
        if kind == "phase" and isinstance(self.when, During):
            yield self.when.phase
        if kind == "fault" and isinstance(body, After | Detects):
            yield body.fault
        if kind == "fleet":
            if isinstance(body, Held | Consumption) and body.owner is not None:
                yield body.owner
            if isinstance(body, Held):
                for leaf in leaves(body.formula):
                    if isinstance(leaf, Fleetwide) and leaf.number.owner is not None:
                        yield leaf.number.owner
