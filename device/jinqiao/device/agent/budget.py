"""How much a vehicle works on in a second: what is above it is dropped, as the platform drops it."""

from __future__ import annotations

from collections import Counter

from jinqiao.wire.alink.limits import DEVICE_RATES

__all__ = ["Budget"]


class Budget:
    """Downlinks of each vehicle in the caller's present second; the platform sends a device 50 a second."""

    def __init__(self, per_s: int = DEVICE_RATES.down) -> None:
        self._per_s = per_s
        self._second = -1
        self._taken: Counter[int] = Counter()
        #: Messages above it, so far.
        self.dropped = 0

    def takes(self, row: int, now_s: float) -> bool:
        """Whether one more message of this vehicle is worked on."""
        second = int(now_s)
        if second != self._second:
            self._second = second
            self._taken.clear()
        if self._taken[row] >= self._per_s:
            self.dropped += 1
            return False
        self._taken[row] += 1
        return True
