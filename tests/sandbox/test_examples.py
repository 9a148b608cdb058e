"""The examples under `examples/`, each run as its README says."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jinqiao.sandbox.bench.peers import Peer
from support.peers import require
from support.programs import Program

pytestmark = [pytest.mark.program, pytest.mark.long]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
NOTEBOOK = Peer("example-battery", ("duckdb==1.5.6", "matplotlib==3.10.7", "pytz==2025.2"))

Start = Callable[..., Program]


def done(*command: str | Path, timeout_s: float = 100) -> str:
    """What a command that succeeds prints."""
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=timeout_s)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_battery_health(start: Start, scenarios: Path, tmp_path: Path) -> None:
    telemetry, report = tmp_path / "out", tmp_path / "report"
    fleet = [str(scenarios / "jinqiao-morning.yaml"), "--vehicles", "40", "--for", "20min", "--speed", "max"]
    code, _, errors = start("run", *fleet, "--sink", f"parquet:{telemetry}", "--mqtt-port", "0", "-q").finish()
    assert code == 0, errors
    done(
        require(NOTEBOOK, "CI=true installs it").python,
        EXAMPLES / "battery-health/battery_health.py",
        telemetry,
        report,
    )
    packs = list(csv.DictReader((report / "packs.csv").read_text().splitlines()))
    assert len(packs) == 40
    assert all(80 < float(pack["soh"]) <= 100 for pack in packs)
    # Packs of 400 V that fall by some ten volts at 100 A.
    resisting = [float(pack["milliohm"]) for pack in packs if pack["milliohm"]]
    assert len(resisting) > 5
    assert all(30 < milliohm < 200 for milliohm in resisting)
    assert {path.name for path in report.glob("*.png") if path.read_bytes().startswith(b"\x89PNG")} == {
        "health.png",
        "resistance.png",
        "cells.png",
    }
