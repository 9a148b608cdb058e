"""The vendor's own device SDKs, unmodified, against `jinqiao serve`.

Where they come from: `conftest`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program

TESTS = Path(__file__).parent.parent


@pytest.fixture
def ready(start: Callable[..., Program], tmp_path: Path) -> dict[str, Any]:
    """Where a server with the acceptance registry listens."""
    registry = TESTS / "golden" / "acceptance" / "registry.yaml"
    ports = ("--mqtt-port", "0", "--http-port", "0")
    return start("serve", "--registry", str(registry), "--data", str(tmp_path / "data"), *ports).ready


def results_of(command: list[str | Path]) -> list[dict[str, Any]]:
    """What the checks said, one JSON object a line; fails with those that are not ok."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=100)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result for result in results if not result["ok"]] == []
    assert done.returncode == 0, done.stderr
    return results


def test_the_vendors_python_sdk_works_unmodified(ready: dict[str, Any], sdk_python: Path) -> None:
    checks = TESTS / "support" / "linkkit_checks.py"
    assert len(results_of([sdk_python, checks, ready["mqtt_port"], ready["http_port"]])) == 32


def test_the_vendors_node_sdks_work_unmodified(ready: dict[str, Any], sdk_node: tuple[str, Path]) -> None:
    node, modules = sdk_node
    checks = TESTS / "support" / "node_checks.js"
    assert len(results_of([node, checks, modules, ready["mqtt_port"], ready["http_port"]])) == 34
