"""A step as expectations look at it: its samples as columns in the order of time, one frame for a set of groups.

Many expectations read the same samples, so what all of them need (which vehicle reported before, where an instant ends)
is found once for a step, and only if somebody asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event, Label

__all__ = ["Domain", "Frame", "Known", "Stretch", "groups_of"]

Mask = NDArray[np.bool_]
Rows = NDArray[np.integer[Any]]


def groups_of(signals: Collection[str]) -> frozenset[str]:
    """The telemetry groups that carry these signals."""
    return frozenset(SIGNALS[name].group for name in signals)


class Domain:
    """The vehicles an expectation is about: `rows` of the fleet of n, rising; all of them where `rows` is not given."""

    def __init__(self, name: str, n: int, rows: slice | NDArray[np.intp] | None = None) -> None:
        self.name = name
        self.rows: slice | NDArray[np.intp] = slice(0, n) if rows is None else rows
        self.mask: Mask | None = None
        if rows is not None:
            self.mask = np.zeros(n, np.bool_)
            self.mask[rows] = True
        self.size = n if self.mask is None else int(self.mask.sum())

    def within(self, rows: Rows, mask: Mask) -> Mask:
        """Those of `mask`, shape (m,), whose rows belong to it."""
        return mask if self.mask is None else mask & self.mask[rows]

    def count(self, rows: Rows) -> int:
        """How many of these rows belong to it."""
        return len(rows) if self.mask is None else int(np.count_nonzero(self.mask[rows]))


class Known:
    """The last true values of some signals of n vehicles, shape (n,) each; `seen[group]` says who has reported it."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._values: dict[str, NDArray[Any]] = {}
        self.seen: dict[str, Mask] = {}

    def want(self, signals: Collection[str]) -> None:
        """Remember these from now on."""
        for name in signals:
            if name not in self._values:
                self._values[name] = np.zeros(self._n, SIGNALS[name].dtype)
                self.seen.setdefault(SIGNALS[name].group, np.zeros(self._n, np.bool_))

    def __bool__(self) -> bool:
        return bool(self._values)

    @property
    def signals(self) -> Collection[str]:
        """What is remembered."""
        return self._values.keys()

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._values[name]

    def of(self, signals: Collection[str], rows: Rows) -> dict[str, NDArray[Any]]:
        """What these vehicles said last."""
        return {name: self._values[name][rows] for name in signals}

    def complete(self, signals: Collection[str]) -> Mask:
        """Who has reported all of these."""
        complete: Mask = np.logical_and.reduce([self.seen[group] for group in groups_of(signals)])
        return complete

    def take(self, batch: Batch, until_ms: int | None = None) -> None:
        """Remember what a batch says, up to a time."""
        end = len(batch) if until_ms is None else int(np.searchsorted(batch.time_ms, until_ms, "right"))
        if not end or batch.group not in self.seen:
            return
        rows = batch.vehicles[:end]
        self.seen[batch.group][rows] = True
        for name in self._values.keys() & batch.signals.keys():
            # Rows come in the order of time: of several values of one vehicle the last stays.
            self._values[name][rows] = batch.signals[name][:end]

    def copy(self) -> Known:
        """The same, to go on by itself."""
        other = Known(self._n)
        other._values = {name: column.copy() for name, column in self._values.items()}
        other.seen = {group: mask.copy() for group, mask in self.seen.items()}
        return other


class Frame:
    """m samples in the order of time; `rows` are vehicles, rising within an instant; `values` maps signals to (m,).

    A vehicle whose other group is not known yet is not in a frame of both groups.
    """

    def __init__(self, time_ms: NDArray[np.int64], rows: Rows, values: Mapping[str, NDArray[Any]]) -> None:
        self.time_ms, self.rows, self.values = time_ms, rows, values

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def starts(self) -> NDArray[np.intp]:
        """The first sample of each of the k instants."""
        times = self.time_ms
        if not len(times):
            return np.zeros(0, np.intp)
        if times[0] == times[-1]:
            return np.zeros(1, np.intp)
        return np.concatenate([np.zeros(1, np.intp), np.flatnonzero(times[1:] != times[:-1]) + 1])

    @cached_property
    def instants(self) -> NDArray[np.int64]:
        """The times of the k instants, rising strictly."""
        return self.time_ms[self.starts]

    @property
    def single(self) -> bool:
        """Whether all samples are of one instant, so that each vehicle is here once."""
        return len(self.starts) <= 1

    @cached_property
    def previous(self) -> NDArray[np.intp]:
        """For each sample the one of the same vehicle before it, -1 where it is the first here; shape (m,)."""
        before = np.full(len(self), -1, np.intp)
        if not self.single:
            order = np.argsort(self.rows, kind="stable")
            mine = self.rows[order]
            same = np.flatnonzero(mine[1:] == mine[:-1])
            before[order[same + 1]] = order[same]
        return before

    def before(self, now: NDArray[Any], state: NDArray[Any]) -> NDArray[Any]:
        """What stood before each sample: `now`, (m,), at the sample before, or `state`, (n,), of its vehicle."""
        old: NDArray[Any] = state[self.rows]
        if not self.single:
            there = self.previous >= 0
            old[there] = now[self.previous[there]]
        return old

    def some(self, chosen: slice | Mask) -> Frame:
        """Some of the samples, in their order."""
        values = {name: column[chosen] for name, column in self.values.items()}
        return Frame(self.time_ms[chosen], self.rows[chosen], values)

    def each(self) -> Iterator[tuple[int, slice]]:
        """The time and the samples of each instant."""
        edges = [*self.starts.tolist(), len(self)]
        for number, time_ms in enumerate(self.instants.tolist()):
            yield time_ms, slice(edges[number], edges[number + 1])


