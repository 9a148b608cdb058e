"""The lines that `jinqiao device show` prints for each client, pasted and run: the post arrives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jinqiao.sandbox.cli import app
from support.openapi import Caller
from support.programs import Program

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PK = "a1carPK0001"


class Desk:
    """A running server, a fresh device of it, and its snippets by client."""

    def __init__(self, ready: dict[str, Any], data: Path) -> None:
        self.call = Caller(ready["http_port"])
        port = ("--mqtt-port", str(ready["mqtt_port"]))
        told = CliRunner().invoke(
            app, ["device", "add", PK, "pasted", "--data", str(data), *port], catch_exceptions=False
        )
        self.snippets = dict(part.split("\n", 1) for part in told.stdout.split("\n\n# ")[1:])
        self.pasted: subprocess.Popen[str] | None = None
        self._until(lambda: self.call("GetDeviceStatus", ProductKey=PK, DeviceName="pasted")["Success"])

    def paste(self, command: list[str], **environment: str) -> None:
        self.pasted = subprocess.Popen(
            command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def value_arrives(self) -> bool:
        """Whether the platform comes to know the property that each snippet posts."""
        return self._until(self._knows_value)

    def _knows_value(self) -> bool:
        found = self.call("QueryDevicePropertyStatus", ProductKey=PK, DeviceName="pasted")
        rows = found["Data"]["List"]["PropertyStatusInfo"]
        return any(row["Identifier"] == "VehicleSpeed" and row.get("Value") in {"0", "0.0"} for row in rows)

    def _until(self, condition: Callable[[], bool]) -> bool:
        end = time.monotonic() + 20
        while not (met := condition()) and time.monotonic() < end:
            time.sleep(0.1)
        return met

    def said(self) -> str:
        assert self.pasted is not None
        self.pasted.kill()
        return self.pasted.communicate()[0]


@pytest.fixture
def desk(start: Callable[..., Program], tmp_path: Path) -> Iterator[Desk]:
    ports = ("--mqtt-port", "0", "--http-port", "0")
    found = Desk(start("serve", "--registry", str(REGISTRY), "--data", str(tmp_path), *ports).ready, tmp_path)
    yield found
    if found.pasted is not None and not found.pasted.stdout.closed:
        found.said()


def test_mosquitto_pub(desk: Desk, mosquitto_sub: str) -> None:
    folder = str(Path(mosquitto_sub).parent)
    desk.paste(["sh", "-c", desk.snippets["mosquitto_pub"]], PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
    assert desk.value_arrives(), desk.said()


def test_paho(desk: Desk) -> None:
    desk.paste([sys.executable, "-c", desk.snippets["paho (Python)"]])
    assert desk.value_arrives(), desk.said()


def test_python_sdk(desk: Desk, sdk_python: Path) -> None:
    desk.paste([str(sdk_python), "-c", desk.snippets["aliyun-iot-linkkit (Python SDK)"]])
    assert desk.value_arrives(), desk.said()


def test_node_sdk(desk: Desk, sdk_node: tuple[str, Path]) -> None:
    node, modules = sdk_node
    desk.paste([node, "-e", desk.snippets["alibabacloud-iot-device-sdk (Node SDK)"]], NODE_PATH=str(modules))
    assert desk.value_arrives(), desk.said()
