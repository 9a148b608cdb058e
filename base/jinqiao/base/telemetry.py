"""What flows between the rooms: simulated time leaves the simulator as a `Step`, a `Command` comes back.

A `Step` holds all that a stretch of simulated time produced, as columns that nobody has rendered yet: `Batch`,
`Event`, `CanSecond` and `Label`. A command is answered by an `Outcome`: what it did, or why the car refused.

Nothing else passes between the simulator and its surroundings, so either can be replaced by a recording.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EXTENDED",
    "Batch",
    "CanSecond",
    "Command",
    "Event",
    "EventType",
    "Label",
    "Outcome",
    "Phase",
    "Step",
    "starts_of",
]

EventType = Literal["info", "alert", "error"]
#: A fault begins, ends, or happens once and has no end of its own.
Phase = Literal["begin", "end", "once"]
#: Bit of a CAN identifier that says: it has 29 bits, not 11 (as SocketCAN's CAN_EFF_FLAG).
EXTENDED = 1 << 31


@dataclass(frozen=True, slots=True)
class Batch:
    """m telemetry samples of one group, taken at one simulated instant or at several.

    `time_ms` is simulated UTC, shape (m,), int64, never falling; `vehicles` holds row numbers of the fleet, shape (m,),
    int32, which rise strictly within an instant; `signals` maps a name of the signal table to an array of shape (m,) in
    that signal's unit; `group` names the telemetry group. All batches of a group carry the same signals, except that
    samples in which a value is missing stand in batches of their own, without it. Where clocks of vehicles are wrong
    `stamps_ms`, shape (m,), is what these showed.
    """

    time_ms: NDArray[np.int64]
    group: str
    vehicles: NDArray[np.int32]
    signals: Mapping[str, NDArray[Any]]
    stamps_ms: NDArray[np.int64] | None = None

    @classmethod
    def at(cls, time_ms: int, group: str, vehicles: NDArray[np.int32], signals: Mapping[str, NDArray[Any]]) -> Self:
        """Samples of one instant."""
        return cls(np.full(len(vehicles), time_ms, np.int64), group, vehicles, signals)

    def __len__(self) -> int:
        return len(self.vehicles)

    @property
    def edges(self) -> list[int]:
        """Where its instants begin, and behind them its length; an empty batch has no instant."""
        return [*starts_of(self.time_ms).tolist(), len(self)]

    def rows(self, chosen: slice | NDArray[np.intp] | NDArray[np.bool_]) -> Self:
        """Some of the samples, in their order."""
        columns = {name: column[chosen] for name, column in self.signals.items()}
        stamps_ms = None if self.stamps_ms is None else self.stamps_ms[chosen]
        return type(self)(self.time_ms[chosen], self.group, self.vehicles[chosen], columns, stamps_ms)

    @property
    def said_ms(self) -> NDArray[np.int64]:
        """The times that vehicles put on their samples, shape (m,)."""
        return self.time_ms if self.stamps_ms is None else self.stamps_ms

    def instants(self) -> Iterator[Self]:
        """The same, a batch for each instant."""
        edges = self.edges
        if len(edges) == 2:
            yield self
            return
        for start, stop in pairwise(edges):
            yield self.rows(slice(start, stop))


def starts_of(times: NDArray[np.int64]) -> NDArray[np.intp]:
    """The first row of each run of equal times that never fall, shape (instants,)."""
    if not len(times):
        return np.zeros(0, np.intp)
    if times[0] == times[-1]:
        return np.zeros(1, np.intp)
    return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(times[1:] != times[:-1]) + 1])


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once to one vehicle: a trip finished, a plug went in, a fault was stored.

    `identifier` is the thing model's (with `module:` where it has one); `output` maps its output identifiers to values.
    `stamp_ms` is what the vehicle's clock showed where that is wrong.
    """

    time_ms: int
    vehicle: int
    identifier: str
    output: Mapping[str, int | float | str] = field(default_factory=dict)
    stamp_ms: int | None = None

    @property
    def said_ms(self) -> int:
        """The time that the vehicle puts on it."""
        return self.time_ms if self.stamp_ms is None else self.stamp_ms


@dataclass(frozen=True, slots=True)
class CanSecond:
    """The frames of one bus of m vehicles in the second that begins at `start_ms`, simulated UTC.

    `vehicles` holds row numbers of the fleet, shape (m,), int32, strictly rising; `counts`, shape (m,), how many of
    the f frames each one's bus carried. The frames stand vehicle by vehicle, each vehicle's in the order of its bus:
    `offset_us` (f,) is the end of a frame in µs after `start_ms`, `id` (f,) has bit `EXTENDED` set where it has 29
    bits, `data` (f, 8) is zero beyond `length` (f,).

    `errors`, shape (m,), counts the error frames that each bus saw, and `load` (m,) is the share of the second that it
    was busy; None where nobody measures them. A vehicle without frames is here only if its bus saw an error frame.
    """

    start_ms: int
    bus: str
    vehicles: NDArray[np.int32]
    counts: NDArray[np.int64]
    offset_us: NDArray[np.uint32]
    id: NDArray[np.uint32]
    length: NDArray[np.uint8]
    data: NDArray[np.uint8]
    errors: NDArray[np.uint32] | None = None
    load: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.vehicles)


@dataclass(frozen=True, slots=True)
class Label:
    """What truly happens to the vehicles `vehicles` (rows of the fleet) at `time_ms`: a fault of `kind`.

    There are none only where what breaks is no vehicle, such as a station where nobody is.

    `parameters` are the fault's own, as the scenario names them: plain values that JSON can carry.
    """

    time_ms: int
    kind: str
    phase: Phase
    vehicles: NDArray[np.int32]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.vehicles)


@dataclass(frozen=True, slots=True)
class Step:
    """What a stretch of simulated time produced, columns only; `until_ms` is its end.

    At the speed of the clock it is one second, or the last one of a pause in which nothing happened. A run that nobody
    waits for takes many seconds together: then events and the batches of a group are each in the order of time. A
    step with labels or CAN is one second. Labels come from its beginning and telemetry from its end. So a step is sent
    with its labels first, then by time, and at the same time events, samples, CAN.

    `batches` are what vehicles report. Where faults of their sensors alter that, `truth` holds what the vehicles really
    did, the same samples of the same instants; `true_batches` are these wherever there are any.
    """

    until_ms: int
    batches: tuple[Batch, ...] = ()
    events: tuple[Event, ...] = ()
    can: tuple[CanSecond, ...] = ()
    labels: tuple[Label, ...] = ()
    truth: tuple[Batch, ...] | None = None

    @property
    def true_batches(self) -> tuple[Batch, ...]:
        """The samples as the vehicles really were, whatever they report."""
        return self.batches if self.truth is None else self.truth


@dataclass(frozen=True, slots=True)
class Command:
    """What the cloud asks of one vehicle: a property set (`kind` "set") or a service call (`kind` "service")."""

    vehicle: int
    kind: Literal["set", "service"]
    identifier: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: `code` 200 if the car does it, otherwise a refusal's code with its reason in `message`.

    `output` maps the service's output identifiers to values.
    """

    code: int = 200
    message: str = "success"
    output: Mapping[str, Any] = field(default_factory=dict)
