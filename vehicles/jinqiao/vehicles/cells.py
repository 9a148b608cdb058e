"""Cells of a pack: how far they lie from their mean, and every single one when somebody asks.

Each car has one strong and one weak cell for life, which differ in charge, resistance and balance; all
others lie on the line between the two. So the extremes of a pack are always these two, whatever the load, and which of
them is the highest follows from the current: the weak cell sags most on the road and swells most at the charger.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import EvenTable, F4s, F8s
from .battery import Pack, Source
from .cell_data import CELLS, KNOTS

__all__ = [
    "Extremes",
    "Spread",
    "probe_extremes",
    "probe_places",
    "probes_of_car",
    "voltage_extremes",
    "voltage_gap",
    "voltage_places",
    "voltages_of_car",
]

#: Share of the gap above the mean: the weak cell stands further off than the strong one.
ABOVE_MEAN = 0.4
#: Unequal charge shows where the voltage is steep, up to this, V: balancing keeps packs from worse (estimate).
MOST_STEEP_V = 0.06
#: A probe near the plates follows the coolant by this share of its distance to the pack.
PLATE_SHARE = 0.25
#: Cells between the extremes: half width around their mean, in gaps.
CROWD = 0.3

_SLOPE = EvenTable(0.0, 1.0, [np.gradient(CELLS[name].ocv_v, KNOTS) for name in CELLS])


class Extremes(NamedTuple):
    highest: F4s
    lowest: F4s


class Spread(NamedTuple):
    """Strong over weak cell of each car, shape (rows,): at rest, V; in capacity; in resistance (weak over strong)."""

    rest_v: F4s
    capacity: F4s
    resistance: F4s


def voltage_gap(pack: Pack, terminals: Source, spread: Spread, voltage_v: F4s, soc: F8s) -> F4s:
    """Voltage of the strong cell over the weak one, V; negative when a charge lifts the weak one above.

    `voltage_v` is the pack's; what it lies below the open-circuit voltage is all overvoltage, links included.
    """
    soc4 = soc.astype(np.float32)
    behind = spread.capacity * (1.0 - soc4)  # the weak cell has given a larger share of what it holds
    gap: F4s = np.minimum(_SLOPE(soc4, pack.first_knot) * behind, np.float32(MOST_STEEP_V))
    gap += spread.rest_v
    gap += (terminals.open_v - voltage_v) * spread.resistance / pack.series
    return gap


def voltage_extremes(mean_v: F4s, gap_v: F4s) -> Extremes:
    """Highest and lowest cell voltage, V; the mean over all cells stays `mean_v`."""
    strong = mean_v + np.float32(ABOVE_MEAN) * gap_v
    weak = mean_v - np.float32(1.0 - ABOVE_MEAN) * gap_v
    return Extremes(np.maximum(strong, weak), np.minimum(strong, weak))


def probe_extremes(pack_degc: F4s, coolant_degc: F4s, spread_k: F4s) -> Extremes:
    """Hottest and coldest probe, degC; the coolant pulls those near its inlet."""
    half: F4s = spread_k * np.float32(0.5)
    half += np.abs(pack_degc - coolant_degc) * np.float32(PLATE_SHARE)
    return Extremes(pack_degc + half, pack_degc - half)


def _crowd(seed: int, series: int, high: int, low: int, above: float) -> F8s:
    """Places of all cells of a car between its extremes, in gaps from the mean; their sum is zero."""
    places = np.random.default_rng(seed).triangular(-CROWD, 0.0, CROWD, series)
    others = np.ones(series, dtype=np.bool_)
    others[[high, low]] = False
    places[high], places[low] = above, above - 1.0
    if others.any():
        places[others] -= places[others].mean() + (2.0 * above - 1.0) / others.sum()
    return places


def voltages_of_car(
    vin: bytes, series: int, strong: int, weak: int, mean_v: float, gap_v: float
) -> NDArray[np.float32]:
    """Every cell of one car, V, shape (series,); `strong` and `weak` count from 1. Sum and extremes are the pack's."""
    return (mean_v + gap_v * voltage_places(vin, series, strong, weak)).astype(np.float32)


def voltage_places(vin: bytes, series: int, strong: int, weak: int) -> F8s:
    """Where each cell of one car lies for life, in gaps (`voltage_gap`) from the mean, shape (series,)."""
    return _crowd(zlib.crc32(vin), series, strong - 1, weak - 1, ABOVE_MEAN)


def probes_of_car(vin: bytes, series: int, extremes: tuple[float, float]) -> NDArray[np.float32]:
    """Temperature at every cell of one car, degC, shape (series,), between its hottest and coldest probe."""
    high, low = extremes
    return ((high + low) / 2.0 + (high - low) * probe_places(vin, series)).astype(np.float32)


def probe_places(vin: bytes, series: int) -> F8s:
    """The same for the probe at each cell: its place between the coldest (-0.5) and the hottest (0.5)."""
    seed = zlib.crc32(vin) ^ 0x5EED
    hottest = seed % series
    coldest = (hottest + 1 + seed // series % max(series - 1, 1)) % series
    return _crowd(seed, series, hottest, coldest, 0.5)
