"""The commands on a data folder, and a server that takes over what they do."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.base.errors import InputError
from jinqiao.gateway.platform.devices.device_log import LogEntry
from jinqiao.gateway.storage.sqlite import Storage
from jinqiao.sandbox.cli import app
from support.openapi import Caller
from support.programs import Program

Start = Callable[..., Program]
REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PK = "a1carPK0001"


@pytest.fixture
def serve(start: Start) -> Callable[[Path], tuple[Program, dict[str, Any]]]:
    """Start a server on a data folder; the program and where it listens."""

    def begin(data: Path) -> tuple[Program, dict[str, Any]]:
        ports = ("--mqtt-port", "0", "--http-port", "0")
        program = start("serve", "--registry", str(REGISTRY), "--data", str(data), *ports)
        return program, program.ready

    return begin


def jinqiao(*arguments: str | Path) -> str:
    """What the command prints; raises what it fails with."""
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def told(*arguments: str | Path) -> Any:
    return json.loads(jinqiao(*arguments, "--json"))


def test_a_strangers_text_is_not_printed_raw(tmp_path: Path) -> None:
    odd = "zz\n2026-11-30T00:00:00 200 fake\x1b[31m"
    storage = Storage(tmp_path)
    storage.write_log([LogEntry(1, odd, odd, odd, 401, odd), LogEntry(2, "pk", "a@b.c-d:e_1", "t", 401, "no")])
    storage.close()
    first, second = jinqiao("log", "--data", tmp_path).splitlines()
    assert first.isascii()
    assert first.isprintable()
    assert second == "1970-01-01T00:00:00.002+00:00 401 pk/a@b.c-d:e_1 't': 'no'"


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_products_and_devices_are_added_shown_and_deleted(tmp_path: Path) -> None:
    data = ("--data", tmp_path)
    product = told("product", "add", *data, "--name", "T-Box", "--key", "a1car")
    assert (product["product_key"], len(product["product_secret"])) == ("a1car", 32)
    device = told("device", "add", "a1car", "t1", *data, "--secret", "s")
    assert told("device", "show", "a1car", "t1", *data) == device
    assert [row["device_name"] for row in told("device", "list", "a1car", *data)] == ["t1"]
    jinqiao("product", "disable", "a1car", *data)
    assert told("device", "show", "a1car", "t1", *data)["state"] == "disabled"
    jinqiao("device", "enable", "a1car", "t1", *data)
    assert told("device", "show", "a1car", "t1", *data)["state"] == "inactive"
    jinqiao("device", "delete", "a1car", "t1", *data)
    assert told("device", "list", "a1car", *data) == []
    jinqiao("product", "delete", "a1car", *data)
    assert told("product", "list", *data) == []


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("product", "show", "none"), "no product 'none'"),
        (("device", "show", "a1car", "tbox"), "no device 'tbox' of product 'a1car'"),
        (("device", "add", "a1car", "t1"), "device 't1' exists already"),
        (("device", "add", "a1car", "a/b"), "device 'a/b' is not valid"),
        (("product", "add", "--name", "x", "--key", "a1car"), "product 'a1car' exists already"),
        (("product", "add", "--name", "x", "--key", "sys"), "'sys' is not a product key"),
        (("product", "add", "--name", "x", "--thing-model", "nowhere.json"), "nowhere.json: no such file"),
    ],
)
def test_wrong_input_is_told(tmp_path: Path, arguments: tuple[str, ...], what: str) -> None:
    told("product", "add", "--data", tmp_path, "--name", "T-Box", "--key", "a1car")
    told("device", "add", "a1car", "t1", "--data", tmp_path)
    with pytest.raises(InputError) as refused:
        jinqiao(*arguments, "--data", tmp_path)
    assert what in str(refused.value)


def test_a_folder_without_data_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="jinqiao product add"):
        jinqiao("device", "list", "a1car", "--data", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_credentials_are_ready_to_paste(tmp_path: Path) -> None:
    told("product", "add", "--data", tmp_path, "--name", "T-Box", "--key", "a1car")
    shown = jinqiao("device", "add", "a1car", "t1", "--data", tmp_path, "--mqtt-port", "18830")
    for part in (
        "mosquitto_pub -h 127.0.0.1 -p 18830",
        "client.username_pw_set(",
        "linkkit.LinkKit(",
        "iot.device({",
        "AIOT_MQTTOPT_",
    ):
        assert part in shown


def log_in(port: int, credentials: dict[str, str]) -> tuple[paho.Client, list[str]]:
    """A device that posts; what becomes of it."""
    happened: list[str] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=credentials["client_id"])
    client.username_pw_set(credentials["username"], credentials["password"])
    client.on_connect = lambda _c, _u, _f, code, _p: happened.append("refused" if code.is_failure else "connected")
    client.on_disconnect = lambda _c, _u, _f, _code, _p: happened.append("disconnected")
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    return client, happened


def test_a_running_server_takes_over_what_the_commands_do(serve: Any, tmp_path: Path) -> None:
    _, ready = serve(tmp_path)
    call = Caller(ready["http_port"])
    credentials = told("device", "add", PK, "fresh", "--data", tmp_path)
    until(lambda: call("GetDeviceStatus", ProductKey=PK, DeviceName="fresh")["Success"])
    device, happened = log_in(ready["mqtt_port"], credentials)
    until(lambda: "connected" in happened)
    jinqiao("device", "disable", PK, "fresh", "--data", tmp_path)
    until(lambda: "disconnected" in happened)
    until(lambda: "refused" in happened)
    device.loop_stop()
    until(lambda: jinqiao("log", "--data", tmp_path, "--device", f"{PK}/fresh") != "")
    entry = told("log", "--data", tmp_path, "--device", f"{PK}/fresh", "--last", "1")
    assert (entry["code"], entry["message"]) == (6204, "device disabled")
    jinqiao("device", "delete", PK, "fresh", "--data", tmp_path)
    until(lambda: not call("GetDeviceStatus", ProductKey=PK, DeviceName="fresh")["Success"])


def test_the_server_says_what_an_unsigned_call_lacks(serve: Any, tmp_path: Path) -> None:
    _, ready = serve(tmp_path)
    request = urllib.request.Request(
        f"http://127.0.0.1:{ready['http_port']}/?Format=JSON&Action=Pub", data=b"", method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    with refused.value as response:
        assert (response.code, json.load(response)["Code"]) == (400, "MissingAccessKeyId")


def test_thing_models_are_checked_with_their_lines(tmp_path: Path) -> None:
    good, bad = REGISTRY.parent / "tsl.json", tmp_path / "bad.json"
    bad.write_text('{\n  "properties": [\n    {"identifier": "set", "dataType": {"type": "int"}}\n  ]\n}\n')
    assert jinqiao("thing-model", good) == f"{good}: 21 properties, 4 events, 3 services\n"
    with pytest.raises(InputError) as refused:
        jinqiao("thing-model", good, bad)
    assert str(refused.value) == f"{bad}:3:20: properties.0.identifier: 'set' is reserved by the platform"


def test_a_folder_has_one_server_and_the_second_says_who_the_first_is(start: Start, serve: Any, tmp_path: Path) -> None:
    first, ready = serve(tmp_path)
    for command in (("serve", "--history-days", "0"), ("run", "two-cars", "--for", "1s", "-q")):
        code, _, shown = start(*command, "--data", str(tmp_path), "--mqtt-port", "0").finish()
        assert code == 3, shown
        assert f"is already being served by process {first.process.pid}, MQTT port {ready['mqtt_port']}" in shown
    assert told("device", "list", PK, "--data", tmp_path), "commands need no lock"
    first.process.kill()
    first.finish()
    assert serve(tmp_path)[1]["mqtt_port"], "a lock dies with its process"
