"""`jinqiao validate` and `jinqiao schema` as a scripter meets them: at a prompt and in CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jinqiao.sandbox.commands import scenario

GOOD = """\
name: Good
start: 2026-11-23T07:00+08:00
duration: 1 min
fleets:
  - {name: a, count: 1, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}}
"""


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer()
    app.command()(scenario.validate)
    app.command()(scenario.schema)
    return app


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD)
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(GOOD.replace("1 min", "1").replace("WLTC", "WLTP"))
    return path


def test_a_good_file_is_named(app: typer.Typer, good: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(good)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{good}: ok\n", "")


def test_every_problem_of_every_file_is_told(app: typer.Typer, good: Path, bad: Path, tmp_path: Path) -> None:
    absent = tmp_path / "absent.yaml"
    result = CliRunner().invoke(app, ["validate", str(bad), str(absent), str(good)])
    assert result.exit_code == 2
    assert result.stdout == f"{good}: ok\n"
    assert result.stderr.splitlines() == [
        f"{bad}:3:11: duration: found 1 without a unit, expected a duration in s, min, h or d, like '30 min'",
        f"{bad}:5:68: fleets.0.agenda.cycle: found 'WLTP', expected 'WLTC', 'NEDC', 'CLTC-P', 'UDDS', 'HWFET', 'US06'"
        " or 'FTP-75' (did you mean 'WLTC'?)",
        f"{absent}: no such file",
    ]


def test_no_file_is_wrong_usage(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["validate"]).exit_code == 2


def test_the_schema_is_printed_as_it_is_checked_in(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert result.stdout == Path("docs/schema/scenario-1.json").read_text(encoding="utf-8")
    assert json.loads(result.stdout)["$id"] == "https://jinqiao.dev/schema/scenario-1.json"


@pytest.mark.parametrize("command", ["validate", "schema"])
def test_help_shows_an_example(app: typer.Typer, command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"jinqiao {command}" in result.stdout
