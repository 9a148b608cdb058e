"""What all kinds of fault have in common, and what a fault may reach.

A new kind is a class in a file of `kinds/`, marked with `@fault`. It names itself in its field `fault`, and its other
fields are its keys in the scenario and the parameters of its label. Rows are fleet rows throughout.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeAlias, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from jinqiao.base.words import Refused

from ..language.fields import Span, optional
from ..language.selection import Selected
from ..language.timing import Timed

if TYPE_CHECKING:
    from jinqiao.vehicles.fleet import Fleet

    from ..buses import Buses
    from ..coverage import Coverage
    from ..draws import VehicleDraws
    from ..messages import MessageFaultState
    from ..reported import Reported
    from ..town import Town

__all__ = ["KIND", "KINDS", "Breakable", "FaultSpec", "LastingFault", "Rows", "fault"]

Rows: TypeAlias = NDArray[np.intp]

#: How a kind writes its name: `fault: Literal["dtc"] = KIND`.
KIND: Any = Field(description="Which kind of fault.")


class Breakable(Protocol):
    """What faults may reach of the world."""

    fleet: Fleet
    buses: Buses
    draws: VehicleDraws
    town: Town
    messages: MessageFaultState
    reported: Reported
    coverage: Coverage

    def store_dtc(self, row: int, code: str) -> None:
        """A control unit of this vehicle stores a trouble code."""

    def fail_charger(self, row: int) -> bool:
        """The charger of this vehicle breaks down; whether one was charging it."""


class FaultSpec(Timed):
    """Something breaks in the vehicles `on`: at one moment, at one drawn `between` two, or `when` a condition holds.

    As it stands a fault happens once and has no end of its own; `LastingFault` has one.
    """

    kind: ClassVar[str]
    #: Whether it strikes only vehicles that send their CAN, so that a scenario without any is refused.
    needs_can: ClassVar[bool] = False
    #: Whether it happens only where it strikes a vehicle; what breaks beside them has a label in any case.
    needs_vehicles: ClassVar[bool] = True

    on: Selected = Field(description="Which vehicles: [N of | N % | any | all] [state] [fleet], or VINs.")

    @property
    def lasts_s(self) -> float | None:
        """How long; None to the run's end, 0 for what happens once."""
        return 0.0

    def parameters(self) -> dict[str, Any]:
        """The kind's own keys as a scenario names them, for the label; quantities are in the unit of their field."""
        fields = type(self).model_fields
        own = fields.keys() - LastingFault.model_fields.keys() - {"fault"}
        return {field.alias or name: getattr(self, name) for name, field in fields.items() if name in own}

    def candidates(self, _: Breakable, /) -> Rows | None:
        """The vehicles among which `on` chooses, rising; None: among all."""
        return None

    def struck(self, _: Breakable, /, rows: Rows) -> Rows:
        """Of the chosen vehicles those that it really strikes."""
        return rows

    @abstractmethod
    def begin(self, world: Breakable, rows: Rows) -> None:
        """What it does to these vehicles."""

    def end(self, world: Breakable, rows: Rows) -> None:
        """What its end does to those in which it began."""

    def begin_there(self, world: Breakable, rows: Rows, _: int | None, /) -> None:
        """The same in the town with this place among those that run (None: all), for what breaks beside vehicles."""
        self.begin(world, rows)

    def end_there(self, world: Breakable, rows: Rows, _: int | None, /) -> None:
        """And its end there."""
        self.end(world, rows)


class LastingFault(FaultSpec):
    """A fault that ends."""

    for_s: Span | None = optional(None, "How long; to the end of the run without it.", alias="for")

    @model_validator(mode="after")
    def _ends_before_it_begins_again(self) -> LastingFault:
        if self.repeat_s is None or self.when is not None:
            return self
        if self.for_s is None:
            raise Refused("found repeat: without for:, expected how long it lasts each time")
        if self.for_s >= self.repeat_s:
            raise Refused("repeat: the fault begins again before it has ended")
        return self

    @property
    def lasts_s(self) -> float | None:
        return self.for_s

    @abstractmethod
    def end(self, world: Breakable, rows: Rows) -> None:
        """What its end does to those in which it began."""


#: The table: the scenario's word for a kind → its class. Filled by `@fault`.
KINDS: dict[str, type[FaultSpec]] = {}
_Kind = TypeVar("_Kind", bound=type[FaultSpec])


def fault(kind: _Kind) -> _Kind:
    """Put a kind into the table, under the name that its field `fault` gives. Raises ValueError for a second one."""
    (name,) = get_args(kind.__pydantic_fields__["fault"].annotation)
    if name in KINDS:
        raise ValueError(f"two kinds of fault are called {name!r}")
    kind.kind = name
    KINDS[name] = kind
    return kind
