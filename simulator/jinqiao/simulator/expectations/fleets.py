"""Expectations of whole fleets: comparisons of aggregates, looked at in each instant at which one of them changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .aggregates import Aggregate, EventCount, Track
from .bounds import Bound
from .judge import KEPT_FAILURES, Judge, Now, Outcome, Window
from .known import Known, groups_of
from .series import Trace
from .shown import clock, number
from .states import Mode
from .stretch import Stretch
from .verdict import Failure, Word

__all__ = ["FleetFormula", "FleetJudge", "TotalJudge"]

#: From the values of each comparison's aggregate, shape (k,), to where the whole holds.
Combine = Callable[[Sequence[NDArray[np.bool_]]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class FleetFormula:
    """Comparisons, each of an aggregate with a bound, put together by `combine`."""

    aggregates: tuple[Aggregate, ...]
    bounds: tuple[Bound, ...]
    combine: Combine
    #: Whether it is one comparison and nothing else.
    plain: bool = True

    def prepare(self, known: Known) -> None:
        """Let `known` remember what aggregates read of more than one group."""
        for one in self.aggregates:
            if len(groups_of(one.signals)) > 1:
                known.want(one.signals)

    def holds(self, values: Sequence[NDArray[np.float64]]) -> NDArray[np.bool_]:
        """Where it holds, with the values of each aggregate, shape (k,)."""
        return self.combine([bound.holds(column) for bound, column in zip(self.bounds, values, strict=True)])

    def told(self, values: Sequence[float]) -> str:
        """The values in words: `count(charging) 17`."""
        return ", ".join(_shown(one, value) for one, value in zip(self.aggregates, values, strict=True))


def _shown(one: Aggregate, value: float) -> str:
    return f"{one.text} {number(value, one.unit, one.decimals)}"


class FleetJudge(Judge):
    """`mode` of a formula over a fleet, in a window of the run that starts at `start_ms`.

    `within_ms` is the last moment at which what is to happen eventually may.
    """

    def __init__(
        self, mode: Mode, formula: FleetFormula, window: Window, start_ms: int, within_ms: int | None = None
    ) -> None:
        self._mode, self._formula, self.window, self._start_ms = mode, formula, window, start_ms
        self._within_ms = within_ms
        self._since_ms = start_ms - 1
        self._tracks: list[Track] = []
        self._instants = self._hits = 0
        self._came = False
        self._first: Failure | None = None
        self._failures: list[Failure] = []
        self._failing = False
        self._lowest = [np.inf] * len(formula.aggregates)
        self._highest = [-np.inf] * len(formula.aggregates)
        first = formula.aggregates[0]
        self._side = formula.bounds[0].worst if mode == "always" else formula.bounds[0].best
        self.trace = Trace(first.text, first.unit, self._side)

    def prepare(self, known: Known) -> None:
        self._formula.prepare(known)

    def take(self, stretch: Stretch) -> None:
        if self._came:
            return
        self._tracks = [one.follow(stretch) for one in self._formula.aggregates]
        times = self._tracks[0].times_ms
        if len(self._tracks) > 1:
            times = np.unique(np.concatenate([track.times_ms for track in self._tracks]))
        self._look(times, stretch.until_ms)

    def _look(self, times: NDArray[np.int64], until_ms: int) -> None:
        """Judge the instants among `times` that are in the window, and its beginning where that has come."""
        window = self.window
        begins = self._since_ms < window.begin_ms <= until_ms
        self._since_ms = until_ms
        if window.moment:
            if not begins:
                return
            times = np.array([window.begin_ms], np.int64)
            self._came = True
        elif not window.whole:
            times = times[(times >= window.begin_ms) & (times < window.end_ms)]
            if begins and not (len(times) and times[0] == window.begin_ms):
                times = np.concatenate([np.array([window.begin_ms], np.int64), times])
            self._came = until_ms >= window.end_ms
        if not len(times):
            return
        values = [track.at(times) for track in self._tracks]
        if np.isnan(values[0][0]) or any(np.isnan(column).any() for column in values):
            known = ~np.logical_or.reduce([np.isnan(column) for column in values])
            if not known.any():
                return
            times, values = times[known], [column[known] for column in values]
        self._judge(times, values)

    def _judge(self, times: NDArray[np.int64], values: list[NDArray[np.float64]]) -> None:
        self._instants += len(times)
        for place, column in enumerate(values):
            self._lowest[place] = min(self._lowest[place], float(column.min()))
            self._highest[place] = max(self._highest[place], float(column.max()))
        first = values[0]
        shown = {"max": first.max, "min": first.min}[self._side]() if self._side != "last" else first[-1]
        assert self.trace is not None
        self.trace.add(int(times[-1]), round(float(shown), 6))
        holds = self._formula.holds(values)
        hit = ~holds if self._mode == "always" else holds
        count = int(np.count_nonzero(hit))
        if not count:
            self._failing = False
            return
        self._hits += count
        for place in np.flatnonzero(hit).tolist():
            if self._first is not None and self._mode == "eventually":
                break
            # One failure for each stretch of time in which it fails.
            if (place == 0 and self._failing) or (place > 0 and hit[place - 1]):
                continue
            if len(self._failures) >= KEPT_FAILURES:
                break
            found = Failure(int(times[place]), None, self._formula.told([float(column[place]) for column in values]))
            self._first = self._first or found
            if self._mode != "eventually":
                self._failures.append(found)
        self._failing = bool(hit[-1])

    def finish(self, _: Known, now_ms: int) -> None:
        if not self._came and self._tracks and self.window.begin_ms > self._since_ms:
            self._look(np.zeros(0, np.int64), now_ms)

    def outcome(self, now: Now) -> Outcome:
        return Outcome(self._word(now), self._measured(), self._instants, tuple(self._failures))

    def _word(self, now: Now) -> Word:
        over = now.final or self._came
        if self._mode == "eventually":
            if self._first is not None and (self._within_ms is None or self._first.time_ms <= self._within_ms):
                return "passed"
            if self._within_ms is not None and now.time_ms > self._within_ms and self._instants:
                return "failed"
            return "pending" if not over else "failed" if self._instants else "not exercised"
        if self._hits:
            return "failed"
        return "pending" if not over else "passed" if self._instants else "not exercised"

    def _measured(self) -> str:
        if not self._instants:
            name = self.window.name
            return f"{name} did not come" if name else "its moment did not come" if self.window.moment else "not known"
        if self.window.moment:
            return self._formula.told(self._lowest)
        if self._mode == "eventually" and self._first is not None:
            return f"held first at {clock(self._first.time_ms, self._start_ms)}: {self._first.text}"
        spans = ", ".join(
            _span(one, low, high)
            for one, low, high in zip(self._formula.aggregates, self._lowest, self._highest, strict=True)
        )
        if not self._failures:
            return f"{spans} in {self._instants:,} instants"
        first = self._failures[0]
        return f"{spans}; first at {clock(first.time_ms, self._start_ms)}: {first.text}"


def _span(one: Aggregate, low: float, high: float) -> str:
    shown = [number(value, one.unit, one.decimals) for value in (low, high)]
    return f"{one.text} {shown[0]}" if low == high else f"{one.text} from {shown[0]} to {shown[1]}"


class TotalJudge(Judge):
    """A formula over what only grows, as counts of events do: judged by what has come together when its window ends."""

    def __init__(self, formula: FleetFormula, window: Window, start_ms: int) -> None:
        self._formula, self.window, self._start_ms = formula, window, start_ms
        self._values = [0.0] * len(formula.aggregates)
        self._passed_ms = start_ms
        first = formula.aggregates[0]
        self.trace = Trace(first.text, first.unit)

    def prepare(self, known: Known) -> None:
        self._formula.prepare(known)

    def take(self, stretch: Stretch) -> None:
        if self._passed_ms >= self.window.end_ms:
            return
        self._passed_ms = stretch.until_ms
        limit = np.array([min(stretch.until_ms, self.window.end_ms - 1)], np.int64)
        tracks = [one.follow(stretch) for one in self._formula.aggregates]
        self._values = [float(track.at(limit)[0]) for track in tracks]
        if self._passed_ms >= self.window.begin_ms:
            assert self.trace is not None
            self.trace.add(int(limit[0]), self._values[0])

    def outcome(self, now: Now) -> Outcome:
        came = self._passed_ms >= self.window.begin_ms and not any(np.isnan(self._values))
        measured = self._formula.told(self._values) if came else f"{self.window.name} did not come".strip()
        return Outcome(self._word(came, now), measured, int(came))

    def _word(self, came: bool, now: Now) -> Word:
        if not came:
            return "not exercised" if now.final else "pending"
        holds = bool(self._formula.holds([np.array([value]) for value in self._values])[0])
        over = now.final or self._passed_ms >= self.window.end_ms
        if over:
            return "passed" if holds else "failed"
        # A single number that only grows: below its floor it may still come, above its ceiling it never comes back.
        if self._formula.plain and isinstance(one := self._formula.aggregates[0], EventCount) and one.grows:
            bound = self._formula.bounds[0]
            if bound.operator in ("<", "<=") and bound.high is None and not holds:
                return "failed"
            if bound.operator in (">", ">=") and bound.high is None and holds:
                return "passed"
        return "pending"
