"""Two reports of the same vehicles, one after the other, as the rules see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from .spec_limits import SpecLimits

__all__ = ["F8", "Gathered", "Mask", "Pair", "half_step", "published"]

F8 = NDArray[np.float64]
Mask = NDArray[np.bool_]


def half_step(signal: str) -> float:
    """The most that rounding moved a published value."""
    return float(0.5 * 10.0 ** -SIGNALS[signal].decimals) * 1.001


def published(signal: str, values: NDArray[np.generic]) -> F8:
    """Values as they go out: half to even at the signal's last decimal, inside its range (render does the same)."""
    row = SIGNALS[signal]
    unit = 10.0**row.decimals
    rounded: F8 = np.clip(np.rint(values.astype(np.float64) * unit) / unit, row.low, row.high)
    return rounded


class Gathered(Mapping[str, F8]):
    """Some rows of columns, each taken when a rule asks for it; until then the columns must not change."""

    def __init__(self, columns: Mapping[str, F8], rows: slice | NDArray[np.int32]) -> None:
        self._columns, self._rows = columns, rows
        self._taken: dict[str, F8] = {}

    def __getitem__(self, name: str) -> F8:
        taken = self._taken.get(name)
        if taken is None:
            taken = self._taken[name] = self._columns[name][self._rows]
        return taken

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class Pair:
    """Reports of m vehicles: `pair["speed"]` is now, `pair.before["speed"]` the last report of the same group.

    `seconds` lies between the two; `sums` are what the checker has added up since the last report of the group
    `detail`; `raw` are the values before rounding. Everything has shape (m,).
    """

    def __init__(
        self,
        now: Mapping[str, F8],
        before: Mapping[str, F8],
        raw: Mapping[str, NDArray[np.generic]],
        seconds: F8,
        sums: Mapping[str, F8],
        limits: SpecLimits,
    ) -> None:
        self.now, self.before, self.raw, self.seconds, self.sums, self.limits = now, before, raw, seconds, sums, limits

    def __getitem__(self, signal: str) -> F8:
        return self.now[signal]

    def step(self, signal: str) -> F8:
        """How much a value has grown."""
        change: F8 = self.now[signal] - self.before[signal]
        return change

    def jumps(self, signal: str, per_second: F8 | float) -> Mask:
        """Where a value has changed by more than its fastest rate allows, rounding of both reports aside."""
        jumped: Mask = np.abs(self.step(signal)) > per_second * self.seconds + 2.0 * half_step(signal)
        return jumped

    def both(self, signal: str, *values: int) -> Mask:
        """Where a state has one of these values in both reports."""
        return np.isin(self.now[signal], values) & np.isin(self.before[signal], values)
