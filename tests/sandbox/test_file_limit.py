"""Out of files: the broker says so and goes on serving those it has."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from jinqiao.wire.mqtt.packets import Connack, Connect, PacketType, Signal
from support.mqtt import RawClient
from support.programs import JINQIAO

pytestmark = pytest.mark.program

resource = pytest.importorskip("resource")
FILES = 80


def test_connections_beyond_the_limit_of_files_are_refused_and_logged() -> None:
    command = [*JINQIAO, "serve", "--plain-mqtt", "--mqtt-port", "0", "--http-port", "0"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
    )
    assert process.stdout is not None
    port = json.loads(process.stdout.readline())["ready"]["mqtt_port"]
    clients = [RawClient(port) for _ in range(2 * FILES)]
    first = clients[0]
    first.send(Connect("first"))
    assert first.expect(Connack) == Connack(0)
    first.send(Signal(PacketType.PINGREQ))
    assert first.expect(Signal)
    assert clients[-1].is_closed()  # everybody has been accepted or refused
    for client in clients:
        client.close()
    time.sleep(0.3)
    late = RawClient(port)
    late.send(Connect("late"))
    assert late.expect(Connack) == Connack(0)
    late.close()
    process.terminate()
    _, told = process.communicate(timeout=20)
    assert "reason=connections" in told
    assert "too many connections are open" in told
