"""The last row of telemetry of each vehicle, as one structured array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.render.fixed import as_items

__all__ = ["LastRows"]


class LastRows:
    """The last row of each of n vehicles, of one group; `rows` has the group's row type, shape (n,)."""

    __slots__ = ("_latest_ms", "_raw", "rows")

    def __init__(self, count: int, kind: np.dtype[Any]) -> None:
        self.rows: NDArray[Any] = np.zeros(count, kind)
        self._raw = as_items(self.rows)
        self._latest_ms = 0

    def take(self, vehicles: NDArray[np.int32], rows: NDArray[Any]) -> None:
        """Rows in the order of time: of a vehicle's the later one stays, also if an earlier one comes late."""
        if rows["time_ms"][0] < self._latest_ms:
            fresh = rows["time_ms"] >= self.rows["time_ms"][vehicles]
            vehicles, rows = vehicles[fresh], rows[fresh]
            if not len(rows):
                return
        self._raw[vehicles] = as_items(rows)
        self._latest_ms = max(self._latest_ms, int(rows["time_ms"][-1]))
