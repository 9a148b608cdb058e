"""Write the reference voltages of this folder; run it in an environment with PyBaMM and SciPy.

`wltc_c_rate.csv` is the battery current of a car of 2.1 t on WLTC, peak 1; `spme_voltage.csv` what PyBaMM's SPMe
(26.10, Chen2020 and Prada2013) answers to it, repeated and scaled, from 90 % down to 10 %, every 111 s.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2] / "tools"))

import numpy as np  # noqa: E402
from fit_cells import NOMINAL_AH, c_rate  # noqa: E402
from reference_cells import open_circuit, simulate  # noqa: E402

MOST_S, EVERY_S = 40_000, 111


def main() -> None:
    profile = np.round(c_rate("wltc", 1.0), 4)
    rows = [f"{second},{rate:.4f}" for second, rate in enumerate(profile)]
    (HERE / "wltc_c_rate.csv").write_text("\n".join(["time_s,c_rate", *rows]) + "\n", "utf-8")
    rows = ["chemistry,degc,peak_c,time_s,voltage_v"]
    for chemistry, nominal_ah in NOMINAL_AH.items():
        charge_ah = open_circuit(chemistry, [])[1]
        for degc in (25, -10):
            for peak in (0.5, 1.5):
                current = np.resize(profile * nominal_ah * peak, MOST_S)
                left = 0.9 - np.cumsum(current) / 3600.0 / charge_ah
                voltage = simulate(chemistry, current[: int((left > 0.1).sum())], degc=degc, soc=0.9)
                for second in range(0, len(voltage), EVERY_S):
                    rows.append(f"{chemistry},{degc},{peak},{second},{voltage[second]:.4f}")
    (HERE / "spme_voltage.csv").write_text("\n".join(rows) + "\n", "utf-8")


if __name__ == "__main__":
    main()
