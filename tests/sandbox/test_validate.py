"""`jinqiao validate` and `jinqiao schema` as a scripter meets them: at a prompt and in CI."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jinqiao.base.errors import InputError
from jinqiao.sandbox.bundled import bundled_scenarios
from jinqiao.sandbox.commands import new, scenario

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
    app.command()(new.new)
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
        f"  bundled: {', '.join(sorted(bundled_scenarios()))}",
    ]


def test_a_warning_is_printed_and_is_an_error_when_strict(app: typer.Typer, good: Path) -> None:
    good.write_text(GOOD + "commands: [{at: 2 min, on: all, service: Lock}]\n")
    warning = f"{good}:6:17: warning: commands.0.at: never comes: the scenario ends after 1 min\n"
    result = CliRunner().invoke(app, ["validate", str(good)])
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{good}: ok\n", warning)
    result = CliRunner().invoke(app, ["validate", "--strict", str(good)])
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", warning)


def test_no_file_is_wrong_usage(app: typer.Typer) -> None:
    assert CliRunner().invoke(app, ["validate"]).exit_code == 2


def test_the_schema_is_printed_as_it_is_checked_in(app: typer.Typer) -> None:
    result = CliRunner().invoke(app, ["schema"])
    assert result.exit_code == 0
    assert result.stdout == Path("docs/schema/scenario-1.json").read_text(encoding="utf-8")
    assert json.loads(result.stdout)["title"] == "Scenario"


@pytest.mark.parametrize("command", ["validate", "schema", "new"])
def test_help_shows_an_example(app: typer.Typer, command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert f"jinqiao {command}" in result.stdout


SCHEMA_LINE = "# yaml-language-server: $schema="


def test_the_schema_is_written_into_a_folder_or_beside_a_scenario(app: typer.Typer, good: Path) -> None:
    for where in (good.parent, good):
        result = CliRunner().invoke(app, ["schema", "--write", str(where)])
        written = good.parent / "scenario-1.json"
        assert (result.exit_code, result.stdout) == (0, f"{written}\n")
        assert written.read_text("utf-8") == Path("docs/schema/scenario-1.json").read_text("utf-8")
        written.unlink()


def test_the_schema_is_written_where_one_stands(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert CliRunner().invoke(app, ["schema", "--write"]).exit_code == 0
    assert (tmp_path / "scenario-1.json").is_file()


@pytest.mark.parametrize("arguments", [["schema", "somewhere"], ["schema", "--write", "no/such"], ["new", "no/such/a"]])
def test_what_cannot_be_written_is_refused(app: typer.Typer, arguments: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, arguments).exception, InputError)


def test_the_line_after_a_new_scenario_names_the_program_as_it_was_started(
    app: typer.Typer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    monkeypatch.setattr(sys, "argv", ["/elsewhere/bin/jinqiao"])
    hint = CliRunner().invoke(app, ["new", str(tmp_path / "mine")]).stderr
    assert f"/elsewhere/bin/jinqiao run {tmp_path / 'mine.yaml'}" in hint


@pytest.mark.parametrize("name", ["mine", "mine.yaml"])
def test_a_new_scenario_is_valid_and_points_at_the_schema_beside_it(
    app: typer.Typer, tmp_path: Path, name: str
) -> None:
    assert CliRunner().invoke(app, ["new", str(tmp_path / name)]).exit_code == 0
    path = tmp_path / "mine.yaml"
    first, *_ = path.read_text("utf-8").splitlines()
    assert (tmp_path / first.removeprefix(SCHEMA_LINE)).is_file()
    checked = CliRunner().invoke(app, ["validate", str(path)])
    assert (checked.exit_code, checked.stderr) == (0, "")
    again = CliRunner().invoke(app, ["new", str(path)])
    assert isinstance(again.exception, InputError)
    assert "exists already" in str(again.exception)


@pytest.mark.parametrize("path", sorted(Path("scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_scenario_points_at_the_schema_that_is_checked_in(path: Path) -> None:
    first, *_ = path.read_text("utf-8").splitlines()
    target = path.parent / first.removeprefix(SCHEMA_LINE)
    assert target.resolve() == Path("docs/schema/scenario-1.json").resolve()