class Stretch:
    """One step. `known` is what was known before it; it takes this step's batches when all have looked."""

    def __init__(
        self,
        until_ms: int,
        batches: Collection[Batch],
        known: Known,
        events: Collection[Event] = (),
        labels: Collection[Label] = (),
    ) -> None:
        self.until_ms, self.batches, self.labels = until_ms, batches, labels
        self._known, self._events = known, events
        self._frames: dict[frozenset[str], Frame | None] = {}

    def frame(self, groups: frozenset[str]) -> Frame | None:
        """The samples of these groups; None where there are none."""
        if groups not in self._frames:
            self._frames[groups] = self._of_one(*groups) if len(groups) == 1 else self._of_both(groups)
        return self._frames[groups]

    @cached_property
    def events(self) -> dict[str, list[Event]]:
        """The events by their identifiers."""
        found: dict[str, list[Event]] = {}
        for event in self._events:
            found.setdefault(event.identifier, []).append(event)
        return found

    def known_at(self, time_ms: int) -> Known:
        """What is known at a moment within this step or before it."""
        then = self._known.copy()
        for batch in self.batches:
            then.take(batch, time_ms)
        return then

    def _of_one(self, group: str) -> Frame | None:
        batches = [batch for batch in self.batches if batch.group == group and len(batch)]
        if not batches:
            return None
        if len(batches) == 1:
            (one,) = batches
            return Frame(one.time_ms, one.vehicles, one.signals)
        times = np.concatenate([batch.time_ms for batch in batches])
        rows = np.concatenate([batch.vehicles for batch in batches])
        values = {name: np.concatenate([batch.signals[name] for batch in batches]) for name in batches[0].signals}
        if (times[1:] < times[:-1]).any() or _twice(times, rows):
            order = np.lexsort((rows, times))
            # Of two samples of one vehicle at one instant (a car that was just commanded) the later one counts.
            last = np.ones(len(order), np.bool_)
            last[:-1] = (times[order][1:] != times[order][:-1]) | (rows[order][1:] != rows[order][:-1])
            order = order[last]
            times, rows = times[order], rows[order]
            values = {name: column[order] for name, column in values.items()}
        return Frame(times, rows, values)

    def _of_both(self, groups: frozenset[str]) -> Frame | None:
        """A sample wherever a vehicle reports any of the groups, with what it last said in the others."""
        frames = [frame for group in groups if (frame := self.frame(frozenset([group]))) is not None]
        if not frames:
            return None
        first_ms = min(int(frame.time_ms[0]) for frame in frames)
        n = 1 + max(int(frame.rows.max()) for frame in frames)
        keys = np.unique(np.concatenate([(frame.time_ms - first_ms) * n + frame.rows for frame in frames]))
        after_ms, rows = np.divmod(keys, n)
        span = 1 + int(after_ms[-1])
        places = rows * span + after_ms
        seen = np.ones(len(rows), np.bool_)
        values: dict[str, NDArray[Any]] = {}
        for group in groups:
            names = [name for name in self._known.signals if SIGNALS[name].group == group]
            mine = self._known.seen[group][rows]
            before = self._known.of(names, rows)
            frame = self.frame(frozenset([group]))
            if frame is not None:
                own = frame.rows * np.int64(span) + (frame.time_ms - first_ms)
                order = np.argsort(own, kind="stable")
                found = np.searchsorted(own[order], places, "right") - 1
                here = order[np.maximum(found, 0)]
                now = (found >= 0) & (frame.rows[here] == rows)
                before = {name: np.where(now, frame.values[name][here], column) for name, column in before.items()}
                mine = mine | now
            values |= before
            seen &= mine
        return Frame(after_ms + first_ms, rows, values).some(seen) if seen.any() else None


def _twice(times: NDArray[np.int64], rows: Rows) -> bool:
    """Whether a vehicle stands beside itself at one instant, or rows fall within one."""
    same = times[1:] == times[:-1]
    return bool((same & (rows[1:] <= rows[:-1])).any())
