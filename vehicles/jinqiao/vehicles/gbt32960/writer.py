"""Real-time frames of a fleet's vehicles, ready to be sent: layout by layout, signed where the edition signs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jinqiao.wire.gbt32960.signing import Signer

from .columns import Readings, layout_for
from .layout import FrameLayout

__all__ = ["FrameWriter"]


class FrameWriter:
    """Writes frames of one edition; `signer` signs those of 2025, which without one have no signature."""

    def __init__(self, edition: str, signer: Signer | None = None) -> None:
        self._edition = edition
        self._signer = signer if edition == "2025" else None
        self._layout = lru_cache(maxsize=256)(self._new_layout)

    def size(self, series: int) -> int:
        """Bytes of the frame of a car with that many cells and no alarm."""
        return self._layout(series, 0).size

    def write(self, vins: NDArray[np.bytes_], time_ms: ArrayLike, readings: Readings) -> list[bytes]:
        """One frame a vehicle, in order. Vehicles with equally many alarms share a layout."""
        alarms = readings.flag_count if self._edition == "2025" else np.zeros(len(vins), dtype=np.int64)
        series = readings.cells_mv.shape[1]
        frames: list[bytes] = [b""] * len(vins)
        for count in np.unique(alarms).tolist():
            rows = np.flatnonzero(alarms == count)
            layout = self._layout(series, count)
            columns = {
                path: column[rows] if column.ndim else column for path, column in readings.columns(layout).items()
            }
            times = np.broadcast_to(np.asarray(time_ms), len(vins))[rows]
            matrix = layout.fill(vins[rows], times, columns)
            if self._signer is not None:
                sign = self._signer.sign
                layout.sign(matrix, (sign(layout.signed_part(matrix, row)) for row in range(len(rows))))
            for row, frame in zip(rows.tolist(), layout.finish(matrix), strict=True):
                frames[row] = frame.tobytes()
        return frames

    def _new_layout(self, series: int, alarms: int) -> FrameLayout:
        room = self._signer.signature_bytes if self._signer is not None else None
        if self._edition == "2025" and room is None:
            room = 0  # the block is there, and empty
        return layout_for(self._edition, series, alarms=alarms, signature_bytes=room)
