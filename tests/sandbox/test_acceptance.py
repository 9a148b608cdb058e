"""The vendor's own device SDK, unmodified, against `jinqiao serve`.

The SDK needs an older paho-mqtt than the project, so it lives in a virtual environment of its own, in a cache folder
(`JQ_CACHE`, else `jq-cache` in the temporary folder). CI installs it there; elsewhere the test is skipped without it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from support.programs import Program

TESTS = Path(__file__).parent.parent
PACKAGES = ("aliyun-iot-linkkit==1.2.13", "paho-mqtt==1.6.1")


@pytest.fixture(scope="session")
def sdk_python() -> Path:
    """The interpreter of the SDK's environment."""
    folder = Path(os.environ.get("JQ_CACHE") or Path(tempfile.gettempdir()) / "jq-cache") / "sdk-linkkit"
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        if os.environ.get("CI") != "true":
            pytest.skip(f"the vendor's SDK is not in {folder} (CI=true installs it)")
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=60)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        subprocess.run(install, check=True, timeout=100)
        ready.touch()
    return python


def test_the_vendors_sdk_works_unmodified(start: Callable[..., Program], sdk_python: Path, tmp_path: Path) -> None:
    registry = TESTS / "golden" / "acceptance" / "registry.yaml"
    ports = ("--mqtt-port", "0", "--http-port", "0")
    ready = start("serve", "--registry", str(registry), "--data", str(tmp_path / "data"), *ports).ready
    checks = TESTS / "support" / "linkkit_checks.py"
    command = [str(sdk_python), str(checks), str(ready["mqtt_port"]), str(ready["http_port"])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result for result in results if not result["ok"]] == []
    assert len(results) == 32, done.stderr
    assert done.returncode == 0
