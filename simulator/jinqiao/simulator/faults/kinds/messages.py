"""Faults of messages: the car reports as always; what it sends comes late, twice, in another order, or not at all."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from jinqiao.base.quantity import DIMENSIONS, QuantityError, parse_delay_s, parse_share
from jinqiao.base.words import show

from ...language.fields import optional
from ..base import KIND, Breakable, LastingFault, Rows, fault

__all__ = ["Duplicate", "Late", "Lost", "MessageFault", "OutOfOrder"]

#: A message that is later than an hour is one of a backlog: see outages.
_LATEST_S = 3600.0


def _part(value: object) -> float:
    share = parse_share(value)
    if not share:
        raise QuantityError(f"found {show(value)}, expected a share above 0")
    return share


def _delay(value: object) -> float:
    seconds = parse_delay_s(value)
    if not 0.001 <= seconds <= _LATEST_S:
        raise QuantityError(f"found {show(value)}, expected from 1 ms to {_LATEST_S:g} s")
    return seconds


Part = Annotated[
    float,
    BeforeValidator(_part),
    WithJsonSchema(
        {
            "title": "share (above 0, to 1 or 100 %)",
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                {"type": "string", "pattern": "^[0-9]+([.][0-9]+)? *%$"},
            ],
            "examples": ["10 %"],
        }
    ),
]
Delay = Annotated[
    float,
    BeforeValidator(_delay),
    WithJsonSchema({"type": "string", "title": "delay (ms, s)", "pattern": DIMENSIONS["delay"].pattern}),
]


class MessageFault(LastingFault):
    """A fault of the telemetry and events of a vehicle; of what it answers to commands it is none."""

    def begin(self, world: Breakable, rows: Rows) -> None:
        world.messages.begin(rows, **self.columns())

    def end(self, world: Breakable, rows: Rows) -> None:
        world.messages.end(rows, **self.columns())

    @abstractmethod
    def columns(self) -> dict[str, float]:
        """What it sets in `MessageFaultState`."""


@fault
class Late(MessageFault):
    """Some messages come later, and those behind them overtake them."""

    fault: Literal["late"] = KIND
    by: Delay = optional("5 s", "How much later.")
    share: Part = optional("100 %", "Of how many messages, each for itself.")

    def columns(self) -> dict[str, float]:
        return {"late": self.share, "late_s": self.by}


@fault
class Duplicate(MessageFault):
    """Some messages come twice, the second time as they were: same id, same time."""

    fault: Literal["duplicate"] = KIND
    share: Part = optional("10 %", "Of how many messages, each for itself.")

    def columns(self) -> dict[str, float]:
        return {"duplicate": self.share}


@fault
class OutOfOrder(MessageFault):
    """Some messages come behind the one that was sent after them."""

    fault: Literal["out_of_order"] = KIND
    share: Part = optional("10 %", "Of how many messages, each for itself.")

    def columns(self) -> dict[str, float]:
        return {"out_of_order": self.share}


@fault
class Lost(MessageFault):
    """Some messages never come, as QoS 0 allows: their ids are missing."""

    fault: Literal["lost"] = KIND
    share: Part = optional("10 %", "Of how many messages, each for itself.")

    def columns(self) -> dict[str, float]:
        return {"lost": self.share}
