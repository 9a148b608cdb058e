"""Reference cells: open-circuit voltage and resistance over state of charge, as even tables.

Voltages are rounded values of published equilibrium potentials between the cut-off voltages, SoC in steps of 0.02:
- `nmc`: NMC811 against graphite-SiOx, Chen et al. 2020, J. Electrochem. Soc. 167 080534, 2.5 to 4.2 V;
- `lfp`: LFP of Afshar et al. 2017 against the same graphite, as Prada et al. 2013 is modelled today, 2.0 to 3.6 V.
Resistances: magnitude times capacity of one cell is about the same for cells built for vehicles, so it is given per Ah.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .arrays import F8s

__all__ = ["CELLS", "KNOTS", "Cell"]

#: SoC grid of all tables here.
KNOTS = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One chemistry. `resistance_ohm_ah`: ohmic and charge-transfer resistance at 25 degC and half charge, times the
    capacity; `resistance_shape`: its factor at `KNOTS`; `limits_v`: what the supervision allows under load."""

    ocv_v: F8s
    resistance_ohm_ah: float
    resistance_shape: F8s
    limits_v: tuple[float, float]

    @property
    def mean_ocv_v(self) -> float:
        """Energy of a full cell over its charge, V."""
        return float(np.trapezoid(self.ocv_v, KNOTS))


# fmt: off
_NMC_V = np.array([
    2.500, 2.862, 3.050, 3.155, 3.227, 3.296, 3.364, 3.416, 3.448, 3.469, 3.485, 3.501, 3.519, 3.539, 3.560,
    3.581, 3.602, 3.620, 3.637, 3.652, 3.667, 3.682, 3.697, 3.714, 3.732, 3.751, 3.770, 3.789, 3.807, 3.824,
    3.841, 3.858, 3.878, 3.902, 3.927, 3.948, 3.967, 3.985, 4.004, 4.023, 4.042, 4.060, 4.075, 4.086, 4.092,
    4.097, 4.103, 4.114, 4.135, 4.165, 4.200,
])
_LFP_V = np.array([
    2.000, 2.448, 2.694, 2.833, 2.919, 2.983, 3.043, 3.097, 3.135, 3.156, 3.167, 3.175, 3.181, 3.188, 3.196,
    3.206, 3.217, 3.227, 3.237, 3.245, 3.251, 3.255, 3.259, 3.261, 3.262, 3.264, 3.264, 3.265, 3.266, 3.266,
    3.267, 3.267, 3.268, 3.269, 3.270, 3.273, 3.279, 3.288, 3.297, 3.305, 3.309, 3.311, 3.312, 3.313, 3.313,
    3.314, 3.314, 3.314, 3.316, 3.331, 3.600,
])
# fmt: on

#: Ends of SoC after fits to the reference cells: Chen2020 30 mOhm in the middle, 43 at SoC 0.05; Prada2013 35 and 66.
_NMC_SHAPE = np.interp(KNOTS, [0.0, 0.05, 0.15, 0.3, 1.0], [1.8, 1.43, 1.12, 1.0, 1.0])
_LFP_SHAPE = np.interp(KNOTS, [0.0, 0.05, 0.15, 0.3, 1.0], [2.4, 1.90, 1.25, 1.0, 1.0])

#: Upper limits leave the tolerance of cell supervision above the full cell. A 210 Ah vehicle cell of NMC has about
#: 0.5 mOhm (estimate; the small cell of Chen2020 0.15 Ohm Ah); LFP as Prada2013, 35 mOhm at 2.3 Ah.
CELLS: Mapping[str, Cell] = {
    "nmc": Cell(_NMC_V, 0.110, _NMC_SHAPE, (2.5, 4.25)),
    "lfp": Cell(_LFP_V, 0.080, _LFP_SHAPE, (2.0, 3.65)),
}
