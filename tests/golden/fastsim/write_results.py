"""Writes `results.csv` anew with the real FASTSim 2.1.5: python tests/golden/fastsim/write_results.py

Needs its environment: jinqiao bench install-fastsim.
"""

from __future__ import annotations

from pathlib import Path

from jinqiao.sandbox.bench.fastsim import comparable, fastsim_parameters, run_fastsim
from jinqiao.vehicles.catalogue import load_vehicle

FOLDER = Path(__file__).parent
CYCLES = ("UDDS", "HWFET", "US06", "WLTC", "NEDC", "CLTC-P")


def rows() -> list[tuple[str, str, float, float]]:
    """(car, cycle, kWh/100 km at the terminals, kWh/100 km out of the cells) of all cars here over all cycles."""
    found = []
    for file in sorted(FOLDER.glob("*.yaml")):
        cycles = run_fastsim(fastsim_parameters(comparable(load_vehicle(file))), CYCLES)["cycles"]
        for name in CYCLES:
            energies = cycles[name]
            found.append((file.stem, name, energies["terminal_kwh_per_100km"], energies["battery_kwh_per_100km"]))
    return found


if __name__ == "__main__":
    lines = [f"{car},{cycle},{terminal:.4f},{battery:.4f}\n" for car, cycle, terminal, battery in rows()]
    header = "car,cycle,terminal_kwh_per_100km,battery_kwh_per_100km\n"
    (FOLDER / "results.csv").write_text(header + "".join(lines))
