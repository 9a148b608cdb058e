"""Cells of a pack: how far the extremes lie from the mean.

Every car has its own highest and lowest cell, as cells keep their differences for life; at rest they are 5 to 30 mV
apart, under load and near empty further.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .arrays import F4s, F8s, clip
from .battery import Source

__all__ = ["Extremes", "probe_extremes", "voltage_extremes"]

#: Share of the spread above the mean: one weak cell stands further off than one strong cell.
ABOVE_MEAN = 0.4
#: Resistance of single cells around the mean (estimate).
RESISTANCE_SPREAD = 0.04
#: Below this SoC the slope of the open-circuit voltage pulls unequal cells apart, up to twice the spread at rest.
STEEP_SOC = 0.1


class Extremes(NamedTuple):
    highest: F4s
    lowest: F4s


def voltage_extremes(
    terminals: Source, series: F4s, voltage_v: F4s, current_a: F4s, soc: F8s, spread_v: F4s
) -> Extremes:
    """Highest and lowest cell voltage, V; their mean over all cells stays pack voltage / series."""
    mean = voltage_v / series
    steep = np.float32(1.0) + clip((STEEP_SOC - soc) / STEEP_SOC, 0.0, 1.0).astype(np.float32)
    under_load = np.abs(current_a) * terminals.resistance_ohm / series * np.float32(RESISTANCE_SPREAD)
    spread = spread_v * steep + under_load
    return Extremes(mean + np.float32(ABOVE_MEAN) * spread, mean - np.float32(1.0 - ABOVE_MEAN) * spread)


def probe_extremes(pack_degc: F4s, spread_k: F4s, c_rate: F4s) -> Extremes:
    """Hottest and coldest probe, degC; losses widen the difference."""
    half: F4s = spread_k * (c_rate + np.float32(1.0))
    half *= np.float32(0.5)
    return Extremes(pack_degc + half, pack_degc - half)
