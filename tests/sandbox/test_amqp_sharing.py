"""Two AMQP clients that customers use, qpid-proton and rhea, share what real devices say, are killed, and come over TLS."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jinqiao.sandbox.certificates import CA, make_certificates
from support.openapi import ACCESS_KEY, Caller
from support.paho_device import online
from support.peers import require
from support.programs import Program
from support.sdks import OPERATIONS

pytestmark = [pytest.mark.program, pytest.mark.long, pytest.mark.timeout(60)]

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
SUPPORT = Path(__file__).parent.parent / "support"
PK, DN, SECRET = "a1carPK0001", "tbox002", "secret0123456789tbox02"
TOPIC = f"/{PK}/{DN}/user/update"
GROUP = "jqConsumerGroup01"


class Client:
    """One of the two clients in a process of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)

    def line(self) -> dict[str, Any]:
        """What it says next."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            assert self.process.stderr is not None
            pytest.fail(self.process.stderr.read())
        found: dict[str, Any] = json.loads(text)
        return found

    def messages(self, count: int) -> list[dict[str, Any]]:
        """The next messages of our topic, so many."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            said = self.line()
            if said["topic"] == TOPIC:  # not whether the device is there
                found.append(said)
        return found

    def rest(self) -> list[dict[str, Any]]:
        """What it said to the end, which is now."""
        self.process.kill()
        out, _ = self.process.communicate()
        return [said for said in map(json.loads, out.splitlines()) if said["topic"] == TOPIC]


Consume = Callable[..., Client]


@pytest.fixture(params=["proton", "rhea"])
def consume(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Consume]:
    """Start a client; it is ready when this returns."""
    command: list[str]
    if request.param == "proton":
        python = require(OPERATIONS, "CI=true installs it").python
        command = [str(python), str(SUPPORT / "amqp_proton_client.py")]
    else:
        node, modules = request.getfixturevalue("node_rhea")
        (tmp_path / "node_modules").symlink_to(modules)
        (tmp_path / "client.js").write_text((SUPPORT / "amqp_rhea_client.js").read_text())
        command = [node, "client.js"]
    started: list[Client] = []

    def begin(address: str, *, secret: str = ACCESS_KEY[1], settling: str = "accept", ca: Path | None = None) -> Client:
        more = [] if ca is None else [str(ca)]
        client = Client([*command, address, GROUP, ACCESS_KEY[0], secret, settling, *more], tmp_path)
        started.append(client)
        return client

    yield begin
    for client in started:
        client.process.kill()
        client.process.communicate()


@pytest.fixture
def ready(start: Callable[..., Program]) -> dict[str, Any]:
    return start("serve", "--registry", str(REGISTRY), "--mqtt-port", "0", "--amqp-port", "0", "--no-rates").ready


def plain(ready: dict[str, Any]) -> str:
    return f"amqp://127.0.0.1:{ready['amqp_port']}"


def publish(ready: dict[str, Any], *bodies: str) -> None:
    """The device says this, and is gone when it is acknowledged."""
    with online(ready["mqtt_port"], PK, DN, SECRET, services={}) as device:
        for sent in [device.publish(TOPIC, body, 1) for body in bodies]:
            sent.wait_for_publish(10)


def wait_until_all_is_settled(ready: dict[str, Any]) -> None:
    call, deadline = Caller(ready["http_port"]), time.monotonic() + 20
    while call("QueryConsumerGroupStatus", GroupId=GROUP)["AccumulationCount"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_consumers_share_what_comes(ready: dict[str, Any], consume: Consume) -> None:
    clients = [consume(plain(ready)), consume(plain(ready))]
    for client in clients:
        assert client.line() == {"ready": True}
    bodies = {f"n{number}" for number in range(200)}
    publish(ready, *sorted(bodies))
    wait_until_all_is_settled(ready)
    found = [[said["body"] for said in client.rest()] for client in clients]
    assert all(found)
    assert sorted(found[0] + found[1]) == sorted(bodies)


def test_what_a_killed_consumer_had_comes_to_another_marked(ready: dict[str, Any], consume: Consume) -> None:
    bodies = [f"n{number}" for number in range(20)]
    first = consume(plain(ready), settling="hold")
    assert first.line() == {"ready": True}
    publish(ready, *bodies)
    assert [said["body"] for said in first.messages(len(bodies))] == bodies
    first.process.kill()
    second = consume(plain(ready))
    assert second.line() == {"ready": True}
    came = second.messages(len(bodies))
    assert [said["body"] for said in came] == bodies
    assert {said["tries"] for said in came} == {1}


def test_over_tls_with_the_authority_that_was_made(
    start: Callable[..., Program], consume: Consume, tmp_path: Path
) -> None:
    certs = tmp_path / "certs"
    make_certificates(certs)
    ports = ("--mqtt-port", "0", "--amqps-port", "0", "--certs", str(certs), "--no-rates")
    ready = start("serve", "--registry", str(REGISTRY), *ports).ready
    client = consume(f"amqps://localhost:{ready['amqps_port']}", ca=certs / CA)
    assert client.line() == {"ready": True}
    publish(ready, "over TLS")
    assert [said["body"] for said in client.messages(1)] == ["over TLS"]
