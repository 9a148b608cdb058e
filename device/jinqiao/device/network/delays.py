"""How long messages took, as a histogram of bounded size: what a percentile needs, and no more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Delays"]

#: Spans of one octave: a value is known to 1/1024 of itself.
_SPANS = 1024
#: 2^40 µs are two weeks.
_OCTAVES = 41
_US_PER_MS = 1000.0


class Delays:
    """Counts durations in whole microseconds, shape (m,) at a time; figures come in ms, exact to 0.1 %.

    Mean, least and largest are exact.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_OCTAVES * _SPANS, np.int64)
        self._count = self._total_us = 0
        self._least_us, self._most_us = 1 << 62, 0

    def add(self, took_us: NDArray[np.int64]) -> None:
        """Count these; one below a microsecond counts as one."""
        if not len(took_us):
            return
        took_us = np.maximum(took_us, 1)
        fraction, octave = np.frexp(took_us.astype(np.float64))  # 0.5 ≤ fraction < 1
        span = (octave - 1) * _SPANS + ((fraction - 0.5) * (2 * _SPANS)).astype(np.int64)
        self._counts += np.bincount(np.minimum(span, len(self._counts) - 1), minlength=len(self._counts))
        self._count += len(took_us)
        self._total_us += int(took_us.sum())
        self._least_us = min(self._least_us, int(took_us.min()))
        self._most_us = max(self._most_us, int(took_us.max()))

    def __len__(self) -> int:
        return self._count

    def mean(self) -> float:
        return self._total_us / self._count / _US_PER_MS

    def min(self) -> float:
        return self._least_us / _US_PER_MS

    def max(self) -> float:
        return self._most_us / _US_PER_MS

    def percentile(self, percent: float) -> float:
        """The least duration that so many percent of all do not exceed (nearest rank)."""
        rank = max(1, int(np.ceil(percent / 100.0 * self._count - 1e-9)))
        if rank == self._count:
            return self.max()
        span = int(np.searchsorted(np.cumsum(self._counts), rank))
        octave, place = divmod(span, _SPANS)
        end_us = (0.5 + (place + 1) / (2 * _SPANS)) * 2.0 ** (octave + 1)
        return min(end_us / _US_PER_MS, self.max())
