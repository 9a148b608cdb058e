"""What telemetry says: its values at the decimals of the signal table, as whole numbers of the last decimal.

Everything that leaves a car in whatever form (a post's digits, a protobuf field, the digest, the last known value) is
made of these numbers, so all of them agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.telemetry import Batch

__all__ = ["FixedBatch", "fixed", "number_type", "scaled", "unscaled"]


class FixedBatch(Batch):
    """A batch whose signals are whole numbers of their last decimal, within their range; only what is published."""


def fixed(batch: Batch) -> FixedBatch:
    """The batch as it is published, clipped to its signals' ranges. Raises ValueError where a value is not finite."""
    if isinstance(batch, FixedBatch):
        return batch
    columns = {
        name: scaled(column, SIGNALS[name]) for name, column in batch.signals.items() if SIGNALS[name].identifier
    }
    return FixedBatch(batch.time_ms, batch.group, batch.vehicles, columns)


def number_type(signal: Signal) -> np.dtype[Any]:
    """Of the whole numbers of a signal: int32, or int64 where that is too small."""
    return np.dtype(np.int32 if max(-signal.low, signal.high) * 10**signal.decimals < 2**31 else np.int64)


def scaled(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """Values as whole numbers of the signal's last decimal, half to even, clipped to its range; shape (n,)."""
    unit = 10**signal.decimals
    if values.dtype.kind == "f":
        exact = values.astype(np.float64)
        exact *= unit
        np.rint(exact, out=exact)
        lowest, highest = exact.min(initial=0.0), exact.max(initial=0.0)
        if not np.isfinite(lowest + highest):
            raise ValueError(f"signal {signal.name!r} holds a value that is not finite")
        if lowest < signal.low * unit or highest > signal.high * unit:
            np.clip(exact, signal.low * unit, signal.high * unit, out=exact)
        return exact.astype(number_type(signal))
    whole = values.astype(np.int32)
    return np.clip(whole, int(signal.low), int(signal.high), out=whole)


def unscaled(whole: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """The values that whole numbers of the last decimal stand for."""
    return whole / 10**signal.decimals if signal.dtype[0] == "f" else whole
