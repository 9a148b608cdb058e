"""How physics meets NumPy: array types, parameter tables per model, lookups on even grids, and rows in blocks.

A step works on blocks of rows small enough that all temporaries stay in the processor's cache; there a chain of plain
array expressions runs at a fraction of a nanosecond per operation and row, and none needs to be written for speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BLOCK_ROWS",
    "EvenTable",
    "F4s",
    "F8s",
    "PerModel",
    "Rows",
    "U1s",
    "blocks",
    "clip",
    "f4",
    "model_index",
    "model_runs",
]

F4s: TypeAlias = NDArray[np.float32]
F8s: TypeAlias = NDArray[np.float64]
U1s: TypeAlias = NDArray[np.uint8]
FloatT = TypeVar("FloatT", bound=np.floating[Any])
#: Which vehicles: a slice of consecutive rows (views, no copy) or row numbers.
Rows: TypeAlias = slice | NDArray[np.intp]

#: 16,384 float32 are 64 kB: some dozens of temporaries fit a second-level cache. Measured flat from 4 k to 16 k rows.
BLOCK_ROWS = 16384
#: Below so many rows a block's calls cost more than looking its parameters up row by row.
SHORT_RUN_ROWS = 2048
# The allocator gives memory back to the system as soon as 128 kB of it are free at the end of the heap, and every block
# would fetch it again page by page (a fifth of a step's time). glibc raises that threshold when a large array is freed.
np.empty(1 << 24, dtype=np.uint8)


def f4(values: Sequence[float]) -> F4s:
    return np.asarray(values, dtype=np.float32)


def clip(values: NDArray[FloatT], low: Any, high: Any) -> NDArray[FloatT]:
    """As `np.clip`, without its overhead."""
    clipped: NDArray[FloatT] = np.minimum(np.maximum(values, low), high)
    return clipped


def model_runs(model_of: NDArray[np.int16]) -> NDArray[np.intp]:
    """Where runs of one model end, rising row numbers up to n: what `blocks` cuts at.

    A fleet whose models take turns has but one run, the whole: short blocks would cost more than they spare.
    """
    n = len(model_of)
    ends = np.append(np.flatnonzero(np.diff(model_of)) + 1, n)
    return ends if n >= SHORT_RUN_ROWS * len(ends) else np.array([n])


def blocks(rows: Rows, ends: NDArray[np.intp]) -> Iterator[tuple[slice, Rows]]:
    """Cut `rows`, which rise, into blocks: (where the block stands in the request, which rows it holds).

    No block reaches over one of the `ends`, the last of which is the number of vehicles.
    """
    if isinstance(rows, slice):
        first, stop, _ = rows.indices(int(ends[-1]))
        cuts = np.clip(ends - first, 0, max(0, stop - first))
    else:
        first, cuts = 0, np.searchsorted(rows, ends)
    low = 0
    for end in cuts.tolist():
        while low < end:
            high = min(low + BLOCK_ROWS, end)
            part = slice(low, high)
            yield part, slice(first + low, first + high) if isinstance(rows, slice) else rows[part]
            low = high


def model_index(model_of: NDArray[np.int16]) -> int | NDArray[np.intp]:
    """What to look parameters up with: one number when all rows are of one model, which spares every gather."""
    first = int(model_of[0]) if len(model_of) else 0
    return first if (model_of == first).all() else model_of.astype(np.intp)


@dataclass(frozen=True, slots=True)
class PerModel:
    """Parameters of the models: every field is an array of shape (models,)."""

    def at(self, index: int | NDArray[np.intp]) -> Self:
        """The same parameters for rows: arrays of shape (rows,), or scalars when `index` is one model."""
        return type(self)(*[getattr(self, name).take(index) for name in _names(type(self))])

    def some(self, rows: NDArray[np.intp]) -> Self:
        """Of parameters `at` rows those of some of these rows; what is one for all rows stays so."""
        values = (getattr(self, name) for name in _names(type(self)))
        return type(self)(*[value.take(rows) if value.ndim else value for value in values])


_NAMES: dict[type, tuple[str, ...]] = {}


def _names(kind: type) -> tuple[str, ...]:
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]


class EvenTable:
    """Linear interpolation between knots on an even grid; level outside it. Many times faster than `np.interp`.

    `values` has shape (knots,) or (tables, knots); `low` and `high` are the first and last abscissa.
    """

    def __init__(self, low: float, high: float, values: Any) -> None:
        table = np.atleast_2d(np.asarray(values, dtype=np.float32))
        self.knots = table.shape[1]
        self._per_step = np.float32((self.knots - 1) / (high - low))
        self._offset = np.float32(low * (self.knots - 1) / (high - low))
        self._value = np.ascontiguousarray(table).ravel()
        self._slope = np.diff(table, axis=1, append=table[:, -1:]).ravel()

    def locate(self, x: F4s, table: Any = 0) -> tuple[NDArray[np.intp], F4s]:
        """Flat index of the knot below each `x` and the fraction of the way to the next."""
        position = clip(x * self._per_step - self._offset, np.float32(0.0), np.float32(self.knots - 1))
        knot = position.astype(np.int32)
        fraction = position - knot.astype(np.float32)
        flat = knot.astype(np.intp)
        flat += table * self.knots
        return flat, fraction

    def at(self, knot: NDArray[np.intp], fraction: F4s) -> F4s:
        """The values where `locate` pointed; tables on the same grid share one `locate`."""
        values: F4s = self._slope.take(knot)
        values *= fraction
        values += self._value.take(knot)
        return values

    def __call__(self, x: F4s, table: Any = 0) -> F4s:
        return self.at(*self.locate(x, table))
