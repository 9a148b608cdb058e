"""Fit the 2-RC cells of `cell_tables/` to PyBaMM's SPMe; run it in an environment with PyBaMM and SciPy.

    python tools/fit_cells.py [--cache FOLDER]

Training: CLTC-P, UDDS + US06 and US06 + HWFET as currents of a middle-class car, peaks of 0.5 to 1.5 C, at 25 degC for
resistances and at -10 to 40 degC for the kinetics. WLTC, on which the cells are tested, is not used. Per chemistry:

1. open-circuit voltage and charge come from the parameter set itself;
2. time constants are common; resistances over SoC are a non-negative, smoothed linear least-squares fit;
3. what is ohmic of R0 (the rest is kinetic), and the activation energy, are two numbers fitted over temperature.

The printed residuals are those of the training currents, SoC 0.1 to 0.9.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from reference_cells import open_circuit, simulate
from scipy.optimize import least_squares, nnls
from scipy.signal import lfilter

VEHICLES = Path(__file__).parents[1] / "vehicles" / "jinqiao" / "vehicles"
NOMINAL_AH = {"nmc": 5.0, "lfp": 2.3}
LIMITS_V = {"nmc": (2.5, 4.2), "lfp": (2.0, 3.6)}
#: Time constants, s: the least training residual of a grid of 5 to 30 and 60 to 300 s, nearly level around it.
FAST_S, SLOW_S = 20.0, 300.0
#: How far surfaces of particles run ahead of the mean, s: the least training residual of 0 to 400 s.
LAG_S = {"nmc": 0.0, "lfp": 300.0}
KNOTS = np.linspace(0.0, 1.0, 41)
TABLE = np.linspace(0.0, 1.0, 201)
#: Resistances are level below this SoC: no training data.
LEAST_SOC = 0.025
#: Weight of the second differences of R0, R1, R2 over SoC.
SMOOTH = (0.1, 0.01, 0.01)
START_SOC = 0.92
GAS_J_PER_MOL_K, FARADAY = 8.314462, 96485.33
WARM = (("cltc-p", 0.5), ("cltc-p", 1.0), ("cltc-p", 1.5), ("udds+us06", 1.0), ("us06+hwfet", 1.5))
COLD = (
    (-10, "cltc-p", 0.5),
    (-10, "cltc-p", 1.0),
    (-10, "us06+hwfet", 1.5),
    *((degc, "udds+us06", 1.0) for degc in (0, 10, 40)),
    (25, "cltc-p", 1.5),
    (25, "us06+hwfet", 1.5),
)


def c_rate(cycles: str, peak: float) -> Any:
    """Battery current of a car of 2.1 t on these cycles, scaled to a peak in C; half of braking returns."""
    traces = [
        np.loadtxt(VEHICLES / "cycle_data" / f"{name}.csv", delimiter=",", skiprows=1) for name in cycles.split("+")
    ]
    speed = np.concatenate([trace[:, 1] for trace in traces]) / 3.6
    mean = (speed[1:] + speed[:-1]) / 2.0
    wheel = mean * (150.0 + 1.2 * mean + 0.37 * mean**2 + 2300.0 * np.diff(speed))
    power = np.where(wheel > 0, wheel / 0.9, wheel * 0.5) + 500.0
    return power / power.max() * peak


class Run:
    """One simulated discharge: current, overvoltage and the regressors of the model."""

    def __init__(
        self, chemistry: str, degc: float, cycles: str, peak: float, cell: dict[str, Any], cache: Path
    ) -> None:
        file = cache / f"{chemistry}_{cycles}_{peak}_{degc}.npz"
        if not file.exists():
            one = c_rate(cycles, peak) * NOMINAL_AH[chemistry]
            seconds = int(min(40_000, (START_SOC - 0.03) * cell["charge_ah"] * 3600.0 / one.mean()))
            current = np.resize(one, seconds)
            voltage = simulate(chemistry, current, degc=degc, soc=START_SOC)
            np.savez(file, i=current[: len(voltage)], v=voltage)
        stored = np.load(file)
        self.degc, self.name, self.current = degc, f"{cycles} {peak:g} C {degc:g} degC", stored["i"]
        moved = np.concatenate([[0.0], np.cumsum((self.current[1:] + self.current[:-1]) / 2.0)]) / 3600.0
        self.soc = START_SOC - moved / cell["charge_ah"]
        self.over = np.interp(self.soc, TABLE, cell["ocv_v"]) - stored["v"]
        slow = branch(self.current, SLOW_S)
        shifted = self.soc - LAG_S[chemistry] * slow / 3600.0 / cell["charge_ah"]
        self.hats = hats(shifted)
        parts = (self.current, branch(self.current, FAST_S), slow)
        self.columns = np.hstack([self.hats * part[:, None] for part in parts])
        self.used = self.soc > 0.03
        self.judged = (self.soc > 0.1) & (self.soc < 0.9)


def branch(current: Any, tau: float) -> Any:
    """Current through the resistor of an RC link, exact for a current that is linear between seconds."""
    decay = np.exp(-1.0 / tau)
    level = tau * (1.0 - decay)
    push = np.concatenate([[0.0], (level - decay) * current[:-1] + (1.0 - level) * current[1:]])
    return lfilter([1.0], [1.0, -decay], push)


def hats(soc: Any) -> Any:
    place = np.clip(soc, LEAST_SOC, 1.0) * (len(KNOTS) - 1)
    knot = np.minimum(place.astype(int), len(KNOTS) - 2)
    weights, row = np.zeros((len(soc), len(KNOTS))), np.arange(len(soc))
    weights[row, knot], weights[row, knot + 1] = 1.0 - (place - knot), place - knot
    return weights


def fit_resistances(runs: list[Run]) -> Any:
    """R0, R1, R2 at `KNOTS`, ohm, shape (3 × knots,)."""
    knots, size = len(KNOTS), 3 * len(KNOTS)
    square, right = np.zeros((size, size)), np.zeros(size)
    for run in runs:
        columns, over = run.columns[run.used], run.over[run.used]
        square += columns.T @ columns / len(over)
        right += columns.T @ over / len(over)
    bend = np.diff(np.eye(knots), 2, axis=0)
    scale = np.trace(square[:knots, :knots]) / knots
    for part, weight in enumerate(SMOOTH):
        block = slice(part * knots, (part + 1) * knots)
        square[block, block] += weight * scale * bend.T @ bend
    square += 1e-9 * np.trace(square) / size * np.eye(size)
    lower = np.linalg.cholesky(square)
    return nnls(lower.T, np.linalg.solve(lower, right))[0]


def fast_drop(kinetics: Any, run: Run, resistances: Any) -> Any:
    """Ohmic and kinetic overvoltage at the run's temperature, V: see `cell.py`."""
    ohmic, activation = kinetics[0] * 1e-3, kinetics[1] * 1e3
    kelvin = run.degc + 273.15
    total = run.hats @ resistances[: len(KNOTS)]
    thermal_v = 2.0 * GAS_J_PER_MOL_K * kelvin / FARADAY
    faster = np.exp(activation / GAS_J_PER_MOL_K * (1.0 / kelvin - 1.0 / 298.15))
    kinetic = np.maximum(total - ohmic, 0.0) * faster
    return ohmic * run.current + thermal_v * np.arcsinh(run.current * kinetic / thermal_v)


