"""Energy that stands in the cells: the exact integral of the open-circuit voltage over the charge, in float64.

The books of a drive cycle are kept with it: a table of energies, read linearly, would be off by 1 Wh where the
voltage is steep, a thousandth of a short cycle.
"""

from __future__ import annotations

import numpy as np

from .arrays import F4s, F8s
from .battery import Pack
from .cell_data import CELLS, KNOTS

__all__ = ["stored_kwh"]

_STEP = float(KNOTS[1] - KNOTS[0])
_OCV = np.stack([CELLS[name].ocv_v for name in CELLS])
_RISE = np.diff(_OCV, axis=1, append=_OCV[:, -1:])
#: Volts times charge (of one) below each knot.
_BELOW = (
    np.concatenate([np.zeros((len(_OCV), 1)), np.cumsum((_OCV[:, 1:] + _OCV[:, :-1]) * 0.5, axis=1)], axis=1) * _STEP
)


def stored_kwh(pack: Pack, soc: F8s, health: F4s | F8s) -> F8s:
    """Energy down to the true zero, kWh, shape (rows,); `pack` is gathered for the same rows."""
    place = np.clip(soc, 0.0, 1.0) / _STEP
    knot = np.minimum(place.astype(np.intp), len(KNOTS) - 1)
    part = place - knot
    chemistry = pack.chemistry
    volts = _BELOW[chemistry, knot] + _STEP * part * (_OCV[chemistry, knot] + 0.5 * part * _RISE[chemistry, knot])
    energy: F8s = volts * pack.series * pack.capacity_as * health / 3.6e6
    return energy
