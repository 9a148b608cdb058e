"""One reference cell under a given current: a Thevenin cell with two RC links, float64, exact exponential steps.

    V = U(SoC) − R_ohmic I − η(I) − R1 i1 − R2 i2

i1 and i2 are the currents through the links' resistors, τ i' = I − i, solved exactly for a current that is linear
between seconds. η is the kinetic part of R0 by Butler and Volmer with symmetric transfer, η = 2RT/F asinh(I R F / 2RT),
linear for small currents; its resistance follows the temperature by Arrhenius. Diffusion in the particles, R1 and R2,
does not depend on temperature in these parameter sets.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .arrays import F8s
from .cell_data import FAST_S, KNOTS, SLOW_S, Cell

__all__ = ["CellTrace", "run_cell"]

GAS_J_PER_MOL_K, FARADAY_C_PER_MOL = 8.314462, 96485.33
REFERENCE_K, ZERO_DEGC_K = 298.15, 273.15


class CellTrace(NamedTuple):
    """Per second: terminal voltage, V, and SoC, 0..1."""

    voltage_v: F8s
    soc: F8s


def run_cell(cell: Cell, current_a: F8s, *, soc: float, degc: float) -> CellTrace:
    """Voltage under `current_a` (one value a second, positive when discharging), starting rested at `soc` (0..1)."""
    as_moved = np.concatenate([[0.0], np.cumsum((current_a[1:] + current_a[:-1]) * 0.5)])[: len(current_a)]
    charge_as = cell.charge_ah * 3600.0
    trace = soc - as_moved / charge_as
    fast, slow = link_current(current_a, FAST_S), link_current(current_a, SLOW_S)
    surface = trace - cell.lag_s * slow / charge_as
    voltage = (
        np.interp(trace, KNOTS, cell.ocv_v)
        - _fast_drop_v(cell, current_a, np.interp(surface, KNOTS, cell.r0_ohm), degc)
        - np.interp(surface, KNOTS, cell.r1_ohm) * fast
        - np.interp(surface, KNOTS, cell.r2_ohm) * slow
    )
    return CellTrace(voltage, trace)


def _fast_drop_v(cell: Cell, current_a: F8s, r0_ohm: F8s, degc: float) -> F8s:
    """What the terminals lose at once: ohmic, and kinetic at this temperature."""
    kelvin = degc + ZERO_DEGC_K
    slower = math.exp(cell.activation_j_per_mol / GAS_J_PER_MOL_K * (1.0 / kelvin - 1.0 / REFERENCE_K))
    thermal_v = 2.0 * GAS_J_PER_MOL_K * kelvin / FARADAY_C_PER_MOL
    kinetic_ohm = np.maximum(r0_ohm - cell.ohmic_ohm, 0.0) * slower
    drop: F8s = cell.ohmic_ohm * current_a + thermal_v * np.arcsinh(current_a * kinetic_ohm / thermal_v)
    return drop


def link_current(current_a: F8s, time_constant_s: float) -> F8s:
    """Current through the resistor of one RC link, at rest at first; exact for a current linear between seconds."""
    decay = math.exp(-1.0 / time_constant_s)
    level = time_constant_s * (1.0 - decay)
    through = np.empty(len(current_a))
    now = 0.0
    before = float(current_a[0]) if len(current_a) else 0.0
    for second, asked in enumerate(current_a.tolist()):
        if second:
            now = decay * now + (level - decay) * before + (1.0 - level) * asked
        through[second] = now
        before = asked
    return through
