"""Drive cycles: the speed traces that regulations prescribe, one row a second, linear between rows.

The traces are tables of facts, shipped as `cycle_data/*.csv` (`time_s,speed_kmh`) with the decimals of the regulation:
km/h with one decimal (WLTC, CLTC-P), mph with one decimal turned into km/h (UDDS, HWFET, US06, FTP-75); NEDC follows
from its straight lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.document import did_you_mean
from jinqiao.base.errors import InputError

__all__ = ["CYCLES", "Cycle", "load_cycle"]

#: Regulation of each cycle by its name; the file is the name in lower case.
CYCLES: Mapping[str, str] = {
    "WLTC": "UN GTR 15, Annex 1, class 3b",
    "NEDC": "UN R83, Annex 4a: 4 × ECE-15 and EUDC",
    "CLTC-P": "GB/T 38146.1-2019",
    "UDDS": "40 CFR 86 Appendix I (a)",
    "HWFET": "40 CFR 600 Appendix I",
    "US06": "40 CFR 86 Appendix I (g)",
    "FTP-75": "40 CFR 86.115: UDDS and its first 505 s again, without the soak between",
}


@dataclass(frozen=True, slots=True, eq=False)
class Cycle:
    """A speed trace at 1 Hz: `speed_kmh[i]` is the speed at second i, float32, shape (n,), read-only."""

    name: str
    regulation: str
    speed_kmh: NDArray[np.float32]

    @property
    def duration_s(self) -> int:
        return len(self.speed_kmh) - 1

    @property
    def distance_m(self) -> float:
        """Speed is linear between rows, so the trapezium rule is exact."""
        return float(np.trapezoid(self.speed_kmh.astype(np.float64))) / 3.6


@cache
def load_cycle(name: str) -> Cycle:
    """The cycle of this name (a key of `CYCLES`, in any case); InputError with the nearest name otherwise."""
    canonical = name.upper()
    if canonical not in CYCLES:
        raise InputError(
            f"no drive cycle {name!r}{did_you_mean(canonical, CYCLES)}, expected one of: {', '.join(CYCLES)}"
        )
    text = resources.files(__package__).joinpath("cycle_data", f"{canonical.lower()}.csv").read_text("ascii")
    speed = np.array([line.split(",")[1] for line in text.splitlines()[1:]], dtype=np.float32)
    speed.setflags(write=False)
    return Cycle(canonical, CYCLES[canonical], speed)
