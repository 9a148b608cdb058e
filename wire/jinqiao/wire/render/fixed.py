"""What telemetry says: its values at the decimals of the signal table, as whole numbers of the last decimal.

Everything that leaves a car in whatever form (a post's digits, a protobuf field, the digest, the last known value) is
made of these numbers, so all of them agree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.telemetry import Batch

__all__ = ["FixedBatch", "as_items", "fixed", "number_type", "row_type", "scaled", "unscaled"]


@dataclass(frozen=True, slots=True)
class FixedBatch(Batch):
    """A batch whose signals are whole numbers of their last decimal, within their range; only what is published.

    `records`, shape (m,), of `row_type`, are what the columns are views of, if they were made together.
    """

    records: NDArray[Any] | None = None

    @classmethod
    def of_records(cls, group: str, time_ms: NDArray[np.int64], vehicles: NDArray[np.int32], records: Any) -> Self:
        """The batch whose columns are views of these."""
        columns = {name: records[name] for name in records.dtype.names[_HEAD:]}
        return cls(time_ms, group, vehicles, columns, records=records)


@lru_cache(maxsize=64)
def row_type(names: tuple[str, ...]) -> np.dtype[Any]:
    """A row of telemetry: whose, its number, its time, then whole numbers of each signal; little-endian, packed."""
    fields = [("vehicle", "<i4"), ("id", "<i4"), ("time_ms", "<i8")]
    fields += [(name, f"<i{number_type(SIGNALS[name]).itemsize}") for name in names]
    return np.dtype(fields)


def as_items(rows: NDArray[Any]) -> NDArray[Any]:
    """The same memory as items without fields: NumPy copies a structured item field by field, this in one go."""
    return rows.view(f"V{rows.itemsize}")


#: Fields of a row before its signals.
_HEAD = 3


def fixed(batch: Batch) -> FixedBatch:
    """The batch as it is published, clipped to its signals' ranges. Raises ValueError where a value is not finite.

    Its records have their signals and nothing else yet.
    """
    if isinstance(batch, FixedBatch):
        return batch
    names = tuple(name for name in batch.signals if SIGNALS[name].identifier)
    records = np.empty(len(batch), row_type(names))
    for name in names:
        records[name] = _in_range(batch.signals[name], SIGNALS[name])
    said = FixedBatch.of_records(batch.group, batch.time_ms, batch.vehicles, records)
    return said if batch.stamps_ms is None else replace(said, stamps_ms=batch.stamps_ms)


def number_type(signal: Signal) -> np.dtype[Any]:
    """Of the whole numbers of a signal: int32, or int64 where that is too small."""
    return np.dtype(np.int32 if max(-signal.low, signal.high) * 10**signal.decimals < 2**31 else np.int64)


def scaled(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """Values as whole numbers of the signal's last decimal, half to even, clipped to its range; shape (n,)."""
    return _in_range(values, signal).astype(number_type(signal))


def _in_range(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """The same numbers, in whatever type; whole ones that need no clipping are those that came."""
    if values.dtype.kind == "f":
        unit = 10**signal.decimals
        exact: NDArray[np.float64] = np.multiply(values, unit, dtype=np.float64)
        np.rint(exact, out=exact)
        lowest, highest = exact.min(initial=0.0), exact.max(initial=0.0)
        if not np.isfinite(lowest + highest):
            raise ValueError(f"signal {signal.name!r} holds a value that is not finite")
        if lowest < signal.low * unit or highest > signal.high * unit:
            np.clip(exact, signal.low * unit, signal.high * unit, out=exact)
        return exact
    low, high = int(signal.low), int(signal.high)
    if len(values) and (values.min() < low or values.max() > high):
        return np.clip(values.astype(np.int32), low, high)
    return values


def unscaled(whole: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """The values that whole numbers of the last decimal stand for."""
    return whole / 10**signal.decimals if signal.dtype[0] == "f" else whole
