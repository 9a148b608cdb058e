"""What was heard last of each vehicle, for conditions on signals that are not reported together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch

__all__ = ["Known", "groups_of"]

Mask = NDArray[np.bool_]
Rows = NDArray[np.integer[Any]]


def groups_of(signals: Collection[str]) -> frozenset[str]:
    """The telemetry groups that carry these signals."""
    return frozenset(SIGNALS[name].group for name in signals)


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
