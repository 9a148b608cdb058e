"""The vendor's own device SDKs, unmodified, against `jinqiao serve`.

They live in folders of their own in a cache (`JQ_CACHE`, else `jq-cache` in the temporary folder): the Python SDK needs
an older paho-mqtt than the project, the Node SDKs are npm packages. CI installs them there; elsewhere a test is skipped
without them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program

TESTS = Path(__file__).parent.parent
CACHE = Path(os.environ.get("JQ_CACHE") or Path(tempfile.gettempdir()) / "jq-cache")
PYTHON_PACKAGES = ("aliyun-iot-linkkit==1.2.13", "paho-mqtt==1.6.1")
NODE_PACKAGES = ("alibabacloud-iot-device-sdk@1.2.8", "aliyun-iot-device-sdk@1.0.1")


def _must_install(folder: Path) -> bool:
    """Whether the SDK is missing and to be installed; on a user's machine a missing one skips the test."""
    if (folder / ".ready").exists():
        return False
    if os.environ.get("CI") != "true":
        pytest.skip(f"the vendor's SDK is not in {folder} (CI=true installs it)")
    return True


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of the Python SDK's environment."""
    folder = CACHE / "sdk-linkkit"
    python = folder / "bin" / "python"
    if _must_install(folder):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=60)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PYTHON_PACKAGES]
        subprocess.run(install, check=True, timeout=100)
        (folder / ".ready").touch()
    return python


@pytest.fixture(scope="session")
def sdk_node() -> tuple[str, Path]:
    """Node, and the folder of the Node SDKs' packages."""
    folder, node = CACHE / "sdk-node", shutil.which("node")
    if node is None:
        reason = "node is not installed (Debian: nodejs npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    if _must_install(folder):
        folder.mkdir(parents=True, exist_ok=True)
        # Of a package file's own, so that npm does not look for one further up.
        (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
        install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", *NODE_PACKAGES]
        subprocess.run(install, cwd=folder, check=True, timeout=100)
        (folder / ".ready").touch()
    return node, folder / "node_modules"


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
