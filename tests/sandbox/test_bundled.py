"""Bundled scenarios: found by name in any folder, listed, copied."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from jinqiao.base.errors import InputError
from jinqiao.sandbox import invoked
from jinqiao.sandbox.bundled import bundled_scenarios, scenario_file
from jinqiao.sandbox.cli import app
from jinqiao.sandbox.scenario import RunScenario, load_run_scenario
from jinqiao.simulator.scenario import json_schema
from support.programs import Program

ROOT = Path(__file__).parents[2]


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


@pytest.mark.parametrize("name", ["two-cars", "two-cars.yaml", "scenarios/two-cars.yaml", "scenarios/two-cars"])
def test_a_bundled_scenario_is_found_by_name_in_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert scenario_file(Path(name)) == ROOT / "scenarios" / "two-cars.yaml"
    assert jinqiao("validate", name) == f"{name}: ok\n"


def test_a_file_of_ones_own_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "two-cars.yaml").touch()
    assert scenario_file(Path("two-cars.yaml")) == Path("two-cars.yaml")


@pytest.mark.parametrize("path", ["two-car", "elsewhere/two-cars.yaml", "/nowhere/two-cars.yaml"])
def test_what_is_not_there_is_answered_with_what_is_bundled(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"no such file \(did you mean 'two-cars'\?\)\n  bundled: broken-cars, jinqiao-morning, "
    ):
        scenario_file(Path(path))


def test_every_bundled_scenario_is_listed_with_a_word_about_it() -> None:
    rows = json.loads(jinqiao("scenario", "list", "--json"))
    assert {row["name"] for row in rows} == {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
    assert all(20 < len(row["about"]) < 250 for row in rows)


def test_a_copy_is_a_scenario_and_is_never_written_over_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in bundled_scenarios():
        jinqiao("scenario", "copy", name)
        mine, bundled = load_run_scenario(tmp_path / f"{name}.yaml"), load_run_scenario(bundled_scenarios()[name])
        assert all(getattr(mine, field) == getattr(bundled, field) for field in type(mine).model_fields)
        assert (tmp_path / f"{name}.yaml").read_text().startswith("# yaml-language-server: $schema=scenario-1.json\n")
    assert json.loads((tmp_path / "scenario-1.json").read_text()) == json_schema(RunScenario)
    with pytest.raises(InputError, match=r"winter\.yaml exists already"):
        jinqiao("scenario", "copy", "winter")
    (tmp_path / "mine").mkdir()
    assert (
        jinqiao("scenario", "copy", "winter", "mine") == "mine/winter.yaml: run it with: jinqiao run mine/winter.yaml\n"
    )
    assert (tmp_path / "mine" / "scenario-1.json").is_file()
    jinqiao("scenario", "copy", "winter", "mine/other.yaml")
    with pytest.raises(InputError, match=r"no folder 'absent'"):
        jinqiao("scenario", "copy", "winter", "absent/other.yaml")
    assert (tmp_path / "mine" / "other.yaml").read_text() == (tmp_path / "winter.yaml").read_text()
    with pytest.raises(InputError, match=r"no bundled scenario 'wintr' \(did you mean 'winter'\?\)"):
        jinqiao("scenario", "copy", "wintr")


@pytest.mark.program
def test_an_installed_package_brings_its_scenarios(tmp_path: Path) -> None:
    """Unpacked as pip does, away from the checkout; the dependencies are those of this interpreter."""
    build = "import os, sys, hatchling.build as b; print(b.build_wheel(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("jinqiao/scenarios/")}
    assert names == {f"jinqiao/scenarios/{name}.yaml" for name in bundled_scenarios()}
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    run = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'site')!r}]; from jinqiao.sandbox.cli import main; "
        "sys.argv = ['jinqiao', 'scenario', 'list', '--json']; main()"
    )
    done = subprocess.run([sys.executable, "-c", run], cwd=tmp_path, check=True, capture_output=True, timeout=60)
    assert {row["file"] for row in json.loads(done.stdout)} == {str(tmp_path / "site" / name) for name in names}


@pytest.mark.parametrize(
    ("started", "found", "shown"),
    [
        ("{bin}/jinqiao", "{bin}/jinqiao", "jinqiao"),
        ("{bin}/jinqiao", None, "{bin}/jinqiao"),
        ("{bin}/jinqiao", "{other}/jinqiao", "{bin}/jinqiao"),
        ("{bin with}/jinqiao", None, "'{bin with}/jinqiao'"),
        ("{bin}/pytest", "{other}/jinqiao", "jinqiao"),
    ],
)
def test_printed_lines_begin_as_the_program_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str, found: str | None, shown: str
) -> None:
    folders = {name: tmp_path / name for name in ("bin", "other", "bin with")}

    def path(text: str) -> str:
        for name, folder in folders.items():
            text = text.replace("{" + name + "}", str(folder))
        return text

    for folder in folders.values():
        folder.mkdir()
        (folder / "jinqiao").touch(0o755)
    monkeypatch.setattr(sys, "argv", [path(started)])
    monkeypatch.setenv("PATH", str(Path(path(found)).parent) if found is not None else str(tmp_path))
    assert invoked.program() == path(shown)


def test_a_run_prints_lines_that_can_be_pasted(start: Callable[..., Program]) -> None:
    run = start(
        "run", "two-cars", "--mqtt-port", "0", "--app-user", "it's", "--app-password", "$x", "--for", "1s", "-q"
    )
    _, _, shown = run.finish()
    port = shown.split("MQTT on 127.0.0.1:")[1].split(",")[0]
    line = next(line for line in shown.splitlines() if " watch " in line).strip()
    assert line.startswith(f"{sys.executable} -m jinqiao.sandbox."), "as it was started"
    assert line.endswith(f" watch --mqtt-port {port} --user 'it'\"'\"'s' --password '$x'")
