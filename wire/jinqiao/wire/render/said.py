"""A `Step` as vehicles say it: numbered, at the decimals it is published with, but not yet rendered.

What is seldom (events, labels) is whole packets already; telemetry is rows of one structured array, which are what the
digest runs over and what crosses to the gateway process. Whoever needs bytes renders them from the rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import CanSecond, starts_of

from .fixed import FixedBatch, row_type

__all__ = ["Said", "SaidBatch", "SaidPacket"]


class SaidPacket(NamedTuple):
    """A whole PUBLISH of a vehicle, with the time it is of and the kind of its topic.

    `arrives_ms` orders it among all others where it comes late; None: `time_ms` does.
    """

    time_ms: int
    vehicle: int
    kind: str
    data: bytes
    arrives_ms: int | None = None

    @property
    def turn_ms(self) -> int:
        """What it is ordered by."""
        return self.time_ms if self.arrives_ms is None else self.arrives_ms


@dataclass(frozen=True, slots=True)
class SaidBatch:
    """m samples in the form that `kind` names (`property_post`, `protobuf_sample`); `ids`, shape (m,), number them.

    `rows`, shape (m,), are whole records, where it came as such. `arrives_ms`, shape (m,), never falling, orders them
    among all others where some come late: then the times of the samples may fall, and vehicles rise strictly within
    what arrives and was sampled together. Where it is None they are ordered by time.
    """

    kind: str
    batch: FixedBatch
    ids: NDArray[np.int32]
    rows: NDArray[Any] | None = None
    arrives_ms: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.batch)

    def some(self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]) -> SaidBatch:
        """Some of them, in their order."""
        arrives_ms = None if self.arrives_ms is None else self.arrives_ms[chosen]
        return SaidBatch(self.kind, self.batch.rows(chosen), self.ids[chosen], arrives_ms=arrives_ms)

    @property
    def turns_ms(self) -> NDArray[np.int64]:
        """What they are ordered by, shape (m,)."""
        return self.batch.time_ms if self.arrives_ms is None else self.arrives_ms

    @property
    def edges(self) -> list[int]:
        """Where what is ordered alike begins, and behind all of it the length; none of an empty batch."""
        return [*starts_of(self.turns_ms).tolist(), len(self)]

    def records(self, vehicles: NDArray[np.int32]) -> NDArray[Any]:
        """Rows of `row_type`, shape (m,), each for the vehicle that `vehicles` calls it by."""
        batch, rows = self.batch, self.batch.records
        if rows is None or not rows.flags.writeable:  # what was read stays as it came
            rows = np.empty(len(batch), row_type(tuple(batch.signals)))
            for name, column in batch.signals.items():
                rows[name] = column
        rows["vehicle"], rows["id"], rows["time_ms"] = vehicles, self.ids, batch.time_ms
        return rows

    @classmethod
    def of_records(
        cls,
        kind: str,
        group: str,
        vehicles: NDArray[np.int32],
        rows: NDArray[Any],
        arrives_ms: NDArray[np.int64] | None = None,
    ) -> SaidBatch:
        """The batch that such rows hold; columns are views of them."""
        batch = FixedBatch.of_records(group, rows["time_ms"], vehicles, rows)
        return cls(kind, batch, rows["id"], rows, arrives_ms)


@dataclass(frozen=True, slots=True)
class Said:
    """One step; labels are from its beginning, events and batches each in the order of time, then CAN.

    `posts` are of vehicles that have come back, and go before what they say afterwards: the platform reads them, as it
    does those of any device.
    """

    labels: list[SaidPacket]
    events: list[SaidPacket]
    batches: list[SaidBatch]
    can: tuple[CanSecond, ...]
    posts: list[SaidPacket] = field(default_factory=list)
