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


class FaultChange(NamedTuple):
    """A fault begins or ends at second `at_s` in the vehicles `rows` (fleet rows, rising) of one town."""

    at_s: int
    number: int  # in the scenario's file
    spec: FaultSpec
    phase: Phase
    rows: NDArray[np.intp]
    town: int = 0  # its place among those that run


class _Entry(NamedTuple):
    at_s: int
    order: int
    town: int  # its place among those that run
    number: int  # in the scenario's file
    spec: FaultSpec
    rows: NDArray[np.intp] | None  # None: it begins, and who it strikes is decided then


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
        ]
        heapq.heapify(self._heap)

    def next_s(self) -> int:
        """The second of the next change."""
        return self._heap[0].at_s if self._heap else NEVER

    def due(self, now_s: int, pick: Pick) -> list[FaultChange]:
        """All changes up to `now_s`; `pick` chooses the vehicles of a fault that begins. Ends come first."""
        changes = []
        while self.next_s() <= now_s:
            entry = heapq.heappop(self._heap)
            changes.append(self._change(entry, pick))
        return changes

    def _change(self, entry: _Entry, pick: Pick) -> FaultChange:
        spec = entry.spec
        if entry.rows is not None:
            return FaultChange(entry.at_s, entry.number, spec, "end", entry.rows, entry.town)
        rows = pick(spec, f"fault {entry.number}", entry.town)
        if spec.lasts_s == 0.0:
            return FaultChange(entry.at_s, entry.number, spec, "once", rows, entry.town)
        if spec.lasts_s is not None and (len(rows) or not spec.needs_vehicles):
            # A negative order: at one second the old fault ends before a new one begins.
            end_s = entry.at_s + max(1, math.ceil(spec.lasts_s))
            heapq.heappush(self._heap, entry._replace(at_s=end_s, order=next(self._order) - (1 << 30), rows=rows))
        return FaultChange(entry.at_s, entry.number, spec, "begin", rows, entry.town)


def _moment(spec: FaultSpec, dice: Dice) -> int:
    if spec.between is None:
        return math.ceil(spec.at_s or 0.0)
    return math.ceil(dice.uniform(*spec.between))
