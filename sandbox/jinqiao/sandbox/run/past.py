"""The past of a run that is kept for questions: its steps by reference, as many as fit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Batch, Step
from jinqiao.simulator.expectations.known import Known

__all__ = ["MOST_PAST_BYTES", "Past"]

#: Memory for it; the oldest goes first.
MOST_PAST_BYTES = 256 << 20
#: What a step and an event take beside their columns, about.
_STEP_BYTES, _EVENT_BYTES = 500, 300


class Past:
    """The steps of a run of n vehicles, from `since_ms` on, which is the start unless something had to go.

    What had to go is not lost altogether: the last values of all vehicles stand at the beginning of what is kept.
    """

    def __init__(self, n: int, start_ms: int, most_bytes: int = MOST_PAST_BYTES) -> None:
        self.since_ms = self._start_ms = start_ms
        self._n, self._most, self._bytes = n, most_bytes, 0
        self._steps: deque[tuple[Step, int]] = deque()
        self._before: Known | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing had to go."""
        return self.since_ms == self._start_ms

    def add(self, step: Step) -> None:
        """Keep one more."""
        size = _STEP_BYTES + sum(map(_bytes, step.true_batches)) + _EVENT_BYTES * len(step.events)
        self._steps.append((step, size))
        self._bytes += size
        while self._bytes > self._most and len(self._steps) > 1:
            gone, size = self._steps.popleft()
            self._bytes -= size
            self._forget(gone)

    def __iter__(self) -> Iterator[Step]:
        if self._before is not None:
            yield Step(self.since_ms, tuple(self._opening(self._before)))
        for step, _ in self._steps:
            yield step

    def _forget(self, step: Step) -> None:
        if self._before is None:
            self._before = Known(self._n)
            self._before.want([row.name for group in GROUPS for row in SIGNALS.group(group)])
        for batch in step.true_batches:
            self._before.take(batch)
        self.since_ms = step.until_ms

    def _opening(self, before: Known) -> Iterator[Batch]:
        """What was known when that which is kept began, as if all had reported then."""
        for group in GROUPS:
            rows = np.flatnonzero(before.seen[group])
            names = [row.name for row in SIGNALS.group(group)]
            if len(rows):
                yield Batch.at(self.since_ms, group, rows.astype(np.int32), before.of(names, rows))


def _bytes(batch: Batch) -> int:
    return batch.time_ms.nbytes + batch.vehicles.nbytes + sum(column.nbytes for column in batch.signals.values())
