"""The last that was heard of each vehicle, for those who ask about all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch

__all__ = ["Latest"]


class Latest(Mapping[str, NDArray[np.float64]]):
    """The last value of each wanted signal of n vehicles: columns of shape (n,), NaN until the first report.

    Values are those of the batches that it takes, which are true ones if these are.
    """

    def __init__(self, n: int) -> None:
        self._n = n
        self._columns: dict[str, NDArray[np.float64]] = {}
        self._wanted: dict[str, list[str]] = {}

    def want(self, signals: Iterable[str]) -> None:
        """Keep these signals, too (names of the signal table)."""
        for name in signals:
            if name not in self._columns:
                self._columns[name] = np.full(self._n, np.nan)
                self._wanted.setdefault(SIGNALS[name].group, []).append(name)

    def take(self, batch: Batch) -> NDArray[np.int32]:
        """Note a batch; returns the rows of which it has a wanted value. Of a vehicle's samples the last counts."""
        wanted = self._wanted.get(batch.group)
        if not wanted:
            return batch.vehicles[:0]
        for name in wanted:
            self._columns[name][batch.vehicles] = batch.signals[name]
        return batch.vehicles

    def known(self, signals: Iterable[str]) -> NDArray[np.bool_]:
        """Of which vehicles all of these are known, shape (n,)."""
        known = np.ones(self._n, np.bool_)
        for name in signals:
            known &= ~np.isnan(self._columns[name])
        return known

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)
