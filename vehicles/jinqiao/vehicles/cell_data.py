"""Reference cells: open-circuit voltage and the resistances of two RC links over state of charge, as even tables.

- `nmc`: NMC811 against graphite-SiOx, 5.0 Ah, Chen et al. 2020, J. Electrochem. Soc. 167 080534, 2.5 to 4.2 V;
- `lfp`: LFP of Prada et al. 2013 (open-circuit voltage of Afshar et al. 2017), 2.3 Ah, 2.0 to 3.6 V.

`cell_tables/` holds our own fit to PyBaMM's single-particle model with electrolyte of these parameter sets
(`tools/fit_cells.py`: CLTC-P, UDDS, US06, HWFET; never WLTC, on which it is tested). SoC is 0 and 1 at the cut-off
voltages, so the charge between them is the measure, not the nominal one.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

import numpy as np

from .arrays import F8s

__all__ = ["CELLS", "FAST_S", "KNOTS", "SLOW_S", "Cell"]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One chemistry at 25 degC; arrays over `KNOTS`.

    `r0_ohm` is ohmic and kinetic, of which `ohmic_ohm` is the ohmic part, `r1_ohm` and `r2_ohm` are the diffusion's;
    `lag_s`: resistances are those of an SoC that runs ahead of the mean by this time of the slow link's current;
    `vehicle_scale`: resistance times capacity of a vehicle's cell over that of this small one.
    """

    nominal_ah: float
    charge_ah: float  # between the cut-off voltages
    cut_off_v: tuple[float, float]
    limits_v: tuple[float, float]  # what the supervision of a pack allows under load
    lag_s: float
    ohmic_ohm: float
    activation_j_per_mol: float  # of the kinetics
    vehicle_scale: float
    ocv_v: F8s
    r0_ohm: F8s
    r1_ohm: F8s
    r2_ohm: F8s

    @property
    def mean_ocv_v(self) -> float:
        """Energy of a full cell over its charge, V."""
        return float(np.trapezoid(self.ocv_v, KNOTS))


def _rows(name: str) -> list[dict[str, str]]:
    text = resources.files(__package__).joinpath("cell_tables", f"{name}.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


_CONSTANTS = {row["chemistry"]: row for row in _rows("constants")}
_TABLES = {
    name: {column: np.array([float(row[column]) for row in rows]) for column in rows[0]}
    for name in _CONSTANTS
    for rows in (_rows(name),)
}
#: SoC grid of all tables here.
KNOTS: F8s = next(iter(_TABLES.values()))["soc"]
#: Time constants of the two links, s, the same for both chemistries: an RC step then needs no lookup.
((FAST_S, SLOW_S),) = {(float(row["fast_s"]), float(row["slow_s"])) for row in _CONSTANTS.values()}

#: Tolerance of cell supervision above the full cell, V (estimate).
OVER_V = 0.05
#: The LG M50 again, by O'Regan et al. 2022, has 0.065 Ohm Ah where Chen et al. have 0.13, and vehicle cells are no
#: worse; for LFP no second public set is at hand.
VEHICLE_SCALE = {"nmc": 0.5, "lfp": 1.0}


def _cell(name: str) -> Cell:
    table = _TABLES[name]
    number = {key: float(value) for key, value in _CONSTANTS[name].items() if key != "chemistry"}
    least, most = number["least_v"], number["most_v"]
    return Cell(
        nominal_ah=number["nominal_ah"],
        charge_ah=number["charge_ah"],
        cut_off_v=(least, most),
        limits_v=(least, most + OVER_V),
        lag_s=number["lag_s"],
        ohmic_ohm=number["ohmic_ohm"],
        activation_j_per_mol=number["activation_j_per_mol"],
        vehicle_scale=VEHICLE_SCALE[name],
        ocv_v=table["ocv_v"],
        r0_ohm=table["r0_ohm"],
        r1_ohm=table["r1_ohm"],
        r2_ohm=table["r2_ohm"],
    )


CELLS: Mapping[str, Cell] = {name: _cell(name) for name in _CONSTANTS}
