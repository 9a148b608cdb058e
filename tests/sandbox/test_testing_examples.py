"""The examples under `examples/testing/`: each accepts the repaired product, and finds the mistake of the first one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

pytestmark = [pytest.mark.program, pytest.mark.long]

FOLDER = Path(__file__).parent.parent.parent / "examples" / "testing"
#: What each of the expectations that the first product fails says of it.
MISTAKES = ("after cell_overheat: StopCharging", "detects cell_overheat", "never(charging:ChargePower > 0 kW and")


def ended(rule: str, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """A command with the product of this rule under test."""
    interpreter = Path(sys.executable)
    found = {"HOT_CELLS_RULE": rule, "PYTHON": str(interpreter), "JINQIAO": str(interpreter.with_name("jinqiao"))}
    return subprocess.run(
        list(map(str, command)),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env={**os.environ, **found},
        cwd=FOLDER,
    )


def with_pytest(rule: str) -> subprocess.CompletedProcess[str]:
    options = ("-c", os.devnull, "--rootdir", FOLDER, "-p", "no:cacheprovider", "-p", "no:asyncio", "-vv")
    return ended(rule, sys.executable, "-m", "pytest", *options, FOLDER)


def test_with_pytest_the_repaired_product_passes() -> None:
    done = with_pytest("spread")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_with_pytest_the_first_product_fails() -> None:
    done = with_pytest("limit")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed" in done.stdout
    for mistake in MISTAKES:
        assert f"failed: {mistake}" in done.stdout
    assert "E       AssertionError: assert" in done.stdout
    assert "precision 75 %, recall 100 %" in done.stdout, "what was measured"


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        reason = "node is not installed (Debian: nodejs)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def test_with_node_the_repaired_product_passes(node: str) -> None:
    done = ended("spread", node, "--test", "hot_cells.test.mjs")
    assert done.returncode == 0, done.stdout
    assert "# pass 2" in done.stdout
    assert "# skipped 0" in done.stdout


def test_with_node_the_first_product_fails(node: str) -> None:
    done = ended("limit", node, "--test", "hot_cells.test.mjs")
    assert done.returncode == 1
    assert "# fail 2" in done.stdout or "# fail 1" in done.stdout
    assert f"{MISTAKES[0]} within 5 min for 95 %: 0 of 4 in time" in done.stdout


def reports(said: str) -> Path:
    return Path(said.rpartition("reports are in ")[2].strip())


def test_from_a_shell_the_repaired_product_passes() -> None:
    done = ended("spread", FOLDER / "hot_cells.sh", "spread")
    assert done.returncode == 0, done.stderr
    folder = reports(done.stdout)
    assert ET.parse(folder / "verdicts.xml").getroot().get("failures") == "0"
    assert "<svg" in (folder / "verdicts.html").read_text()
    shutil.rmtree(folder)


def test_from_a_shell_the_first_product_fails() -> None:
    done = ended("limit", FOLDER / "hot_cells.sh", "limit")
    assert done.returncode == 1
    for mistake in MISTAKES:
        assert f"FAILED         {mistake}" in done.stderr
    assert "false: cell_overheat detected" in done.stderr
    shutil.rmtree(reports(done.stdout))
