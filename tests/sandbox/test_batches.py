"""Devices that are registered together, by a server that is killed meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.openapi import Caller
from support.programs import Program

pytestmark = [pytest.mark.program, pytest.mark.long]

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
COUNT = 2_000


def test_what_a_call_has_begun_is_finished_after_a_kill(start: Callable[..., Program], tmp_path: Path) -> None:
    arguments = ("serve", "--registry", str(REGISTRY), "--data", str(tmp_path / "data"), "--mqtt-port", "0")
    server = start(*arguments, "--http-port", "0")
    call = Caller(server.ready["http_port"])
    key = call("CreateProduct", ProductName="Killed_1", NodeType=0)["ProductKey"]
    batch = call("BatchRegisterDevice", ProductKey=key, Count=COUNT)["Data"]["ApplyId"]
    while not (seen := call("QueryDeviceStatistics", ProductKey=key)["Data"]["deviceCount"]):
        time.sleep(0.005)
    server.process.kill()
    server.process.wait()
    call = Caller(start(*arguments, "--http-port", "0").ready["http_port"])
    assert call("QueryDeviceStatistics", ProductKey=key)["Data"]["deviceCount"] >= seen
    end = time.monotonic() + 60
    while (data := call("QueryBatchRegisterDeviceStatus", ProductKey=key, ApplyId=batch)["Data"])["Status"] == "CREATE":
        assert time.monotonic() < end, data["Status"]
        time.sleep(0.1)
    assert (len(data["ValidList"]["Name"]), data["InvalidList"]["Name"]) == (COUNT, [])
    assert call("QueryProduct", ProductKey=key)["Data"]["DeviceCount"] == COUNT
