"""How physics meets NumPy: array types, parameter tables per model, lookups on even grids, and rows in blocks.

A step works on blocks of rows small enough that all temporaries stay in the processor's cache; there a chain of plain
array expressions runs at a fraction of a nanosecond per operation and row. For few rows the calls count: a quarter of a
microsecond each, with a NumPy scalar half as much again, with a Python number twice as much. So constants of formulas
stand beside them as arrays without dimensions (`f4`), and what depends on the model alone is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, TypeVar

import numpy as np
from numpy._core import umath as _ufuncs
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "BLOCK_ROWS",
    "INFINITE",
    "INFINITE8",
    "MINUS_INFINITE",
    "MINUS_INFINITE8",
    "ONE",
    "ONE8",
    "ZERO",
    "ZERO8",
    "EvenTable",
    "F4s",
    "F8s",
    "PerModel",
    "Rows",
    "U1s",
    "anywhere",
    "blocks",
    "clip",
    "f4",
    "model_index",
    "model_runs",
    "per_row",
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


def f4(values: ArrayLike) -> F4s:
    return np.asarray(values, dtype=np.float32)


ZERO, ONE = f4(0.0), f4(1.0)
INFINITE, MINUS_INFINITE = f4(np.inf), f4(-np.inf)
#: The same for counters.
ZERO8, ONE8, INFINITE8, MINUS_INFINITE8 = np.array(0.0), np.array(1.0), np.array(np.inf), np.array(-np.inf)


def anywhere(mask: NDArray[np.bool_] | U1s) -> bool:
    """As `mask.any()`, in a third of the time."""
    return bool(np.count_nonzero(mask))


def per_row(values: ArrayLike, count: int) -> F4s:
    """One float32 per row, whether one was given or many."""
    array = f4(values)
    return array if array.shape == (count,) else np.broadcast_to(array, (count,))


class _Clip(Protocol):
    def __call__(self, values: NDArray[FloatT], low: Any, high: Any, /) -> NDArray[FloatT]: ...


#: The ufunc behind `np.clip`, which adds 2 µs. Where a bound is one for all rows it is several times as fast as
#: `np.maximum` and `np.minimum`, few rows or many, so what is above or below zero is clipped, too.
clip: _Clip = _ufuncs.clip  # type: ignore[attr-defined]


def model_runs(model_of: NDArray[np.int16]) -> NDArray[np.intp]:
    """Where runs of one model end, rising row numbers up to n: what `blocks` cuts at.

    A fleet whose models take turns has but one run, the whole: short blocks would cost more than they spare.
    """
    n = len(model_of)
    ends = np.append(np.flatnonzero(np.diff(model_of)) + 1, n)
    return ends if n >= SHORT_RUN_ROWS * len(ends) else np.array([n])


def blocks(rows: Rows, ends: NDArray[np.intp]) -> Iterator[tuple[slice, Rows]]:
    """Cut `rows`, which rise, into blocks: (where the block stands in the request, which rows it holds).

    No block reaches over one of the `ends`, the last of which is the number of vehicles, unless rows are few between
    them.
    """
    if isinstance(rows, slice):
        first, count = rows.start, rows.stop - rows.start
    else:
        first, count = 0, len(rows)
    if count <= SHORT_RUN_ROWS:
        if count:
            yield slice(0, count), rows
        return
    cuts = np.unique(np.clip(ends - first, 0, count) if isinstance(rows, slice) else np.searchsorted(rows, ends))
    low = 0
    for end in cuts.tolist() if count >= SHORT_RUN_ROWS * len(cuts) else [count]:
        while low < end:
            high = min(low + BLOCK_ROWS, end)
            part = slice(low, high)
            yield part, slice(first + low, first + high) if isinstance(rows, slice) else rows[part]
            low = high


def model_index(model_of: NDArray[np.int16]) -> int | NDArray[np.intp]:
    """What to look parameters up with: one number when all rows are of one model, which spares every gather."""
    first = int(model_of[0]) if len(model_of) else 0
    return model_of.astype(np.intp) if anywhere(model_of != first) else first


class _LookedUp:
    """Fields that are looked up for the rows of `_index` when somebody asks for them: no step and no sample needs all.

    Both attributes are empty where the fields are filled already.
    """

    __slots__ = ("_index", "_models")
    _index: NDArray[np.intp]
    _models: Any

    if not TYPE_CHECKING:  # a misspelt field is to be found by the type checker

        def __getattr__(self, name: str) -> Any:
            """What stands in an empty slot."""
            if name in _LookedUp.__slots__:
                raise AttributeError(name)
            value = getattr(self._models, name)
            if value.ndim:  # what is the same for all models has no dimensions
                value = value.take(self._index)
            object.__setattr__(self, name, value)
            return value


@dataclass(frozen=True, slots=True)
class PerModel(_LookedUp):
    """Parameters of the models: every field is an array of shape (models,).

    Fields that are not arguments are derived from the others: what formulas need of them, computed once.
    """

    def _derive(self, **values: ArrayLike) -> None:
        """For `__post_init__`: set the derived fields."""
        for name, value in values.items():
            object.__setattr__(self, name, np.asarray(value))

    def at(self, index: int | NDArray[np.intp]) -> Self:
        """The same parameters for rows: arrays of shape (rows,), or without dimensions when `index` is one model.

        Derived fields are those of the models: what is computed for one is the same, bit for bit, for every row.
        """
        if isinstance(index, int):
            return self._each(lambda values: np.asarray(values.take(index)) if values.ndim else values)
        found = object.__new__(type(self))
        object.__setattr__(found, "_models", self)
        object.__setattr__(found, "_index", index)
        return found

    def some(self, rows: NDArray[np.intp]) -> Self:
        """Of parameters `at` rows those of some of these rows; what is one for all rows stays so."""
        if hasattr(self, "_models"):
            few: Self = self._models.at(self._index.take(rows))
            return few
        return self._each(lambda values: values.take(rows) if values.ndim else values)

    def _each(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Self:
        """The same with every field changed."""
        found = object.__new__(type(self))
        for field in fields(self):
            object.__setattr__(found, field.name, change(getattr(self, field.name)))
        return found


class EvenTable:
    """Linear interpolation between knots on an even grid; level outside it. Many times faster than `np.interp`.

    `values` has shape (knots,) or (tables, knots); `low` and `high` are the first and last abscissa.
    """

    def __init__(self, low: float, high: float, values: Any) -> None:
        table = np.atleast_2d(np.asarray(values, dtype=np.float32))
        self.knots = table.shape[1]
        self._per_step, self._last = f4((self.knots - 1) / (high - low)), f4(self.knots - 1)
        self._offset = f4(low * (self.knots - 1) / (high - low))
        self._from_zero = low == 0.0
        self._value = np.ascontiguousarray(table).ravel()
        self._slope = np.diff(table, axis=1, append=table[:, -1:]).ravel()

    def __call__(self, x: F4s, first: Any = None) -> F4s:
        """The values at `x`; `first` is the place of the first knot of each row's table, int32: 0, knots, 2 knots, …"""
        position = x * self._per_step
        if not self._from_zero:
            position = position - self._offset
        position = clip(position, ZERO, self._last)
        knot = position.astype(np.int32)
        fraction = position - knot.astype(np.float32)
        if first is not None:
            knot += first
        place = knot.astype(np.intp)
        values: F4s = self._slope.take(place)
        values *= fraction
        values += self._value.take(place)
        return values
