"""`jinqiao run` of a scenario that commands its cars: the outcomes in the summary, and the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jinqiao.sandbox.run.execute import execute
from jinqiao.sandbox.run.options import RunOptions

pytestmark = pytest.mark.program

COMMANDS = """
commands:
  - {at: 10 s, on: all, service: Unlock}
  - {at: 10 s, on: commuters, service: StartClimate, args: {Target: 24}}
  - {at: 20 s, on: any, set: {charging:ChargeLimit: 70}}
"""


def run(scenario: Path, summary: Path) -> dict:
    execute(RunOptions(scenario, for_s=60, speed=None, mqtt_port=0, summary=summary, quiet=True, check=True))
    return json.loads(summary.read_text())


def test_the_summary_counts_what_became_of_the_commands(scenarios, tmp_path, capsys):
    scenario = tmp_path / "commanded.yaml"
    scenario.write_text((scenarios / "two-cars.yaml").read_text() + COMMANDS)
    found = run(scenario, tmp_path / "out.json")
    assert found["commands"] == {
        "Unlock": {"200": 1, "100001": 1},
        "StartClimate": {"200": 1},
        "charging:ChargeLimit": {"200": 1},
    }
    assert found["check"]["violations"] == 0
    assert "Unlock: 1 done, 1 refused with 100001" in capsys.readouterr().err
    assert run(scenario, tmp_path / "again.json")["sha256"] == found["sha256"]
    plain = run(scenarios / "two-cars.yaml", tmp_path / "plain.json")
    assert plain["sha256"] != found["sha256"]
    assert "commands" not in plain
