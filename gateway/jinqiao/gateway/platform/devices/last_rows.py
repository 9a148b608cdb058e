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

    def take(self, vehicles: NDArray[np.int32], rows: NDArray[Any], *, in_order: bool = True) -> None:
        """Of a vehicle's rows the later one stays, also if an earlier one comes late; `in_order`: they never fall."""
        times = rows["time_ms"]
        if not in_order or times[0] < self._latest_ms:
            order = np.argsort(times, kind="stable")
            order = order[times[order] >= self.rows["time_ms"][vehicles[order]]]
            if not len(order):
                return
            vehicles, rows = vehicles[order], rows[order]
        self._raw[vehicles] = as_items(rows)
        self._latest_ms = max(self._latest_ms, int(rows["time_ms"][-1]))
