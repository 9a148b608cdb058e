"""`jinqiao run --check`: exit code and summary of a sound run and of a broken one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from jinqiao.base.errors import ExpectationFailed
from jinqiao.base.telemetry import Batch, Label
from jinqiao.sandbox.run import start
from jinqiao.sandbox.run.execute import execute
from jinqiao.sandbox.run.options import RunOptions
from jinqiao.simulator.check import Checker, Violation

pytestmark = pytest.mark.program


def options(scenarios: Path, summary: Path, *, check: bool) -> RunOptions:
    return RunOptions(
        scenarios / "two-cars.yaml", for_s=60, speed=None, mqtt_port=0, summary=summary, quiet=True, check=check
    )


class Forger(Checker):
    """Reads another gear than was published."""

    def read(self, batches: Iterable[Batch], labels: Iterable[Label] = ()) -> list[Violation]:
        return super().read(
            [
                replace(batch, signals={**batch.signals, "gear": batch.signals["gear"] * 0})
                if batch.group == "core"
                else batch
                for batch in batches
            ],
            labels,
        )


def test_a_sound_run_is_checked_and_ends_well(scenarios, tmp_path):
    execute(options(scenarios, tmp_path / "out.json", check=True))
    found = json.loads((tmp_path / "out.json").read_text())["check"]
    assert found["violations"] == 0
    assert found["by_rule"] == {}
    assert found["checked"] > 1000


def test_a_broken_run_names_vehicle_time_and_values_and_exits_1(scenarios, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(start, "Checker", Forger)
    with pytest.raises(ExpectationFailed, match="violations") as caught:
        execute(options(scenarios, tmp_path / "out.json", check=True))
    assert caught.value.exit_code == 1
    found = json.loads((tmp_path / "out.json").read_text())["check"]
    assert found["violations"] == found["by_rule"]["rolls_in_park"] > 10
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("check: ")]
    assert "rolls_in_park" in told[0]
    assert "2026-11-22T23:40" in told[0]
    assert "gear 0 after 0, speed" in told[0]


def test_without_the_option_nothing_is_checked(scenarios, tmp_path):
    execute(options(scenarios, tmp_path / "out.json", check=False))
    assert "check" not in json.loads((tmp_path / "out.json").read_text())
