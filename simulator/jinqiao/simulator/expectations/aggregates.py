"""What a fleet is like at each instant: counts, means, sums, extremes and percentiles over the last known values.

An aggregate follows the steps of a run, each once. It is known from the instant at which all of its vehicles have
reported; before, it would be one of those few that happened to report first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from .frame import Frame
from .known import groups_of
from .stretch import Domain, Stretch

__all__ = ["Aggregate", "Column", "Count", "EventCount", "Holding", "Statistic", "Track", "percentile"]


class Holding(Protocol):
    """A condition on vehicles: which signals it reads, and where it holds; see `simulator.conditions`."""

    signals: frozenset[str]

    def holds(self, values: Any, /) -> NDArray[np.bool_]:
        """Where it holds, shape (m,)."""


@dataclass(frozen=True, slots=True)
class Track:
    """Values, shape (k,), from instants `times_ms` on, which rise; `before` is the value until the first of them."""

    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    before: float

    def at(self, times_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values that stand at these moments; NaN where it is not known yet."""
        if not len(self.values):
            return np.full(len(times_ms), self.before)
        place = np.searchsorted(self.times_ms, times_ms, "right") - 1
        found: NDArray[np.float64] = np.where(place >= 0, self.values[np.maximum(place, 0)], self.before)
        return found


_NOTHING = np.zeros(0, np.int64), np.zeros(0)


class Aggregate(ABC):
    """`text` is how it is written, `unit` that of its values, which have `decimals` worth showing."""

    #: The signals of more than one group that it reads, which somebody has to remember for it.
    signals: frozenset[str] = frozenset()

    def __init__(self, text: str, unit: str, decimals: int) -> None:
        self.text, self.unit, self.decimals = text, unit, decimals

    @abstractmethod
    def follow(self, stretch: Stretch) -> Track:
        """Go on with the next step; its values there."""


class _Arrivals:
    """Who of a domain has not reported yet."""

    def __init__(self, domain: Domain, n: int) -> None:
        self.missing = domain.size
        self._waited_for = np.zeros(n, np.bool_)
        self._waited_for[domain.rows] = True

    def take(self, frame: Frame) -> int:
        """The number of the first instant of this frame at which nobody is missing, or how many it has."""
        if not self.missing:
            return 0
        fresh = np.flatnonzero(self._waited_for[frame.rows])
        rows, first = np.unique(frame.rows[fresh], return_index=True)
        self._waited_for[rows] = False
        self.missing -= len(rows)
        if self.missing or not len(rows):
            return len(frame.starts)
        last = int(fresh[first].max())
        return int(np.searchsorted(frame.starts, last, "right")) - 1


class _Rolling(Aggregate):
    """Over the last values of the vehicles of a domain among n, each a column of its own."""

    def __init__(self, text: str, unit: str, decimals: int, signals: frozenset[str], domain: Domain, n: int) -> None:
        super().__init__(text, unit, decimals)
        self.signals = signals
        self._domain = domain
        self._groups = groups_of(signals)
        self._arrivals = _Arrivals(domain, n)
        self._value = np.nan

    def follow(self, stretch: Stretch) -> Track:
        frame = stretch.frame(self._groups)
        before = self._value
        if frame is None or not len(frame):
            return Track(*_NOTHING, before)
        known_from = self._arrivals.take(frame)
        values = self._values(frame, known_from)
        values[:known_from] = np.nan
        self._value = float(values[-1])
        touched = self._domain.instants(frame)
        if touched is None:
            return Track(frame.instants, values, before)
        return Track(frame.instants[touched], values[touched], before)

    @abstractmethod
    def _values(self, frame: Frame, known_from: int) -> NDArray[np.float64]:
        """The values at each instant; they are known from the one with this number."""


