"""The pytest plugin, in projects of users: found by its entry point, in a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.program

ROOT = Path(__file__).parent.parent.parent
SCENARIO = (ROOT / "scenarios" / "two-cars.yaml").read_text()


def pytest_of(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "-W",
        "error",
        "--strict-markers",
        *options,
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a scenario at its root and a folder of tests."""
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "two.yaml").write_text(SCENARIO)
    (tmp_path / "tests").mkdir()
    return tmp_path


def test_a_scenario_is_found_beside_the_test_and_from_the_root_folder(project: Path) -> None:
    (project / "tests" / "beside.yaml").write_text(SCENARIO.replace("Two cars", "Beside"))
    (project / "tests" / "test_product.py").write_text("""
import pytest

pytestmark = pytest.mark.jinqiao(scenario="scenarios/two.yaml", seed=5)

def test_from_the_root(sandbox):
    assert sandbox.advance("5 s").scenario == "Two cars"

@pytest.mark.jinqiao("beside.yaml", vehicles=3)
def test_beside_and_the_nearer_marker_wins(sandbox):
    state = sandbox.state()
    assert (state.scenario, state.seed, state.vehicles.total, state.elapsed_s) == ("Beside", 5, 3, 0)

@pytest.mark.jinqiao(scenario="jinqiao-morning", vehicles=10, speed="max")
def test_bundled(sandbox):
    assert sandbox.state().speed == "max"
""")
    done = pytest_of(project, "-n", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_the_examples_of_the_documentation_run(project: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    with_pytest, alone = blocks
    (project / "scenarios" / "two-cars.yaml").write_text(SCENARIO)
    (project / "tests" / "test_documented.py").write_text(with_pytest)
    done = pytest_of(project)
    assert "1 passed" in done.stdout, done.stdout
    shown = subprocess.run([sys.executable, "-c", alone], capture_output=True, text=True, timeout=60, check=True)
    assert "property_post" in shown.stdout


def test_a_test_that_fails_shows_what_its_run_said(project: Path) -> None:
    (project / "tests" / "test_product.py").write_text("""
import pytest

@pytest.mark.jinqiao(scenario="scenarios/two.yaml")
def test_fails(sandbox):
    assert sandbox.state().elapsed_s == 1
""")
    done = pytest_of(project)
    assert done.returncode == 1
    assert "1 failed" in done.stdout
    assert "jinqiao run" in done.stdout
    assert "Two cars: 2 vehicles" in done.stdout


WRONG = {
    "scenaro='x'": "no argument 'scenaro' (did you mean 'scenario'?)",
    "scenario='x', vehicles=0": "vehicles: found 0, expected a number of vehicles, at least 1",
    "scenario='x', seed='7'": "seed: found '7', expected a whole number",
    "scenario='x', speed='fast'": "speed: found 'fast', expected simulated seconds per second",
    "scenario=3": "scenario: found 3, expected a scenario file",
    "'x', 'y'": "found 2 arguments without a name, expected the scenario",
    "vehicles=3": "found no scenario",
    "scenario='gone.yaml'": "no file 'gone.yaml' in",
    "scenario='two-carz'": "two-cars",
}


def test_a_marker_that_does_not_fit_is_explained_in_a_line(project: Path) -> None:
    tests = [f"@pytest.mark.jinqiao({given})\ndef test_{number}(sandbox): pass\n" for number, given in enumerate(WRONG)]
    (project / "tests" / "test_product.py").write_text("import pytest\n" + "\n".join(tests))
    done = pytest_of(project)
    assert f"{len(WRONG)} errors" in done.stdout
    for says in WRONG.values():
        assert says in done.stdout
    assert "Traceback" not in done.stdout
    assert "plugin.py" not in done.stdout


def test_a_project_without_it_loads_nothing_of_it() -> None:
    probe = "import json, sys, pytest, jinqiao.testing.plugin; print(json.dumps(sorted(sys.modules)))"
    found = set(json.loads(subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True).stdout))
    assert {name for name in found if name.startswith("jinqiao")} == {
        "jinqiao",
        "jinqiao.testing",
        "jinqiao.testing.plugin",
    }
    assert not found & {"http.client", "numpy", "pydantic", "asyncio", "ssl"}


def test_the_program_does_not_need_pytest() -> None:
    probe = """
import sys
sys.modules["pytest"] = None
import jinqiao.testing
assert all(getattr(jinqiao.testing, name) for name in jinqiao.testing.__all__)
import jinqiao.sandbox.commands.ctl, jinqiao.sandbox.run.execute
"""
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
