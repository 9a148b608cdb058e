"""`jinqiao serve --data`: a device's past is told over HTTP, and outlives a server that was killed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.wire.alink.signature import client_content, sign
from support.openapi import Caller
from support.programs import Program

duckdb = pytest.importorskip("duckdb")
pytest.importorskip("pyarrow")

Start = Callable[..., Program]
REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "stores.md"
PK, DN, SECRET = "a1carPK0001", "tbox001", "secret0123456789abcdef"
S = f"/sys/{PK}/{DN}"


def statements(folder: str) -> list[str]:
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [block for block in blocks if f"'{folder}/" in block]


def serve(start: Start, data: Path, *more: str) -> tuple[Program, dict[str, Any]]:
    program = start("serve", "--registry", str(REGISTRY), "--data", str(data), "--mqtt-port", "0", "--no-rates", *more)
    return program, program.ready


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def post(port: int, posts: int, first: int = 0) -> int:
    """Publish property posts as the device, each acknowledged by the platform; the time of the first value, ms."""
    replies: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|securemode=3,signmethod=hmacsha1,_ss=1|")
    client.username_pw_set(f"{DN}&{PK}", sign("hmacsha1", SECRET, client_content("c", DN, PK)))
    client.on_message = lambda _c, _u, message: replies.append(message.topic)
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    now_ms = int(time.time() * 1000)
    for number in range(first, first + posts):
        params = {"VehicleSpeed": {"value": number, "time": now_ms + number}}
        client.publish(f"{S}/thing/event/property/post", json.dumps({"id": str(number), "params": params}), 1)
    until(lambda: len(replies) == posts)
    client.disconnect()
    client.loop_stop()
    return now_ms


def speeds(call: Caller, since_ms: int) -> list[str]:
    """Every value since, page by page."""
    found: list[str] = []
    while True:
        who = {"ProductKey": PK, "DeviceName": DN, "Identifier": "VehicleSpeed"}
        answer = call(
            "QueryDevicePropertyData", **who, StartTime=since_ms, EndTime=since_ms + 10**7, PageSize=50, Asc=1
        )
        found += [info["Value"] for info in answer["Data"]["List"]["PropertyInfo"]]
        if not answer["Data"]["NextValid"]:
            return found
        since_ms = answer["Data"]["NextTime"]


def test_values_are_told_at_once_and_after_a_kill(start: Start, tmp_path: Path) -> None:
    program, ready = serve(start, tmp_path)
    first_ms = post(ready["mqtt_port"], 120)
    assert speeds(Caller(ready["http_port"]), first_ms) == [str(number) for number in range(120)]
    until(lambda: any((tmp_path / "history").glob("property-*.parquet")))
    program.process.kill()
    _, ready = serve(start, tmp_path)
    call = Caller(ready["http_port"])
    assert speeds(call, first_ms) == [str(number) for number in range(120)]
    (question,) = statements("my-devices")  # of docs/stores.md
    rows = duckdb.sql(question.replace("'my-devices/", f"'{tmp_path}/")).fetchall()
    assert [value for _, value in rows] == [str(number) for number in range(120)]
    post(ready["mqtt_port"], 3, first=200)
    assert len(speeds(call, first_ms)) == 123


def test_what_is_not_to_be_kept_is_not(start: Start, tmp_path: Path) -> None:
    _, ready = serve(start, tmp_path, "--history-days", "0")
    first_ms = post(ready["mqtt_port"], 3)
    assert speeds(Caller(ready["http_port"]), first_ms) == ["2"]
    assert not (tmp_path / "history").exists()
