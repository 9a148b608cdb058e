"""The applications of a data folder: added, shown and deleted by commands, and taken over by a running server."""

from __future__ import annotations

import json
import shlex
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from jinqiao.base.errors import InputError
from jinqiao.sandbox.cli import app
from jinqiao.wire.mqtt.packets import Connack, Connect
from support.mqtt import RawClient
from support.openapi import Caller
from support.programs import Program

Start = Callable[..., Program]


def jinqiao(*arguments: str | Path) -> str:
    return CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False).stdout


def reported(*arguments: str | Path) -> Any:
    return json.loads(jinqiao(*arguments, "--json"))


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with two products, a device each."""
    folder = tmp_path / "data"
    for key in ("a1one", "a1two"):
        jinqiao("product", "add", "--data", folder, "--name", key, "--key", key)
        jinqiao("device", "add", key, "d", "--data", folder)
    return folder


def test_applications_are_added_listed_shown_and_deleted(data: Path) -> None:
    added = reported("application", "add", "backend", "--data", data)
    assert (added["access_key_id"], added["access_key_secret"]) == ("backend", added["password"])
    assert len(added["password"]) >= 16
    assert added["products"] is None
    jinqiao("application", "add", "meters", "--data", data, "--password", "pw", "--products", "a1two, a1one")
    assert reported("application", "show", "backend", "--data", data) == added
    listed = reported("application", "list", "--data", data)
    assert [(row["username"], row["products"]) for row in listed] == [("backend", None), ("meters", ["a1one", "a1two"])]
    jinqiao("application", "delete", "backend", "--data", data)
    assert [row["username"] for row in reported("application", "list", "--data", data)] == ["meters"]
    assert reported("application", "add", "backend", "--data", data)["password"] != added["password"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("add", "known"), "application 'known' exists already"),
        (("add", "a&b"), "'a&b' is not a user name"),
        (("add", "x", "--products", "a1on"), r"no product 'a1on' \(did you mean 'a1one'\?\)"),
        (("add", "x", "--products", ","), "leave it out for all products"),
        (("add", "x", "--password", ""), "--password: expected 1 to 128 characters"),
        (("show", "knwn"), r"no application 'knwn' \(did you mean 'known'\?\)"),
        (("delete", "nobody"), "no application 'nobody'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(data: Path, arguments: tuple[str, ...], what: str) -> None:
    jinqiao("application", "add", "known", "--data", data)
    with pytest.raises(InputError, match=what):
        jinqiao("application", *arguments, "--data", data)


def test_an_application_whose_name_looks_like_a_product_or_a_device_outlives_them(data: Path) -> None:
    for name in ("a1one", "a1one/d", "a1two/d"):
        jinqiao("application", "add", name, "--data", data)
    jinqiao("device", "delete", "a1two", "d", "--data", data)
    jinqiao("product", "delete", "a1one", "--data", data)
    assert {row["username"] for row in reported("application", "list", "--data", data)} == {
        "a1one",
        "a1one/d",
        "a1two/d",
    }


def test_its_lines_are_quoted_and_name_a_device_it_may_see(data: Path) -> None:
    text = jinqiao("application", "add", "it's me", "--data", data, "--password", '"$HOME', "--products", "a1two")
    lines = dict(part.split("\n", 1) for part in text.split("\n\n# ")[1:])
    assert shlex.split(lines["mosquitto_sub"])[:9] == [
        *("mosquitto_sub", "-h", "127.0.0.1", "-p", "1883"),
        *("-u", "it's me", "-P", '"$HOME'),
    ]
    python = next(text for client, text in lines.items() if client.startswith("alibabacloud"))
    assert 'product_key="a1two", device_name="d"' in python
    for client in ("paho (Python)", "alibabacloud-iot20180120 (Python SDK, cloud calls)"):
        compile(lines[client], client, "exec")


class Reader:
    """A program that is subscribed to what every device says, and notes what it hears."""

    def __init__(self, port: int, user: str, password: str) -> None:
        self.topics: list[str] = []
        self.ready: list[bool] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.username_pw_set(user, password)
        self.client.on_connect = lambda client, *_: client.subscribe("/sys/+/+/thing/event/property/post", 1)
        self.client.on_subscribe = lambda _, __, ___, codes, ____: self.ready.append(not codes[0].is_failure)
        self.client.on_message = lambda _, __, message: self.topics.append(message.topic)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()


def device(port: int, data: Path, product_key: str) -> paho.Client:
    credentials = reported("device", "show", product_key, "d", "--data", data)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=credentials["client_id"])
    client.username_pw_set(credentials["username"], credentials["password"])
    client.connect("127.0.0.1", port, keepalive=60)
    client.loop_start()
    return client


def test_what_was_added_a_moment_ago_may_log_in_and_be_asked_about(start: Start, data: Path) -> None:
    ready = start("serve", "--data", str(data), "--mqtt-port", "0").ready
    call = None
    for number in range(3):
        application = reported("application", "add", f"backend{number}", "--data", data)
        with closing(RawClient(ready["mqtt_port"])) as reader:
            reader.send(Connect("reader", username=f"backend{number}", password=application["password"].encode()))
            assert reader.expect(Connack).code == 0
        added = reported("device", "add", "a1one", f"new{number}", "--data", data)
        with closing(RawClient(ready["mqtt_port"])) as client:
            login = {name: added[name] for name in ("client_id", "username")}
            client.send(Connect(**login, password=added["password"].encode(), keep_alive_s=60))
            assert client.expect(Connack).code == 0
        call = Caller(ready["http_port"], (application["access_key_id"], application["access_key_secret"]))
        jinqiao("device", "add", "a1two", f"new{number}", "--data", data)
        assert call("GetDeviceStatus", ProductKey="a1two", DeviceName=f"new{number}")["Data"]["Status"] == "UNACTIVE"
    jinqiao("product", "add", "--data", data, "--name", "new", "--key", "a1new")
    assert call is not None
    # Somebody who asks for what is not known is not answered by looking again sooner than looking last time took.
    deadline_s = time.monotonic() + 0.4  # less than until the next look by itself
    while not (found := call("GetThingModelTsl", ProductKey="a1new"))["Success"]:
        assert time.monotonic() < deadline_s, found
    assert "TslStr" in found["Data"]


def test_a_running_server_takes_over_applications_and_a_file_may_name_products_of_the_folder(
    start: Start, data: Path, tmp_path: Path
) -> None:
    file = tmp_path / "registry.yaml"
    file.write_text("applications:\n  - {username: filed, password: pw, products: [a1two]}\n")
    ready = start("serve", "--registry", str(file), "--data", str(data), "--mqtt-port", "0").ready
    port, http = ready["mqtt_port"], ready["http_port"]
    added = reported("application", "add", "backend", "--data", data, "--products", "a1one")
    call = Caller(http, (added["access_key_id"], added["access_key_secret"]))

    def answers(product_key: str) -> bool:
        try:
            return bool(call("GetDeviceStatus", ProductKey=product_key, DeviceName="d")["Success"])
        except urllib.error.HTTPError as refused:
            with refused:
                return False

    assert answers("a1one")
    assert not answers("a1two")
    backend, filed = Reader(port, "backend", added["password"]), Reader(port, "filed", "pw")
    until(lambda: backend.ready == filed.ready == [True])
    devices = [device(port, data, key) for key in ("a1one", "a1two")]

    def post() -> None:
        for client, key in zip(devices, ("a1one", "a1two"), strict=True):
            client.publish(f"/sys/{key}/d/thing/event/property/post", '{"id":"1","params":{}}', qos=1)

    post()
    until(lambda: bool(backend.topics and filed.topics))
    assert {topic.split("/")[2] for topic in backend.topics} == {"a1one"}
    assert {topic.split("/")[2] for topic in filed.topics} == {"a1two"}
    jinqiao("application", "delete", "backend", "--data", data)
    until(lambda: not answers("a1one"))
    before = len(backend.topics), len(filed.topics)
    post()
    until(lambda: len(filed.topics) > before[1])
    assert len(backend.topics) == before[0], "what a deleted application was granted has ended"
    for client in (backend.client, filed.client, *devices):
        client.loop_stop()
