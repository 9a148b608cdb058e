"""When faults begin and end, and on whom: the plan of a run, drawn once from its seed.

It says what is to happen; the kinds of fault make it happen. Each town has the scenario's faults for itself.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Phase

from ..clock import NEVER
from ..draws import Dice, event_dice
from .base import FaultSpec

__all__ = ["FaultChange", "FaultPlan"]

#: Who is struck by a fault, whose lots are drawn under this purpose, in the town with this place among those that run.
Pick: TypeAlias = Callable[[FaultSpec, str, int], NDArray[np.intp]]
#: Of these vehicles those that a fault really strikes.
Struck: TypeAlias = Callable[[FaultSpec, NDArray[np.intp]], NDArray[np.intp]]


class FaultChange(NamedTuple):
    """A fault begins or ends at second `at_s` in the vehicles `rows` (fleet rows, rising) of one town.

    `run` is the same number for the beginning and the end of one time that a fault happens.
    """

    at_s: int
    number: int | None  # in the scenario's file; None: from outside
    spec: FaultSpec
    phase: Phase
    rows: NDArray[np.intp]
    run: int
    town: int = 0  # its place among those that run


class _Entry(NamedTuple):
    at_s: int
    order: int
    town: int  # its place among those that run
    number: int | None
    spec: FaultSpec
    rows: NDArray[np.intp] | None  # None: it begins, and who it is for is decided then
    run: int | None = None  # of what has begun
    time: int = 1  # which time it is


class FaultPlan:
    """The faults of a scenario in the order of time, in each of the towns with these numbers.

    Whole seconds: the world steps in them.
    """

    def __init__(self, specs: Sequence[FaultSpec], seed: int, towns: Sequence[int] = (0,)) -> None:
        self._order = count()
        self._heap = [
            _Entry(_moment(spec, event_dice(seed, "fault", number, town)), next(self._order), place, number, spec, None)
            for place, town in enumerate(towns)
            for number, spec in enumerate(specs)
            if spec.when is None
        ]
        heapq.heapify(self._heap)
        self._runs = count(1)

    def next_s(self) -> int:
        """The second of the next change."""
        return self._heap[0].at_s if self._heap else NEVER

    def add(self, at_s: int, number: int, spec: FaultSpec, rows: NDArray[np.intp], town: int = 0) -> None:
        """A fault is to begin at this second in these vehicles; one that needs none, in this town."""
        heapq.heappush(self._heap, _Entry(at_s, next(self._order), town, number, spec, rows))

    def begin(self, at_s: int, spec: FaultSpec, rows: NDArray[np.intp], town: int = 0) -> FaultChange:
        """A fault from outside begins at once; its end is planned."""
        return self._begun(_Entry(at_s, next(self._order), town, None, spec, None), rows)

    def drop(self, run: int) -> None:
        """What has begun under this number ends by itself no more."""
        self._heap = [entry for entry in self._heap if entry.run != run]
        heapq.heapify(self._heap)

    def due(self, now_s: int, pick: Pick, struck: Struck | None = None) -> list[FaultChange]:
        """All changes up to `now_s`. Ends come first.

        `pick` chooses the vehicles of a fault that begins, `struck` says which of those that it waited for it strikes.
        """
        changes = []
        while self.next_s() <= now_s:
            entry = heapq.heappop(self._heap)
            changes.append(self._change(entry, pick, struck))
        return changes

    def _change(self, entry: _Entry, pick: Pick, struck: Struck | None) -> FaultChange:
        spec = entry.spec
        if entry.run is not None:
            assert entry.rows is not None
            return FaultChange(entry.at_s, entry.number, spec, "end", entry.rows, entry.run, entry.town)
        if entry.rows is not None:
            return self._begun(entry, entry.rows if struck is None else struck(spec, entry.rows))
        if spec.repeat_s is not None and (spec.times is None or entry.time < spec.times):
            again_s = entry.at_s + max(1, math.ceil(spec.repeat_s))
            heapq.heappush(self._heap, entry._replace(at_s=again_s, order=next(self._order), time=entry.time + 1))
        # The first time has the purpose of a fault that is not repeated.
        purpose = f"fault {entry.number}" if entry.time == 1 else f"fault {entry.number} time {entry.time}"
        assert entry.town is not None
        return self._begun(entry, pick(spec, purpose, entry.town))

    def _begun(self, entry: _Entry, rows: NDArray[np.intp]) -> FaultChange:
        spec, run = entry.spec, next(self._runs)
        if spec.lasts_s == 0.0:
            return FaultChange(entry.at_s, entry.number, spec, "once", rows, run, entry.town)
        if spec.lasts_s is not None and (len(rows) or not spec.needs_vehicles):
            # A negative order: at one second the old fault ends before a new one begins.
            end_s = entry.at_s + max(1, math.ceil(spec.lasts_s))
            heapq.heappush(
                self._heap, entry._replace(at_s=end_s, order=next(self._order) - (1 << 30), rows=rows, run=run)
            )
        return FaultChange(entry.at_s, entry.number, spec, "begin", rows, run, entry.town)


def _moment(spec: FaultSpec, dice: Dice) -> int:
    if spec.between is None:
        return math.ceil(spec.at_s or 0.0)
    return math.ceil(dice.uniform(*spec.between))
