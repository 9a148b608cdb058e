"""Reference cells by PyBaMM's single-particle model with electrolyte (SPMe): runs in an environment that has PyBaMM.

    python reference_cells.py nmc --degc 25 --soc 90 --current-csv in.csv > out.csv

`in.csv` holds `time_s,current_a` in steps of one second, positive when discharging; out come the same times with
`voltage_v` and `soc` (percent between the set's cut-off voltages), as far as the cell gets.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")

import numpy as np
import pybamm

#: Parameter sets: NMC811 of Chen et al. 2020, LFP of Prada et al. 2013, and NMC811 over temperature of O'Regan 2022.
SETS = {"nmc": "Chen2020", "lfp": "Prada2013", "oregan": "ORegan2022"}


def parameters(chemistry: str) -> Any:
    pybamm.set_logging_level("ERROR")
    return pybamm.ParameterValues(SETS[chemistry])


def open_circuit(chemistry: str, soc: Any) -> tuple[Any, float]:
    """Open-circuit voltage at `soc` (0..1 between the cut-off voltages), V, and the charge between them, Ah."""
    values = parameters(chemistry)
    symbols = pybamm.LithiumIonParameters()
    x0, x100, y100, y0 = pybamm.lithium_ion.ElectrodeSOHSolver(values).get_min_max_stoichiometries()
    kelvin = pybamm.Scalar(298.15)
    volts = [
        float(values.evaluate(symbols.p.prim.U(pybamm.Scalar(y0 + (y100 - y0) * z), kelvin)))
        - float(values.evaluate(symbols.n.prim.U(pybamm.Scalar(x0 + (x100 - x0) * z), kelvin)))
        for z in soc
    ]
    return np.array(volts), float(values.evaluate(symbols.n.Q_init)) * (x100 - x0)


def simulate(chemistry: str, current_a: Any, *, degc: float, soc: float, margin_v: float = 0.3) -> Any:
    """Terminal voltage each second, V, isothermal; ends at the lower cut-off, or `margin_v` above the upper one."""
    values = parameters(chemistry)
    time = np.arange(len(current_a), dtype=float)
    values["Current function [A]"] = pybamm.Interpolant(time, np.asarray(current_a, dtype=float), pybamm.t)
    values["Ambient temperature [K]"] = values["Initial temperature [K]"] = degc + 273.15
    values["Upper voltage cut-off [V]"] += margin_v
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPMe(), parameter_values=values, solver=pybamm.IDAKLUSolver(rtol=1e-5, atol=1e-5)
    )
    solution = simulation.solve(t_eval=[0.0, time[-1]], t_interp=time, initial_soc=soc)
    return np.asarray(solution["Voltage [V]"](time[: int(solution.t[-1] + 0.5)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chemistry", choices=SETS)
    parser.add_argument("--current-csv", type=Path, required=True)
    parser.add_argument("--degc", type=float, default=25.0)
    parser.add_argument("--soc", type=float, default=90.0)
    given = parser.parse_args()
    current = np.loadtxt(given.current_csv, delimiter=",", skiprows=1)[:, 1]
    voltage = simulate(given.chemistry, current, degc=given.degc, soc=given.soc / 100.0)
    charge = open_circuit(given.chemistry, [])[1]
    moved = np.concatenate([[0.0], np.cumsum((current[1:] + current[:-1]) / 2.0)]) / 3600.0 / charge
    sys.stdout.write("time_s,voltage_v,soc\n")
    for second, volts in enumerate(voltage):
        sys.stdout.write(f"{second},{volts:.5f},{given.soc - 100.0 * moved[second]:.5f}\n")


if __name__ == "__main__":
    main()
