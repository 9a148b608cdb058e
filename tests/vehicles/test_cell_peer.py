"""PyBaMM itself beside the reference cells, on a current that stands nowhere in the fit or the golden files."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.sandbox.bench.peers import Peer
from jinqiao.vehicles.cell_data import CELLS
from jinqiao.vehicles.cell_run import simulate_cell

ROOT = Path(__file__).parents[2]
PYBAMM = Peer("pybamm-26.10.1.1", ("pybamm==26.10.1.1",))


@pytest.fixture(scope="module")
def pybamm() -> Path:
    """The interpreter of PyBaMM's own environment; made in CI, asked for elsewhere."""
    if not PYBAMM.present:
        if not os.environ.get("CI"):
            pytest.skip(f"PyBaMM's environment is not at {PYBAMM.folder}; CI=true makes it")
        try:
            PYBAMM.install()
        except EnvironmentFault as fault:
            pytest.fail(str(fault))
    return PYBAMM.python


@pytest.mark.timeout(300)
@pytest.mark.parametrize("chemistry", ["nmc", "lfp"])
@pytest.mark.parametrize(("degc", "peak", "most_mv"), [(25.0, 1.2, 10.0), (-10.0, 0.8, 30.0)])
def test_pybamm_says_the_same(
    pybamm: Path, tmp_path: Path, chemistry: str, degc: float, peak: float, most_mv: float
) -> None:
    rate = np.loadtxt(ROOT / "tests" / "golden" / "cells" / "wltc_c_rate.csv", delimiter=",", skiprows=1)[:, 1]
    current = np.round(np.resize(rate[::-1] * peak * CELLS[chemistry].nominal_ah, 9000), 5)
    csv = tmp_path / "current.csv"
    csv.write_text("time_s,current_a\n" + "".join(f"{k},{value}\n" for k, value in enumerate(current)), "utf-8")
    done = subprocess.run(
        [pybamm, ROOT / "tools" / "reference_cells.py", chemistry, "--current-csv", csv, "--degc", str(degc)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    reference = np.array([[float(cell) for cell in line.split(",")] for line in done.stdout.splitlines()[1:]])
    ours = simulate_cell(chemistry, current, soc_percent=90.0, ambient_degc=degc)
    n = len(reference)
    assert n > 8900
    assert ours.soc[:n] == pytest.approx(reference[:, 2], abs=0.01)
    judged = (ours.soc[:n] >= 10.0) & (ours.soc[:n] <= 90.0)
    miss = (ours.voltage_v[:n] - reference[:, 1])[judged] * 1000.0
    assert np.sqrt(np.mean(miss**2)) <= most_mv
