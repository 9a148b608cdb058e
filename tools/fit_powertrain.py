#!/usr/bin/env python3
"""Fit the five effective powertrain parameters per maker, and print how far every row of the data is missed.

    python tools/fit_powertrain.py            # the table of vehicles/effective.py, with residuals
    python tools/fit_powertrain.py --json     # the same as one JSON object

Input: vehicles/jinqiao/vehicles/fit_data/epa_2022_train.csv and nothing else: coast-down target coefficients, test
weight, rated power and measured AC energy on UDDS and HWFET (US EPA test-car list 2022). Least squares of the relative
error, both cycles together, within bounds. Needs the installed project for its drive cycles, NumPy and SciPy.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from jinqiao.vehicles.cycles import load_cycle
from jinqiao.vehicles.effective import ALL_ROWS, BY_MAKER, Effective

DATA = Path(__file__).parents[1] / "vehicles/jinqiao/vehicles/fit_data/epa_2022_train.csv"
Row = Mapping[str, str]
F8s = NDArray[np.float64]

#: Which makes are fitted together; the last takes every row.
GROUPS: Mapping[str, tuple[str, ...] | None] = {"bmw": ("BMW", "MINI"), "tesla": ("Tesla",), "all": None}
CYCLES = {"UDDS": "udds_wall_kwh_per_100km", "HWFET": "hwfet_wall_kwh_per_100km"}
#: Name, lower and upper bound, start, step to which the table is rounded. Transmission, charge and map trade off
#: against each other: without bounds they wander far for hardly any gain.
PARAMETERS = (
    ("regen_share", 0.50, 0.95, 0.80, 0.01),
    ("transmission", 0.80, 0.99, 0.94, 0.001),
    ("aux_w", 100.0, 1000.0, 200.0, 5.0),
    ("charge", 0.82, 0.93, 0.90, 0.01),
    ("map_scale", 0.93, 1.03, 1.00, 0.01),
)
NAMES, LOWER, UPPER, START, STEP = zip(*PARAMETERS, strict=True)

#: Motor and inverter over the share of rated power.
MAP_SHARE = (0.01, 0.06, 0.10, 0.20, 0.40, 0.60, 0.80, 1.00)
MAP_EFFICIENCY = (0.85, 0.90, 0.92, 0.94, 0.95, 0.95, 0.94, 0.93)
#: The battery, one way.
BATTERY = 0.985
ROTATING_MASS = 1.03
NEWTON_PER_LBF, KG_PER_LB, W_PER_HP, METRE_PER_MILE = 4.4482216, 0.45359237, 745.7, 1609.344
MPS_PER_MPH = METRE_PER_MILE / 3600.0


def wall_kwh_per_100km(row: Row, five: Sequence[float], cycle: str) -> float:
    """The reference model: one car, one cycle, warm, climate control off, in float64."""
    regen_share, transmission, aux_w, charge, map_scale = five
    speed = load_cycle(cycle).speed_kmh.astype(np.float64) / 3.6
    start, end = speed[:-1], speed[1:]
    mean = (start + end) / 2.0
    mph = mean / MPS_PER_MPH
    force = NEWTON_PER_LBF * (
        float(row["a_lbf"]) + float(row["b_lbf_per_mph"]) * mph + float(row["c_lbf_per_mph2"]) * mph**2
    )
    mass_kg = float(row["etw_lb"]) * KG_PER_LB * ROTATING_MASS
    wheel_w = force * mean + mass_kg * (end**2 - start**2) / 2.0
    peak_w = float(row["rated_hp"]) * W_PER_HP
    fade = 1.0 / (1.0 + 500.0 * np.exp(-0.99 * (mph + 1.0)))
    shaft_w = np.where(wheel_w > 0, wheel_w / transmission, wheel_w * transmission * regen_share * fade)
    efficiency = np.interp(np.abs(shaft_w) / peak_w, MAP_SHARE, MAP_EFFICIENCY) * map_scale
    terminal_w = np.where(shaft_w > 0, shaft_w / efficiency, shaft_w * efficiency) + aux_w
    battery_w = np.where(terminal_w > 0, terminal_w / BATTERY, terminal_w * BATTERY)
    return float(battery_w.sum() / mean.sum() / charge / 36.0)


def residuals(rows: Sequence[Row], five: Sequence[float]) -> F8s:
    """Model over measurement less one, two per row: UDDS and HWFET."""
    pairs = [
        wall_kwh_per_100km(row, five, cycle) / float(row[column]) for row in rows for cycle, column in CYCLES.items()
    ]
    return np.array(pairs) - 1.0


def fit(rows: Sequence[Row]) -> list[float]:
    solution = least_squares(
        lambda five: residuals(rows, five), START, bounds=(LOWER, UPPER), x_scale=np.subtract(UPPER, LOWER), ftol=1e-12
    )
    return [float(value) for value in solution.x]


def rounded(five: Sequence[float]) -> Effective:
    steps = [round(value / step) * step for value, step in zip(five, STEP, strict=True)]
    return Effective(**{name: round(value, 3) for name, value in zip(NAMES, steps, strict=True)})


def load_rows(makes: Sequence[str] | None) -> list[Row]:
    with DATA.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if makes is None or row["make"] in makes]


def checked_in(group: str) -> Effective:
    return ALL_ROWS if group == "all" else BY_MAKER[group]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    as_json: bool = parser.parse_args().json
    report: dict[str, object] = {}
    same = True
    for group, makes in GROUPS.items():
        rows = load_rows(makes)
        five = fit(rows)
        table = rounded(five)
        same &= table == checked_in(group)
        off = residuals(rows, list(table.model_dump().values())) * 100.0
        report[group] = {
            "rows": len(rows),
            "fitted": dict(zip(NAMES, five, strict=True)),
            "rounded": table.model_dump(),
            "mean_abs_pct": float(np.abs(off).mean()),
            "max_abs_pct": float(np.abs(off).max()),
            "residuals_pct": [
                {"make": row["make"], "model": row["model"], **dict(zip(CYCLES, pair, strict=True))}
                for row, pair in zip(rows, off.reshape(-1, 2).tolist(), strict=True)
            ],
        }
        if not as_json:
            print(
                f"\n{group}: {len(rows)} rows, mean |error| {np.abs(off).mean():.2f} %, most {np.abs(off).max():.2f} %"
            )
            print("  fitted   " + "  ".join(f"{name} {value:.4f}" for name, value in zip(NAMES, five, strict=True)))
            print("  rounded  " + "  ".join(f"{name} {value:g}" for name, value in table.model_dump().items()))
            for row, (udds, hwfet) in zip(rows, off.reshape(-1, 2), strict=True):
                print(f"  UDDS {udds:+6.2f} %  HWFET {hwfet:+6.2f} %  {row['make']} {row['model']}")
    if as_json:
        print(json.dumps(report))
    print("effective.py holds these values" if same else "effective.py holds OTHER values", file=sys.stderr)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
