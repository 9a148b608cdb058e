"""Vehicles' own clocks where they are wrong: what they stamp on all they say, and never what happens when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import CanSecond, Event

__all__ = ["Clocks"]

Rows: TypeAlias = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class _Skew:
    source: object
    rows: Rows
    offset_s: float
    rate: float
    begun_s: int


class Clocks:
    """Of n vehicles in a run that began at `start_ms`. `any` says whether one of them is wrong.

    Several faults of a clock add up.
    """

    def __init__(self, n: int, start_ms: int) -> None:
        self.any = False
        self._start_ms = start_ms
        self._faults: list[_Skew] = []
        #: By how much each clock is ahead at second 0, s, and how much more it is each second, (n,).
        self._base_s = np.zeros(n)
        self._rate = np.zeros(n)

    def begin(self, source: object, rows: Rows, offset_s: float, rate: float, now_s: int) -> None:
        """From second `now_s` on these clocks are ahead by `offset_s`, and by `rate` more in each second."""
        self._faults.append(_Skew(source, rows, offset_s, rate, now_s))
        self._changed()

    def end(self, source: object, rows: Rows) -> None:
        """They are set right. Raises ValueError where they are not wrong."""
        for place, fault in enumerate(self._faults):
            if fault.source is source and np.array_equal(fault.rows, rows):
                del self._faults[place]
                break
        else:
            raise ValueError("no such fault of clocks is active")
        self._changed()

    def _changed(self) -> None:
        self._base_s[:] = self._rate[:] = 0.0
        for fault in self._faults:
            self._base_s[fault.rows] += fault.offset_s - fault.rate * fault.begun_s
            self._rate[fault.rows] += fault.rate
        self.any = bool(self._faults)

    def shown_ms(self, rows: NDArray[np.integer[Any]], time_ms: int | NDArray[np.int64]) -> NDArray[np.int64] | None:
        """What the clocks of these vehicles, shape (m,), show at `time_ms`, one for all or (m,); None if it is that."""
        base_s, rate = self._base_s[rows], self._rate[rows]
        if not (base_s.any() or rate.any()):
            return None
        ahead_s = base_s + rate * ((np.asarray(time_ms, np.int64) - self._start_ms) / 1000.0)
        shown: NDArray[np.int64] = np.asarray(time_ms, np.int64) + np.rint(ahead_s * 1000.0).astype(np.int64)
        return shown

    def stamped(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Events with what the clocks of their vehicles showed."""
        return tuple(self._stamped(event) for event in events)

    def _stamped(self, event: Event) -> Event:
        shown = self.shown_ms(np.array([event.vehicle]), event.time_ms)
        return event if shown is None else replace(event, stamp_ms=int(shown[0]))

    def of_can(self, seconds: Sequence[CanSecond]) -> tuple[CanSecond, ...]:
        """Seconds of CAN as vehicles date them: those whose clocks differ stand in seconds of their own."""
        return tuple(part for second in seconds for part in self._of_can(second))

    def _of_can(self, second: CanSecond) -> Iterator[CanSecond]:
        shown = self.shown_ms(second.vehicles, second.start_ms)
        if shown is None:
            yield second
            return
        places = np.repeat(np.arange(len(second)), second.counts)
        for start_ms in dict.fromkeys(shown.tolist()):
            own = shown == start_ms
            frames = own[places]
            yield CanSecond(
                start_ms,
                second.bus,
                second.vehicles[own],
                second.counts[own],
                second.offset_us[frames],
                second.id[frames],
                second.length[frames],
                second.data[frames],
                None if second.errors is None else second.errors[own],
                None if second.load is None else second.load[own],
            )
