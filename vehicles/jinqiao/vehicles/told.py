"""What vehicles report where their sensors are wrong: the shape in which whoever makes frames of signals asks for it.

A car is as it is; what is told of it may be something else. The simulator knows (`simulator/reported`), the makers of
CAN and of GB/T 32960 ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tell", "Told", "stretched"]

Rows: TypeAlias = NDArray[np.intp]


class Told(Protocol):
    """What m vehicles report."""

    @property
    def signals(self) -> Mapping[str, NDArray[Any]]:
        """All columns, shape (m,): what is missing is what was told last."""

    @property
    def places(self) -> Mapping[str, Rows]:
        """Signals that are wrong, each with the places where that may be, rising."""

    @property
    def missing(self) -> Mapping[str, NDArray[np.bool_]]:
        """Signals of which a value is missing, each with where, shape (m,)."""


#: The rows of m vehicles and their true signals now → what they report; None where that is the same.
Tell: TypeAlias = Callable[[Rows, Mapping[str, NDArray[Any]]], Told | None]


def stretched(
    cells: NDArray[Any], told: Told, true: Mapping[str, NDArray[Any]], low: str, high: str
) -> NDArray[np.float64] | None:
    """Cells, shape (m, k), as they are told where their extremes, the signals `low` and `high`, are told wrong.

    Each cell keeps its place between the two, so that frames of all cells agree with the extremes. Cells whose extremes
    are only missing are their own witnesses and stay. None where nothing changes.
    """
    struck = np.unique(np.concatenate([told.places.get(name, _NOWHERE) for name in (low, high)]))
    if not len(struck):
        return None
    ends = []
    for name in (low, high):
        own, was = told.signals[name][struck].astype(np.float64), true[name][struck].astype(np.float64)
        gone = told.missing.get(name)
        ends.append((np.where(gone[struck], was, own) if gone is not None else own, was))
    (new_low, old_low), (new_high, old_high) = ends
    span = old_high - old_low
    share = (cells[struck] - old_low[:, None]) / np.where(span > 0, span, 1.0)[:, None]
    moved = (new_low != old_low) | (new_high != old_high)
    found: NDArray[np.float64] = cells.astype(np.float64)
    found[struck[moved]] = (new_low[:, None] + (new_high - new_low)[:, None] * share)[moved]
    return found


_NOWHERE = np.zeros(0, np.intp)
