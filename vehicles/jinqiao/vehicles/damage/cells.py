"""One damaged cell among its sound neighbours: voltages and temperatures.

A cell that lags behind (lower open-circuit voltage) or resists more lies off its place by a deviation; the pack's
voltage is the sum of all cells, so the others' mean is what is left. A hot cell lies over its place likewise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import F4s, F8s
from .state import Damage, Quantity

__all__ = [
    "CellExtremes",
    "OddCells",
    "deviation_v",
    "mark_hot_cell",
    "mark_low_cell",
    "probe_extremes",
    "voltage_extremes",
]


class CellExtremes(NamedTuple):
    """Highest and lowest cell, V, and their numbers from 1, shape (rows,)."""

    highest_v: F4s
    lowest_v: F4s
    highest: NDArray[np.int32]
    lowest: NDArray[np.int32]


class OddCells(NamedTuple):
    """Every cell of the cars with damage among m: `places` says which of the m they are, all else has shape (damaged,).

    `mean_v` and `gap_v` spread the cells over their places, `middle_degc` and `gap_k` the probes; to the cells with
    these numbers (from 1; 0: to none) come `deviation_v` and `hot_k`.
    """

    places: NDArray[np.intp]
    mean_v: F4s
    gap_v: F4s
    low_cell: NDArray[np.int16]
    deviation_v: F4s
    middle_degc: F4s
    gap_k: F4s
    hot_cell: NDArray[np.int16]
    hot_k: F4s

    def lay_over_volts(self, volts: NDArray[Any], cell_places: NDArray[Any]) -> None:
        """Put the voltages of these cars' cells, V, into `volts` of all m, shape (m, cells)."""
        cells = self.mean_v[:, None] + self.gap_v[:, None] * cell_places[self.places]
        volts[self.places] = _added(cells, self.low_cell, self.deviation_v)

    def lay_over_degc(self, degc: NDArray[Any], probe_places: NDArray[Any]) -> None:
        """The same for the temperatures, degC."""
        probes = self.middle_degc[:, None] + self.gap_k[:, None] * probe_places[self.places]
        degc[self.places] = _added(probes, self.hot_cell, self.hot_k)


def _added(values: NDArray[Any], number: NDArray[np.int16], more: F4s) -> NDArray[Any]:
    """With `more` at the cell of this number of each row."""
    marked = (number > 0).nonzero()[0]
    values[marked, number[marked] - 1] += more[marked]
    return values


def mark_low_cell(damage: Damage, row: int, cell: int, places: F8s) -> None:
    """This cell (from 1) of a car is the damaged one; `places` are those of all its cells (`cells.voltage_places`)."""
    others = np.delete(np.arange(len(places)), cell - 1)
    top, bottom = others[places[others].argmax()], others[places[others].argmin()]
    damage.low_cell[row], damage.low_place[row] = cell, places[cell - 1]
    damage.top_cell[row], damage.others_top[row] = top + 1, places[top]
    damage.bottom_cell[row], damage.others_bottom[row] = bottom + 1, places[bottom]


def mark_hot_cell(damage: Damage, row: int, cell: int, places: F8s) -> None:
    """The same for a cell that is hot; `places` are those of `cells.probe_places`."""
    others = np.delete(places, cell - 1)
    damage.hot_cell[row], damage.hot_place[row] = cell, places[cell - 1]
    damage.hot_top[row], damage.hot_bottom[row] = others.max(), others.min()


def deviation_v(damage: Damage, rows: NDArray[np.intp], pack_ohm: F4s, current_a: F4s, series: F4s) -> F4s:
    """How far the damaged cell lies off its place, V, at the pack's resistance, which its own is part of."""
    more = damage.of(Quantity.OHM, rows)
    deviation: F4s = -damage.of(Quantity.LOW_V, rows) - current_a * pack_ohm * more / (series + more)
    return deviation


def voltage_extremes(damage: Damage, rows: NDArray[np.intp], mean_v: F4s, gap_v: F4s, deviation: F4s) -> CellExtremes:
    """Extremes of all cells; `mean_v` is that of all places, the damaged cell's included."""
    top, bottom = mean_v + gap_v * damage.others_top[rows], mean_v + gap_v * damage.others_bottom[rows]
    odd = mean_v + gap_v * damage.low_place[rows] + deviation
    volts = np.stack([top, bottom, odd])
    numbers = np.stack([damage.top_cell[rows], damage.bottom_cell[rows], damage.low_cell[rows]]).astype(np.int32)
    column = np.arange(len(rows))
    high, low = volts.argmax(axis=0), volts.argmin(axis=0)
    return CellExtremes(volts[high, column], volts[low, column], numbers[high, column], numbers[low, column])


def probe_extremes(damage: Damage, rows: NDArray[np.intp], high: F4s, low: F4s) -> tuple[F4s, F4s]:
    """Hottest and coldest probe, degC, from those that a sound pack would show."""
    middle, gap = (high + low) * np.float32(0.5), high - low
    hot = middle + gap * damage.hot_place[rows] + damage.of(Quantity.HOT_K, rows)
    is_marked = damage.hot_cell[rows] > 0
    hottest = np.where(is_marked, np.maximum(middle + gap * damage.hot_top[rows], hot), high)
    coldest = np.where(is_marked, np.minimum(middle + gap * damage.hot_bottom[rows], hot), low)
    return hottest, coldest
