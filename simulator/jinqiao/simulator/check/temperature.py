"""Rules of heat and of the cells: nothing warms faster than its heat capacity allows, and extremes are extremes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .pair import F8, Mask, Pair, half_step

__all__ = ["cells_out_of_order", "pack_voltage_beside_cells", "probes_out_of_order", "too_fast", "tyre_too_fast"]

#: A tyre rolls at most 45 K warmer than the air, in 15 minutes (0.05 K/s); the air around a parked one moves slower.
#: Pressure follows by the gas law at about 350 kPa absolute and 290 K.
TYRE_KPA_PER_S = 0.06 * 350.0 / 290.0
TYRES = ("tire_pressure_fl", "tire_pressure_fr", "tire_pressure_rl", "tire_pressure_rr")


def too_fast(signal: str, limit: str) -> Callable[[Pair], Mask]:
    """A rule: this temperature must not change faster than the car's figure `limit`."""

    def jumps(pair: Pair) -> Mask:
        per_second: F8 = getattr(pair.limits, limit)
        return pair.jumps(signal, per_second)

    return jumps


def tyre_too_fast(pair: Pair) -> Mask:
    jumped = np.zeros(len(pair.seconds), dtype=bool)
    for tyre in TYRES:
        jumped |= pair.jumps(tyre, TYRE_KPA_PER_S)
    return jumped


def cells_out_of_order(pair: Pair) -> Mask:
    """The lowest cell is above the highest, or a cell's number is not one of the pack's."""
    wrong: Mask = pair["cell_voltage_min"] > pair["cell_voltage_max"]
    for number in ("cell_voltage_max_index", "cell_voltage_min_index"):
        wrong |= (pair[number] < 1) | (pair[number] > pair.limits.series)
    return wrong


def probes_out_of_order(pair: Pair) -> Mask:
    """The mean of the probes lies outside coldest and hottest."""
    pack = pair["pack_temperature"]
    wrong: Mask = (pair["cell_temperature_min"] > pack) | (pack > pair["cell_temperature_max"])
    return wrong


def pack_voltage_beside_cells(pair: Pair) -> Mask:
    """The pack's voltage is not between so many lowest and so many highest cells."""
    slack = half_step("pack_voltage") + pair.limits.series * half_step("cell_voltage_max")
    volts, series = pair["pack_voltage"], pair.limits.series
    low, high = pair["cell_voltage_min"] * series - slack, pair["cell_voltage_max"] * series + slack
    wrong: Mask = (volts < low) | (volts > high)
    return wrong