def fit_kinetics(runs: list[Run], resistances: Any) -> Any:
    """What is ohmic of R0, mOhm, and the activation energy, kJ/mol."""

    def misses(kinetics: Any) -> Any:
        rows = []
        for run in runs:
            slow = run.columns[:, len(KNOTS) :] @ resistances[len(KNOTS) :]
            miss = fast_drop(kinetics, run, resistances) + slow - run.over
            rows.append(miss[run.soc > 0.06][::3] / np.sqrt(len(miss)))
        return np.concatenate(rows)

    return least_squares(misses, [12.0, 35.0], x_scale=[5.0, 10.0], loss="soft_l1", f_scale=5e-4).x


def fit(chemistry: str, cache: Path) -> dict[str, Any]:
    ocv, charge = open_circuit(chemistry, TABLE)
    cell: dict[str, Any] = {"ocv_v": ocv, "charge_ah": charge}
    warm = [Run(chemistry, 25, cycles, peak, cell, cache) for cycles, peak in WARM]
    resistances = fit_resistances(warm)
    runs = [Run(chemistry, degc, cycles, peak, cell, cache) for degc, cycles, peak in COLD]
    kinetics = fit_kinetics(runs, resistances)
    print(f"{chemistry}: {charge:.4f} Ah, ohmic {kinetics[0]:.2f} mOhm, activation {kinetics[1]:.2f} kJ/mol")
    for run in [*warm, *runs]:
        slow = run.columns[:, len(KNOTS) :] @ resistances[len(KNOTS) :]
        miss = (fast_drop(kinetics, run, resistances) + slow - run.over)[run.judged] * 1e3
        print(f"  {run.name}: RMS {np.sqrt(np.mean(miss**2)):.2f} mV, worst {np.abs(miss).max():.0f} mV")
    at = np.clip(TABLE, LEAST_SOC, 1.0)
    tables = [np.interp(at, KNOTS, part) for part in resistances.reshape(3, -1)]
    return cell | {"resistances": tables, "ohmic": kinetics[0] * 1e-3, "activation": kinetics[1] * 1e3}


def write(chemistry: str, cell: dict[str, Any]) -> str:
    """Write the table over SoC; returns the row of the constants."""
    lines = ["soc,ocv_v,r0_ohm,r1_ohm,r2_ohm"]
    for row in zip(TABLE, cell["ocv_v"], *cell["resistances"], strict=True):
        lines.append(f"{row[0]:.3f},{row[1]:.5f}," + ",".join(f"{value:.6f}" for value in row[2:]))
    (VEHICLES / "cell_tables" / f"{chemistry}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    least, most = LIMITS_V[chemistry]
    return (
        f"{chemistry},{NOMINAL_AH[chemistry]},{cell['charge_ah']:.5f},{least},{most},{FAST_S},{SLOW_S},"
        f"{LAG_S[chemistry]},{cell['ohmic']:.6f},{cell['activation']:.0f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "jq-cell-runs")
    cache = parser.parse_args().cache
    cache.mkdir(parents=True, exist_ok=True)
    (VEHICLES / "cell_tables").mkdir(exist_ok=True)
    rows = [write(chemistry, fit(chemistry, cache)) for chemistry in NOMINAL_AH]
    head = "chemistry,nominal_ah,charge_ah,least_v,most_v,fast_s,slow_s,lag_s,ohmic_ohm,activation_j_per_mol"
    (VEHICLES / "cell_tables" / "constants.csv").write_text("\n".join([head, *rows]) + "\n", "utf-8")


if __name__ == "__main__":
    main()
