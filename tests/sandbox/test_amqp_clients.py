"""qpid-proton and rhea, as they are, consume from `jinqiao serve`."""

from __future__ import annotations

import json
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jinqiao.sandbox.bench.amqp_reader import credentials
from support.openapi import ACCESS_KEY
from support.paho_device import online
from support.peers import require
from support.programs import Program
from support.sdks import OPERATIONS

pytestmark = [pytest.mark.program, pytest.mark.long]

SUPPORT = Path(__file__).parent.parent / "support"
REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PK, DN, SECRET = "a1carPK0001", "tbox002", "secret0123456789tbox02"
TOPIC = f"/{PK}/{DN}/user/update"
GROUP = "jqConsumerGroup01"

Start = Callable[..., Program]


class Client:
    """A program that consumes; its lines, one by one."""

    def __init__(self, *command: str | Path) -> None:
        self.process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def end(self) -> None:
        self.process.kill()
        self._reading.join(10)  # to the end of what it said, before that is closed
        self.process.communicate()

    def line(self) -> dict[str, Any]:
        return self._lines.get(timeout=60)

    def bodies(self, count: int) -> list[str]:
        """Bodies of so many messages of the test's topic."""
        found: list[str] = []
        while len(found) < count:
            said = self.line()
            if said.get("topic") == TOPIC:
                assert said["same"]
                assert (said["qos"], len(said["id"]), said["tries"]) == (1, 19, 0)
                assert abs(said["time_ms"] - time.time() * 1000) < 60_000
                found.append(said["body"])
        return found


@pytest.fixture(params=["proton", "rhea"])
def begin(request: pytest.FixtureRequest) -> Iterator[Callable[[int, str, str], Client]]:
    """Start a client with this port, user name and password."""
    started: list[Client] = []

    def begin(port: int, user: str, password: str) -> Client:
        if request.param == "proton":
            python = require(OPERATIONS, "CI=true installs it").python
            found = Client(python, SUPPORT / "amqp_proton.py", f"amqp://127.0.0.1:{port}", user, password)
        else:
            node, modules = request.getfixturevalue("node_rhea")
            found = Client(node, SUPPORT / "amqp_rhea.js", modules, str(port), user, password)
        started.append(found)
        return found

    yield begin
    for client in started:
        client.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def serve(start: Start, folder: Path, amqp_port: int) -> tuple[Program, dict[str, Any]]:
    ports = ("--mqtt-port", "0", "--amqp-port", str(amqp_port), "--no-rates")
    program = start("serve", "--registry", str(REGISTRY), "--data", str(folder), *ports)
    return program, program.ready


def publish(port: int, bodies: list[str]) -> None:
    with online(port, PK, DN, SECRET, services={}) as device:
        for sent in [device.publish(TOPIC, body, 1) for body in bodies]:
            sent.wait_for_publish(20)


def test_it_receives_acknowledges_and_comes_back_after_the_server_was_away(
    start: Start, begin: Callable[[int, str, str], Client], tmp_path: Path
) -> None:
    port = free_port()
    first = [f"one {n}" for n in range(40)]
    second = [f"two {n}" for n in range(40)]
    program, ready = serve(start, tmp_path, port)
    publish(ready["mqtt_port"], first)
    client = begin(port, *credentials(GROUP, *ACCESS_KEY))
    assert client.bodies(40) == first
    time.sleep(0.5)  # the last acknowledgements are on their way
    program.interrupt()
    program.finish()
    _, ready = serve(start, tmp_path, port)
    publish(ready["mqtt_port"], second)
    assert client.bodies(40) == second  # nothing of the first again: it was acknowledged


def test_a_wrong_secret_is_refused(start: Start, begin: Callable[[int, str, str], Client], tmp_path: Path) -> None:
    _, ready = serve(start, tmp_path, 0)
    client = begin(ready["amqp_port"], *credentials(GROUP, ACCESS_KEY[0], "wrong"))
    assert "refused" in client.line()


def test_an_unknown_group_is_refused(start: Start, begin: Callable[[int, str, str], Client], tmp_path: Path) -> None:
    _, ready = serve(start, tmp_path, 0)
    client = begin(ready["amqp_port"], *credentials("nobodys", *ACCESS_KEY))
    assert "refused" in client.line()