class Count(_Rolling):
    """How many vehicles a condition holds for."""

    def __init__(self, text: str, condition: Holding, domain: Domain, n: int) -> None:
        super().__init__(text, "", 0, condition.signals, domain, n)
        self._condition = condition
        self._holds = np.zeros(n, np.bool_)
        self._total = 0

    def _values(self, frame: Frame, _: int) -> NDArray[np.float64]:
        now = self._domain.within(frame.rows, self._condition.holds(frame.values))
        old = frame.before(now, self._holds)
        if frame.single:
            totals = np.array([self._total + np.count_nonzero(now) - np.count_nonzero(old)], np.float64)
        else:
            gained = np.cumsum(now.astype(np.int64) - old)
            ends = np.append(frame.starts[1:], len(frame)) - 1
            totals = (self._total + gained[ends]).astype(np.float64)
        self._holds[frame.rows] = now
        self._total = int(totals[-1])
        return totals


#: A number from a column of values, shape (m,), m ≥ 1.
Column = Callable[[NDArray[np.float64]], float]


def percentile(percent: float) -> Column:
    """The smallest value that at least `percent` of all values do not exceed (nearest rank)."""

    def of(values: NDArray[np.float64]) -> float:
        place = max(0, int(np.ceil(percent / 100.0 * len(values) - 1e-9)) - 1)
        return float(np.partition(values, place)[place])

    return of


#: The statistics with a name; `p95` and its like are percentiles.
STATISTICS: dict[str, Column] = {
    "mean": lambda values: float(values.mean()),
    "sum": lambda values: float(values.sum()),
    "min": lambda values: float(values.min()),
    "max": lambda values: float(values.max()),
}
#: Those that change by what their parts change.
_ADDITIVE = ("mean", "sum")


class Statistic(_Rolling):
    """A statistic of one signal over a domain."""

    def __init__(self, text: str, kind: str, signal: str, domain: Domain, n: int) -> None:
        row = SIGNALS[signal]
        super().__init__(text, row.unit, row.decimals + (kind == "mean"), frozenset([signal]), domain, n)
        self._signal, self._kind = signal, kind
        self._of = STATISTICS[kind] if kind in STATISTICS else percentile(float(kind[1:]))
        self._last = np.zeros(n)

    def _values(self, frame: Frame, known_from: int) -> NDArray[np.float64]:
        now = frame.values[self._signal].astype(np.float64)
        if self._kind in _ADDITIVE and not frame.single and known_from == 0 and self._value == self._value:
            return self._added(frame, now)
        values = np.full(len(frame.starts), np.nan)
        for number, (_, here) in enumerate(frame.each()):
            self._last[frame.rows[here]] = now[here]
            if number >= known_from:
                values[number] = self._of(self._last[self._domain.rows])
        return values

    def _added(self, frame: Frame, now: NDArray[np.float64]) -> NDArray[np.float64]:
        """All instants at once, from what each sample changes."""
        total = float(self._last[self._domain.rows].sum())
        gained = now - frame.before(now, self._last)
        if self._domain.mask is not None:
            gained[~self._domain.mask[frame.rows]] = 0.0
        self._last[frame.rows] = now
        ends = np.append(frame.starts[1:], len(frame)) - 1
        totals = total + np.cumsum(gained)[ends]
        found: NDArray[np.float64] = totals / self._domain.size if self._kind == "mean" else totals
        return found


class EventCount(Aggregate):
    """How many events of one kind there have been in a span of time; `output` names what is summed up instead."""

    def __init__(
        self, text: str, identifier: str, domain: Domain, span_ms: tuple[int, int], output: str = "", unit: str = ""
    ) -> None:
        super().__init__(text, unit, 3 if output else 0)
        self._identifier, self._domain, self._span_ms, self._output = identifier, domain, span_ms, output
        self._total = 0.0

    @property
    def grows(self) -> bool:
        """Whether it never falls: a sum of outputs may."""
        return not self._output

    def follow(self, stretch: Stretch) -> Track:
        before = self._total
        times: list[int] = []
        totals: list[float] = []
        begin_ms, end_ms = self._span_ms
        for event in stretch.events.get(self._identifier, ()):
            mask = self._domain.mask
            if not begin_ms <= event.time_ms < end_ms or (mask is not None and not mask[event.vehicle]):
                continue
            self._total += float(event.output.get(self._output, 0)) if self._output else 1
            if times and times[-1] == event.time_ms:
                totals[-1] = self._total
            else:
                times.append(event.time_ms)
                totals.append(self._total)
        return Track(np.array(times, np.int64), np.array(totals, np.float64), before)
