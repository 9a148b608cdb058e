"""`catalog cell`: a reference cell under a current that somebody gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jinqiao.base.document import did_you_mean
from jinqiao.base.errors import InputError

from .arrays import F8s
from .cell import run_cell
from .cell_data import CELLS

__all__ = ["CellResult", "simulate_cell"]

#: Where the electrolyte of these cells still conducts and none of them boils, degC.
AMBIENT_DEGC = (-40.0, 80.0)


@dataclass(frozen=True, slots=True)
class CellResult:
    """One value per second; `capacity_ah` is the nominal one, `soc` in percent between the cut-off voltages."""

    chemistry: str
    capacity_ah: float
    time_s: F8s
    voltage_v: F8s
    soc: F8s
    temperature_degc: F8s

    def as_dict(self) -> dict[str, Any]:
        """The JSON form of the command: numbers rounded to what the model knows (10 µV, 0.0001 %)."""
        return {
            "chemistry": self.chemistry,
            "capacity_ah": self.capacity_ah,
            "time_s": self.time_s.tolist(),
            "voltage_v": self.voltage_v.round(5).tolist(),
            "soc": self.soc.round(4).tolist(),
            "temperature_degc": self.temperature_degc.tolist(),
        }


def simulate_cell(
    chemistry: str, current_a: ArrayLike, *, soc_percent: float = 90.0, ambient_degc: float = 25.0
) -> CellResult:
    """The cell's voltage under each second's current (positive discharges), isothermal; InputError on bad input.

    The trace goes on below 0 and above 100 %, where voltage is that of the end: a current decides what happens, not
    the cell.
    """
    if chemistry not in CELLS:
        raise InputError(f"chemistry: found {chemistry!r}, expected nmc or lfp{did_you_mean(chemistry, CELLS)}")
    current = np.asarray(current_a, dtype=np.float64)
    if current.ndim != 1 or not len(current) or not np.isfinite(current).all():
        raise InputError("current: expected one finite number of amperes for each second")
    if not 0.0 <= soc_percent <= 100.0:
        raise InputError(f"soc: found {soc_percent:g}, expected 0 to 100")
    if not AMBIENT_DEGC[0] <= ambient_degc <= AMBIENT_DEGC[1]:
        raise InputError(f"ambient: found {ambient_degc:g}, expected {AMBIENT_DEGC[0]:g} to {AMBIENT_DEGC[1]:g}")
    cell = CELLS[chemistry]
    trace = run_cell(cell, current, soc=soc_percent / 100.0, degc=ambient_degc)
    seconds = np.arange(len(current), dtype=np.float64)
    return CellResult(
        chemistry, cell.nominal_ah, seconds, trace.voltage_v, trace.soc * 100.0, np.full(len(current), ambient_degc)
    )
