"""How late messages were sent, counted in bins, so that a replay of days needs no more memory than one of seconds."""

from __future__ import annotations

import numpy as np

__all__ = ["Lateness"]

_BIN_MS = 0.05
_BINS = 200_000  # up to ten seconds; what is later counts there


class Lateness:
    """Messages by how late they were."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)
        self._latest_ms = 0.0

    def add(self, late_s: float, messages: int) -> None:
        """So many messages were late by so much; what went out early was not late."""
        late_ms = max(late_s * 1e3, 0.0)
        self._latest_ms = max(self._latest_ms, late_ms)
        self._counts[min(int(late_ms / _BIN_MS), _BINS - 1)] += messages

    def percentile(self, share: float) -> float | None:
        """The upper edge of the bin in which that share of the messages is reached, ms; None without messages."""
        total = int(self._counts.sum())
        if not total:
            return None
        reached = np.searchsorted(np.cumsum(self._counts), share * total)
        return float((reached + 1) * _BIN_MS)

    def as_json(self) -> dict[str, float]:
        """Median, 99th percentile, largest."""
        middle, most = self.percentile(0.5), self.percentile(0.99)
        if middle is None or most is None:
            return {}
        return {"p50": round(middle, 2), "p99": round(most, 2), "max": round(self._latest_ms, 2)}
