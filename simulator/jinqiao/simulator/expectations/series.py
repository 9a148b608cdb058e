"""Values over time, thinned while they come, for plots."""

from __future__ import annotations

from typing import Literal

from .verdict import Series

__all__ = ["Trace"]

#: Points that are kept: a plot of a thousand pixels shows no more.
MOST_POINTS = 400

Keep = Literal["max", "min", "last"]


class Trace:
    """Keeps one value in each span of time: the largest, the smallest or the last, as `keep` says.

    Spans begin with one second and double whenever there are too many points.
    """

    def __init__(self, name: str, unit: str, keep: Keep = "last") -> None:
        self._name, self._unit, self._keep = name, unit, keep
        self._span_ms = 1000
        self._times: list[int] = []
        self._values: list[float] = []

    def add(self, time_ms: int, value: float) -> None:
        """One more value; times do not fall."""
        if self._times and time_ms // self._span_ms == self._times[-1] // self._span_ms:
            self._merge(time_ms, value)
            return
        if len(self._times) >= MOST_POINTS:
            self._halve()
            self.add(time_ms, value)
            return
        self._times.append(time_ms)
        self._values.append(value)

    def series(self) -> Series | None:
        """What there is; None where there is nothing."""
        if not self._times:
            return None
        return Series(self._name, self._unit, tuple(self._times), tuple(self._values))

    def _merge(self, time_ms: int, value: float) -> None:
        kept = self._values[-1]
        if self._keep == "last" or (value > kept if self._keep == "max" else value < kept):
            self._times[-1], self._values[-1] = time_ms, value

    def _halve(self) -> None:
        """Spans of twice the length, or more where that merges nothing."""
        times, values = self._times, self._values
        while len(self._times) >= MOST_POINTS:
            self._span_ms *= 2
            self._times, self._values = [], []
            for time_ms, value in zip(times, values, strict=True):
                if self._times and time_ms // self._span_ms == self._times[-1] // self._span_ms:
                    self._merge(time_ms, value)
                else:
                    self._times.append(time_ms)
                    self._values.append(value)
