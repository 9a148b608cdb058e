"""The reference cells against PyBaMM's SPMe on WLTC, which they were not fitted to."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.errors import InputError
from jinqiao.vehicles.cell import link_current
from jinqiao.vehicles.cell_data import CELLS, KNOTS
from jinqiao.vehicles.cell_run import simulate_cell

GOLDEN = Path(__file__).parents[1] / "golden" / "cells"
#: Root mean square over SoC 0.1 to 0.9, mV.
MOST_RMS_MV = {25: 10.0, -10: 30.0}


def wltc_c_rate() -> np.ndarray:
    return np.loadtxt(GOLDEN / "wltc_c_rate.csv", delimiter=",", skiprows=1)[:, 1]


def golden_runs() -> Iterator[tuple[str, int, float, np.ndarray, np.ndarray]]:
    with (GOLDEN / "spme_voltage.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for key in dict.fromkeys((row["chemistry"], row["degc"], row["peak_c"]) for row in rows):
        mine = [row for row in rows if (row["chemistry"], row["degc"], row["peak_c"]) == key]
        times, volts = (np.array([float(row[name]) for row in mine]) for name in ("time_s", "voltage_v"))
        yield key[0], int(key[1]), float(key[2]), times, volts


@pytest.mark.parametrize(("chemistry", "degc", "peak", "times", "volts"), list(golden_runs()))
def test_voltage_is_that_of_the_reference(
    chemistry: str, degc: int, peak: float, times: np.ndarray, volts: np.ndarray
) -> None:
    seconds = int(times[-1]) + 1
    current = np.resize(wltc_c_rate() * peak * CELLS[chemistry].nominal_ah, seconds)
    cell = simulate_cell(chemistry, current, soc_percent=90.0, ambient_degc=degc)
    at = times.astype(int)
    judged = (cell.soc[at] >= 10.0) & (cell.soc[at] <= 90.0)
    miss = (cell.voltage_v[at] - volts)[judged] * 1000.0
    assert judged.sum() > 100
    assert np.sqrt(np.mean(miss**2)) <= MOST_RMS_MV[degc]
    # A cell without its links, or one at another temperature, would be far outside: the figure can fail.
    other = simulate_cell(chemistry, current, soc_percent=90.0, ambient_degc=-20.0 if degc == 25 else 25.0)
    assert np.sqrt(np.mean((other.voltage_v[at] - volts)[judged] ** 2)) * 1000.0 > MOST_RMS_MV[degc] / 2.0


def test_at_rest_a_cell_shows_its_open_circuit_voltage_and_ends_are_the_cut_offs() -> None:
    for chemistry, cell in CELLS.items():
        for percent, cut_off in ((0.0, cell.cut_off_v[0]), (100.0, cell.cut_off_v[1])):
            rested = simulate_cell(chemistry, np.zeros(5), soc_percent=percent)
            assert rested.voltage_v == pytest.approx([cut_off] * 5, abs=1e-3)
        assert (np.diff(cell.ocv_v) > -1e-6).all()
        assert len(KNOTS) >= 9


def test_soc_counts_the_charge_between_the_cut_offs() -> None:
    cell = CELLS["nmc"]
    hour = simulate_cell("nmc", np.full(3601, 2.0), soc_percent=90.0)
    assert hour.soc[0] == 90.0
    assert hour.soc[-1] == pytest.approx(90.0 - 2.0 / cell.charge_ah * 100.0)
    assert hour.capacity_ah == 5.0
    assert hour.time_s.tolist() == list(range(3601))


def test_the_voltage_of_a_row_is_under_its_own_current() -> None:
    step = simulate_cell("nmc", [0.0, 0.0, 5.0, 5.0, 0.0], soc_percent=50.0)
    assert step.voltage_v[1] - step.voltage_v[2] > 0.1
    assert step.voltage_v[4] - step.voltage_v[3] > 0.1
    charged = simulate_cell("nmc", [0.0, -5.0], soc_percent=50.0)
    assert charged.voltage_v[1] > charged.voltage_v[0] + 0.1


def test_a_link_follows_a_constant_current_exactly() -> None:
    current = np.concatenate([[0.0], np.full(100, 4.0)])
    fine = np.concatenate([np.linspace(0.0, 4.0, 1001), np.full(99_000, 4.0)])
    state = 0.0
    for value in fine:
        state += (value - state) / 20.0 * 1e-3
    assert link_current(current, 20.0)[-1] == pytest.approx(state, rel=1e-4)


def test_wrong_questions_are_refused() -> None:
    for chemistry, current, soc, degc in (
        ("nca", [1.0], 90.0, 25.0),
        ("nmc", [], 90.0, 25.0),
        ("nmc", [float("nan")], 90.0, 25.0),
        ("nmc", [1.0], 101.0, 25.0),
        ("nmc", [1.0], 90.0, 300.0),
    ):
        with pytest.raises(InputError):
            simulate_cell(chemistry, current, soc_percent=soc, ambient_degc=degc)
