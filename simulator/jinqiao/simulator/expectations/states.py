"""Expectations of single vehicles: a condition that never, always or eventually holds, looked at in every sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from .aggregates import Holding
from .bounds import Side
from .judge import KEPT_FAILURES, Judge, Now, Outcome, Window
from .known import Known, groups_of
from .series import Trace
from .shown import clock, value
from .stretch import Domain, Stretch
from .verdict import Failure, Word

__all__ = ["Mode", "Shown", "VehicleJudge"]

Mode = Literal["never", "always", "eventually"]
#: The VIN of a row.
Vins = Callable[[int], str]


class Shown:
    """The value that a verdict reports: of one `signal` the one on this `side`; None where a condition has no such."""

    def __init__(self, signal: str, side: Side) -> None:
        self.signal, self.side = signal, side

    def pick(self, column: NDArray[Any]) -> int:
        """Where it is in a column, shape (m,), m ≥ 1."""
        if self.side == "last":
            return len(column) - 1
        return int(column.argmax() if self.side == "max" else column.argmin())

    def beyond(self, one: float, other: float) -> bool:
        """Whether one is farther on that side than the other."""
        return one > other if self.side == "max" else one < other if self.side == "min" else True


class VehicleJudge(Judge):
    """`mode` of a condition in the vehicles of a domain, in a window of the run that starts at `start_ms`.

    `within_ms` is the last moment at which what is to happen eventually may.
    """

    def __init__(
        self,
        mode: Mode,
        condition: Holding,
        domain: Domain,
        window: Window,
        vins: Vins,
        start_ms: int,
        shown: Shown | None = None,
        within_ms: int | None = None,
    ) -> None:
        self._mode, self._condition, self._domain, self.window = mode, condition, domain, window
        self._vins, self._start_ms, self._shown, self._within_ms = vins, start_ms, shown, within_ms
        self._groups = groups_of(condition.signals)
        self._samples = self._hits = 0
        self._first: Failure | None = None
        self._failures: list[Failure] = []
        self._struck: set[int] = set()
        self._extreme: tuple[float, int, int] | None = None
        self._came = False
        if shown is not None:
            row = SIGNALS[shown.signal]
            self.trace = Trace(row.identifier, row.unit, shown.side)
        else:
            self.trace = Trace("vehicles", "", "max")

    def prepare(self, known: Known) -> None:
        if len(self._groups) > 1 or self.window.moment:
            known.want(self._condition.signals)

    def take(self, stretch: Stretch) -> None:
        window = self.window
        if stretch.until_ms < window.begin_ms or self._came:
            return
        if window.moment:
            self._look_at(stretch.known_at(window.begin_ms))
            return
        frame = stretch.frame(self._groups)
        if stretch.until_ms >= window.end_ms:
            self._came = True
        if frame is None:
            return
        if frame.time_ms[0] < window.begin_ms or frame.time_ms[-1] >= window.end_ms:
            frame = frame.some((frame.time_ms >= window.begin_ms) & (frame.time_ms < window.end_ms))
        self._look(frame.time_ms, frame.rows, frame.values)

    def finish(self, known: Known, now_ms: int) -> None:
        if self.window.moment and not self._came and self.window.begin_ms <= now_ms:
            self._look_at(known)

    def _look_at(self, then: Known) -> None:
        """Judge what is known at the window's moment."""
        rows = np.flatnonzero(then.complete(self._condition.signals))
        self._look(np.full(len(rows), self.window.begin_ms, np.int64), rows, then.of(self._condition.signals, rows))
        self._came = True

    def _look(
        self, time_ms: NDArray[np.int64], rows: NDArray[np.integer[Any]], values: Mapping[str, NDArray[Any]]
    ) -> None:
        looked = self._domain.count(rows)
        if not looked:
            return
        self._samples += looked
        holds = self._condition.holds(values)
        hit = self._domain.within(rows, ~holds if self._mode == "always" else holds)
        count = int(np.count_nonzero(hit))
        if self._shown is not None:
            self._watch(self._shown, time_ms, rows, values)
        elif self.trace is not None:
            self.trace.add(int(time_ms[-1]), float(count))
        if count:
            self._hits += count
            self._note(np.flatnonzero(hit), time_ms, rows, values)

    def _watch(
        self,
        shown: Shown,
        time_ms: NDArray[np.int64],
        rows: NDArray[np.integer[Any]],
        values: Mapping[str, NDArray[Any]],
    ) -> None:
        column = values[shown.signal]
        if self._domain.mask is not None:
            mine = np.flatnonzero(self._domain.mask[rows])
            place = int(mine[shown.pick(column[mine])])
        else:
            place = shown.pick(column)
        found = float(column[place])
        if self.trace is not None:
            self.trace.add(int(time_ms[-1]), round(found, 6))
        if self._extreme is None or shown.beyond(found, self._extreme[0]):
            self._extreme = found, int(rows[place]), int(time_ms[place])

    def _note(
        self,
        places: NDArray[np.intp],
        time_ms: NDArray[np.int64],
        rows: NDArray[np.integer[Any]],
        values: Mapping[str, NDArray[Any]],
    ) -> None:
        """Keep the first few, one of each vehicle."""
        if self._mode == "eventually":
            if self._first is None:
                self._first = self._failure(int(places[0]), time_ms, rows, values)
            return
        if len(self._struck) >= KEPT_FAILURES:
            return
        for place in places.tolist():
            row = int(rows[place])
            if row not in self._struck:
                self._struck.add(row)
                self._failures.append(self._failure(place, time_ms, rows, values))
                if len(self._struck) >= KEPT_FAILURES:
                    return

    def _failure(
        self,
        place: int,
        time_ms: NDArray[np.int64],
        rows: NDArray[np.integer[Any]],
        values: Mapping[str, NDArray[Any]],
    ) -> Failure:
        told = ", ".join(_told(signal, values[signal][place]) for signal in _in_order(self._condition.signals))
        return Failure(int(time_ms[place]), self._vins(int(rows[place])), told)

    def outcome(self, now: Now) -> Outcome:
        return Outcome(self._word(now), self._measured(), self._samples, tuple(self._failures))

    def _word(self, now: Now) -> Word:
        over = now.final or self._came
        if self._mode == "eventually":
            if self._first is not None and (self._within_ms is None or self._first.time_ms <= self._within_ms):
                return "passed"
            if self._within_ms is not None and now.time_ms > self._within_ms and self._samples:
                return "failed"
            return "pending" if not over else "failed" if self._samples else "not exercised"
        if self._hits:
            return "failed"
        return "pending" if not over else "passed" if self._samples else "not exercised"

    def _measured(self) -> str:
        if not self._samples:
            return "no vehicle reported it" + (f" in {self.window.name}" if self.window.name else "")
        looked = f"in {self._samples:,} samples"
        if self._mode == "eventually":
            if self._first is not None:
                first = self._first
                return f"held first at {clock(first.time_ms, self._start_ms)}: {first.vin} {first.text}"
            return f"did not hold {looked}{self._at_most()}"
        if not self._hits:
            return (self._at_most() or f"{self._mode}").lstrip(", ") + f" {looked}"
        first = self._failures[0]
        when = clock(first.time_ms, self._start_ms)
        return f"{self._hits:,} of {self._samples:,} samples, first {first.vin} at {when}: {first.text}"

    def _at_most(self) -> str:
        if self._extreme is None or self._shown is None or self._shown.side == "last":
            return ""
        found, row, time_ms = self._extreme
        word = "highest" if self._shown.side == "max" else "lowest"
        when = clock(time_ms, self._start_ms)
        return f", {word} {value(self._shown.signal, found)} ({self._vins(row)} at {when})"


def _told(signal: str, found: Any) -> str:
    return f"{SIGNALS[signal].identifier} {value(signal, float(found))}"


def _in_order(signals: frozenset[str]) -> Sequence[str]:
    return [name for name in SIGNALS if name in signals]
