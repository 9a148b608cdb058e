"""A step as expectations look at it: its samples as columns in the order of time, one frame for a set of groups.

Many expectations read the same samples, so what all of them need (which vehicle reported before, where an instant ends)
is found once for a step, and only if somebody asks.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event, Label

from .frame import Frame, joined
from .known import Known

__all__ = ["Domain", "Stretch"]

Mask = NDArray[np.bool_]
Rows = NDArray[np.integer[Any]]


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

    def instants(self, frame: Frame) -> Mask | None:
        """In which of the k instants of a frame one of them is; None: in all."""
        if self.mask is None:
            return None
        found: Mask = np.logical_or.reduceat(self.mask[frame.rows], frame.starts)
        return found

    def count(self, rows: Rows) -> int:
        """How many of these rows belong to it."""
        return len(rows) if self.mask is None else int(np.count_nonzero(self.mask[rows]))


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
            if len(groups) == 1:
                self._frames[groups] = self._of_one(*groups)
            else:
                self._frames[groups] = joined({group: self._of_one(group) for group in groups}, self._known)
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


def _twice(times: NDArray[np.int64], rows: Rows) -> bool:
    """Whether a vehicle stands beside itself at one instant, or rows fall within one."""
    same = times[1:] == times[:-1]
    return bool((same & (rows[1:] <= rows[:-1])).any())
