"""A `Step` as vehicles say it: numbered, at the decimals it is published with, but not yet rendered.

What is seldom (events, labels) is whole packets already; telemetry is rows of one structured array, which are what the
digest runs over and what crosses to the gateway process. Whoever needs bytes renders them from the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import CanSecond

from .fixed import FixedBatch, number_type

__all__ = ["Said", "SaidBatch", "SaidPacket", "row_type"]


class SaidPacket(NamedTuple):
    """A whole PUBLISH of a vehicle, with the time it is of and the kind of its topic."""

    time_ms: int
    vehicle: int
    kind: str
    data: bytes


@dataclass(frozen=True, slots=True)
class SaidBatch:
    """m samples in the form that `kind` names (`property_post`, `protobuf_sample`); `ids`, shape (m,), number them.

    `rows`, shape (m,), are the records that the columns are views of, where they came as such.
    """

    kind: str
    batch: FixedBatch
    ids: NDArray[np.int32]
    rows: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.batch)

    def some(self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]) -> SaidBatch:
        """Some of them, in their order."""
        return SaidBatch(self.kind, self.batch.rows(chosen), self.ids[chosen])

    def records(self, vehicles: NDArray[np.int32]) -> NDArray[Any]:
        """Rows of `row_type`, shape (m,), each for the vehicle that `vehicles` calls it by."""
        batch = self.batch
        rows = np.empty(len(batch), row_type(batch.group, tuple(batch.signals)))
        rows["vehicle"], rows["id"], rows["time_ms"] = vehicles, self.ids, batch.time_ms
        for name, column in batch.signals.items():
            rows[name] = column
        return rows

    @classmethod
    def of_records(cls, kind: str, group: str, vehicles: NDArray[np.int32], rows: NDArray[Any]) -> SaidBatch:
        """The batch that such rows hold; columns are views of them."""
        names = rows.dtype.names or ()
        columns = {name: rows[name] for name in names[3:]}
        return cls(kind, FixedBatch(rows["time_ms"], group, vehicles, columns), rows["id"], rows)


@dataclass(frozen=True, slots=True)
class Said:
    """One step; labels are from its beginning, events and batches each in the order of time, then CAN."""

    labels: list[SaidPacket]
    events: list[SaidPacket]
    batches: list[SaidBatch]
    can: tuple[CanSecond, ...]


@lru_cache(maxsize=64)
def row_type(group: str, names: tuple[str, ...]) -> np.dtype[Any]:  # noqa: ARG001 - one type for each group
    """A row of telemetry: whose, its number, its time, then whole numbers of each signal; little-endian, packed."""
    fields = [("vehicle", "<i4"), ("id", "<i4"), ("time_ms", "<i8")]
    fields += [(name, f"<i{number_type(SIGNALS[name]).itemsize}") for name in names]
    return np.dtype(fields)
