"""Batches with values that differ from vehicle to vehicle and from batch to batch."""

from __future__ import annotations

import numpy as np

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch

__all__ = ["NOW_MS", "batch", "names"]

NOW_MS = 1_795_333_508_413


def names(count: int) -> list[str]:
    return [f"LBV{number:014d}" for number in range(count)]


def batch(count: int, turn: int = 0, group: str = "core") -> Batch:
    """The group's signals within what cars show, for vehicles 0 … count - 1."""
    random = np.random.default_rng(turn)
    signals = {}
    for signal in SIGNALS.group(group):
        low, high = max(signal.low, -400.0), min(signal.high, 400.0)
        if signal.dtype[0] == "f":
            signals[signal.name] = random.uniform(low, high, count).astype(signal.dtype)
        else:
            signals[signal.name] = random.integers(int(low), int(high), count, endpoint=True).astype(signal.dtype)
    return Batch.at(NOW_MS + 1000 * turn, group, np.arange(count, dtype=np.int32), signals)
