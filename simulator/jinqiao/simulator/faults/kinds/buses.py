"""Faults on a vehicle's buses: of messages, of signals, of control units, of the wire."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from jinqiao.base.words import Refused, did_you_mean, show
from jinqiao.vehicles.can.database import MESSAGES
from jinqiao.vehicles.can.fault_state import CanFaultState

from ...language.fields import Span, WholeNumber, optional
from ..base import KIND, Breakable, FaultSpec, LastingFault, Rows, fault

__all__ = [
    "BusFault",
    "CanBusOff",
    "CanCounterJump",
    "CanErrorFrames",
    "CanMissingMessage",
    "CanStuckSignal",
    "CanWrongChecksum",
]

#: +1 when a fault begins, -1 when it ends.
Turn: TypeAlias = Literal[1, -1]


def _one_of(names: list[str], what: str) -> tuple[BeforeValidator, WithJsonSchema]:
    """A name of a list, refused with the nearest one."""

    def check(value: object) -> object:
        if not isinstance(value, str) or value not in names:
            near = did_you_mean(value, names) if isinstance(value, str) else ""
            raise Refused(f"found {show(value)}, expected {what}{near}", "they are listed by: jinqiao can dbc")
        return value

    return BeforeValidator(check), WithJsonSchema({"enum": names})


_PROTECTED = [message.name for message in MESSAGES.values() if message.protected]
_SIGNALS = [signal.name for message in MESSAGES.values() for signal in message.signals]
Message = Annotated[str, *_one_of(list(MESSAGES), "a CAN message")]
ProtectedMessage = Annotated[str, *_one_of(_PROTECTED, "a CAN message with counter and CRC")]
SignalName = Annotated[str, *_one_of(_SIGNALS, "a CAN signal")]


class BusFault(FaultSpec):
    """A fault of the buses: it chooses among the vehicles that send CAN."""

    needs_can = True

    def candidates(self, world: Breakable, /) -> Rows:
        return world.buses.rows

    def begin(self, world: Breakable, rows: Rows) -> None:
        self.turn(world.buses.faults, world.buses.places(rows), 1)

    def end(self, world: Breakable, rows: Rows) -> None:
        self.turn(world.buses.faults, world.buses.places(rows), -1)

    @abstractmethod
    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        """Begin (+1) or end (-1) at these places of the buses. Faults of one kind may overlap."""


@fault
class CanMissingMessage(BusFault, LastingFault):
    """A cyclic message is no longer sent."""

    fault: Literal["can_missing_message"] = KIND
    message: Message = Field(description="Name of the message.")

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        buses.missing[buses.message_index[self.message], places] += by


@fault
class CanStuckSignal(BusFault, LastingFault):
    """A signal keeps the value it has; counter and checksum go on, so only the constant value shows it."""

    fault: Literal["can_stuck_signal"] = KIND
    signal: SignalName = Field(description="Name of the signal.")

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        if by > 0:
            buses.freeze(self.signal, places)
        else:
            buses.release(self.signal, places)


@fault
class CanWrongChecksum(BusFault, LastingFault):
    """The checksum of a protected message does not match its bytes."""

    fault: Literal["can_wrong_checksum"] = KIND
    message: ProtectedMessage = Field(description="Name of the message.")

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        buses.wrong_checksum[buses.message_index[self.message], places] += by


@fault
class CanCounterJump(BusFault):
    """The counter of a protected message jumps once."""

    fault: Literal["can_counter_jump"] = KIND
    message: ProtectedMessage = Field(description="Name of the message.")
    by: WholeNumber = optional(2, "By how many counts more than one.", ge=1, le=13)

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        buses.counter_jump[buses.message_index[self.message], places] += by * self.by


@fault
class CanBusOff(BusFault, LastingFault):
    """A control unit leaves the bus, and comes back when its recovery is over."""

    fault: Literal["can_bus_off"] = KIND
    node: Literal["VCU", "MCU", "ESC", "BMS", "OBC", "BCM", "TCU"] = Field(description="The control unit.")
    for_s: Span | None = optional("2 s", "Until it has recovered.", alias="for")

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        buses.bus_off[buses.sender_index[self.node], places] += by


@fault
class CanErrorFrames(BusFault, LastingFault):
    """Frames are cut off by error flags and retransmitted."""

    fault: Literal["can_error_frames"] = KIND
    rate: Annotated[float, Field(strict=True, gt=0, le=400, allow_inf_nan=False)] = Field(
        description="Error frames per second and bus."
    )

    def turn(self, buses: CanFaultState, places: Rows, by: Turn) -> None:
        # Rates add up; what is left of a sum of floats after the last has ended is none.
        rates = buses.error_rate[places] + by * self.rate
        buses.error_rate[places] = np.where(np.abs(rates) < 1e-9, 0.0, rates)
