"""Rows of telemetry as they came, a bounded number of bytes of them, found again by vehicle and time."""

from __future__ import annotations

import threading
from collections import deque
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.render.fixed import as_items

__all__ = ["KeptRows"]

_SEGMENT_BYTES = 1 << 20
#: So that a small bound holds, too, and forgets little at a time.
_LEAST_SEGMENTS = 16


class _Segment:
    """Places for rows of one kind; the first `count` are taken and never change again."""

    __slots__ = ("_raw", "count", "first_ms", "last_ms", "nbytes", "rows", "touched", "vehicles")

    def __init__(self, places: int, kind: np.dtype[Any]) -> None:
        self.rows: NDArray[Any] = np.empty(places, kind)
        self.vehicles = np.empty(places, np.int32)
        self._raw = as_items(self.rows)
        self.nbytes = self.rows.nbytes + self.vehicles.nbytes
        self.count = self.touched = 0
        self.first_ms, self.last_ms = np.iinfo(np.int64).max, np.iinfo(np.int64).min

    @property
    def is_full(self) -> bool:
        return self.count == len(self.rows)

    def take(self, vehicles: NDArray[np.int32], rows: NDArray[Any], number: int) -> int:
        """As many as there is room for, from the first; says how many."""
        start = self.count
        stop = min(start + len(rows), len(self.rows))
        taken = stop - start
        self._raw[start:stop] = as_items(rows[:taken])
        self.vehicles[start:stop] = vehicles[:taken]
        times = rows["time_ms"][:taken]
        self.first_ms = min(self.first_ms, int(times.min()))
        self.last_ms = max(self.last_ms, int(times.max()))
        self.count, self.touched = stop, number
        return taken

    def find(self, count: int, vehicle: int, span: tuple[int, int]) -> NDArray[Any]:
        """Those of a vehicle among the first `count` with a time of this span, both ends inclusive."""
        places = np.flatnonzero(self.vehicles[:count] == vehicle)
        found = self._raw[places].view(self.rows.dtype)
        times = found["time_ms"]
        return found[(times >= span[0]) & (times <= span[1])]


class KeptRows:
    """At most `most_bytes` of rows; the oldest are forgotten. Taken on one thread, searched on any."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._segment_bytes = min(_SEGMENT_BYTES, most_bytes // _LEAST_SEGMENTS)
        self._shelves: dict[tuple[str, ...], deque[_Segment]] = {}
        self._numbers = count(1)
        self._lock = threading.Lock()
        #: Of all places, taken or not.
        self.held_bytes = 0

    @property
    def kinds(self) -> list[tuple[str, ...]]:
        """What rows there are: the names of their fields."""
        with self._lock:
            return list(self._shelves)

    def take(self, vehicles: NDArray[np.int32], rows: NDArray[Any]) -> None:
        """Remember rows, shape (m,), mostly in the order of their `time_ms`; `vehicles` (m,) are whose they are."""
        number, start = next(self._numbers), 0
        with self._lock:
            shelf = self._shelves.setdefault(rows.dtype.names or (), deque())
            while start < len(rows):
                if not shelf or shelf[-1].is_full:
                    shelf.append(self._fresh(rows.dtype, number))
                start += shelf[-1].take(vehicles[start:], rows[start:], number)

    def find(
        self, kind: tuple[str, ...], vehicle: int, span: tuple[int, int], page: int, *, ascending: bool
    ) -> NDArray[Any]:
        """Rows of a vehicle within a span of time (ms, both ends inclusive) in the order of time: those of a page.

        Those of the first `page` places, and behind them at least one of a time later than the first; or all.
        """
        with self._lock:
            shelf = [
                (segment, segment.count, segment.first_ms, segment.last_ms)
                for segment in self._shelves.get(kind, ())
                if segment.last_ms >= span[0] and segment.first_ms <= span[1]
            ]
        shelf.sort(key=lambda one: one[2] if ascending else -one[3])
        found: NDArray[Any] | None = None
        for segment, taken, first_ms, last_ms in shelf:
            if found is not None:
                end = _end_of_page(found["time_ms"], page)
                if end is not None and (first_ms > end if ascending else last_ms < end):
                    break
            more = segment.find(taken, vehicle, span)
            found = more if found is None else _joined(found, more)
            found = found[np.argsort(found["time_ms"] if ascending else -found["time_ms"], kind="stable")]
            end = _end_of_page(found["time_ms"], page)
            if end is not None:
                found = found[found["time_ms"] <= end if ascending else found["time_ms"] >= end]
        return found if found is not None else np.zeros(0, [("time_ms", "<i8")])

    def _fresh(self, kind: np.dtype[Any], number: int) -> _Segment:
        """A segment, for which the oldest make room; the newest of all is it."""
        segment = _Segment(max(1, self._segment_bytes // (kind.itemsize + 4)), kind)
        segment.touched = number
        self.held_bytes += segment.nbytes
        while self.held_bytes > self._most_bytes:
            shelves = [shelf for shelf in self._shelves.values() if shelf]
            if not shelves:
                break
            self.held_bytes -= min(shelves, key=lambda shelf: shelf[0].touched).popleft().nbytes
        return segment


def _joined(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([as_items(first), as_items(second)]).view(first.dtype)


def _end_of_page(times: NDArray[np.int64], page: int) -> int | None:
    """The time at which a page of these ordered times ends: that of the first row behind it that is not of the first
    one's time. None if there is none."""
    behind = times[page:]
    later = behind[behind != times[0]] if len(behind) else behind
    return int(later[0]) if len(later) else None
