"""Samples as columns in the order of time, and what was true of each vehicle before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from .known import Known

__all__ = ["Frame", "joined"]

Mask = NDArray[np.bool_]
Rows = NDArray[np.integer[Any]]
Values = dict[str, NDArray[Any]]


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


def joined(frames: Mapping[str, Frame | None], known: Known) -> Frame | None:
    """One frame of several groups: a sample wherever a vehicle reports any of them, with what it said last in the
    others, here or before (`known`); only of the signals that `known` remembers.
    """
    there = [frame for frame in frames.values() if frame is not None]
    if not there:
        return None
    times = {int(time_ms) for frame in there for time_ms in (frame.time_ms[0], frame.time_ms[-1])}
    join = _OneInstant(there) if len(times) == 1 else _Instants(there)
    seen = np.ones(len(join.rows), np.bool_)
    values: Values = {}
    for group, frame in frames.items():
        names = [name for name in known.signals if SIGNALS[name].group == group]
        before, mine = known.of(names, join.rows), known.seen[group][join.rows]
        if frame is not None:
            before, mine = join.newer(frame, before, mine)
        values |= before
        seen &= mine
    whole = Frame(join.time_ms, join.rows, values)
    return whole if seen.all() else whole.some(seen) if seen.any() else None


class _OneInstant:
    """All samples are of one instant: each vehicle is there once."""

    def __init__(self, frames: list[Frame]) -> None:
        n = 1 + max(int(frame.rows[-1]) for frame in frames)
        here = np.zeros(n, np.bool_)
        for frame in frames:
            here[frame.rows] = True
        self.rows = np.flatnonzero(here)
        self.time_ms = np.full(len(self.rows), frames[0].time_ms[0], np.int64)
        self._place = np.zeros(n, np.intp)
        self._place[self.rows] = np.arange(len(self.rows))

    def newer(self, frame: Frame, before: Values, seen: Mask) -> tuple[Values, Mask]:
        """What is known with this frame, where `before` and `seen` were without."""
        if len(frame) == len(self.rows):
            return {name: frame.values[name] for name in before}, np.ones(len(self.rows), np.bool_)
        place = self._place[frame.rows]
        seen[place] = True
        for name, column in before.items():
            column[place] = frame.values[name]
        return before, seen


class _Instants:
    """Samples of many instants, looked up by vehicle and time."""

    def __init__(self, frames: list[Frame]) -> None:
        self._first_ms = min(int(frame.time_ms[0]) for frame in frames)
        n = 1 + max(int(frame.rows.max()) for frame in frames)
        keys = np.unique(np.concatenate([(frame.time_ms - self._first_ms) * n + frame.rows for frame in frames]))
        after_ms, self.rows = np.divmod(keys, n)
        self._span = 1 + int(after_ms[-1])
        self.time_ms = after_ms + self._first_ms
        self._wanted = self.rows * self._span + after_ms

    def newer(self, frame: Frame, before: Values, seen: Mask) -> tuple[Values, Mask]:
        """What is known with this frame, where `before` and `seen` were without."""
        own = frame.rows * np.int64(self._span) + (frame.time_ms - self._first_ms)
        order = np.argsort(own, kind="stable")
        found = np.searchsorted(own[order], self._wanted, "right") - 1
        here = order[np.maximum(found, 0)]
        now = (found >= 0) & (frame.rows[here] == self.rows)
        values = {name: np.where(now, frame.values[name][here], column) for name, column in before.items()}
        return values, seen | now
