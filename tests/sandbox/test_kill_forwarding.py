"""kill -9 while a device publishes and a consumer consumes: what was acknowledged arrives, duplicates are marked."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.wire.alink.signature import client_content, sign

TESTS = Path(__file__).parent.parent
REGISTRY = TESTS / "golden" / "acceptance" / "registry.yaml"
PK, DN, SECRET = "a1carPK0001", "tbox002", "secret0123456789tbox02"
KILLS = 12 if os.environ.get("CI") == "true" else 4


class Ledger:
    """What the device was acknowledged, and what came to the consumer, how often, and with which tries."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.came: Counter[str] = Counter()
        #: Messages that came again and were not marked.
        self.unmarked: list[str] = []
        self.number = 0

    def comes(self, body: str, tries: int) -> None:
        if not body.startswith("n"):
            return  # what the platform says of the device
        if self.came[body] and not tries:
            self.unmarked.append(body)
        self.came[body] += 1


class Server:
    """The process, whose consumer is read in a thread."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        arguments = ["-m", "support.forwarding_server", str(REGISTRY), str(folder), PK, "50"]
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TESTS
        )
        self._ledger = ledger
        self.port = int(self._line()["mqtt_port"])
        self._reading = threading.Thread(target=self._read)
        self._reading.start()

    def _line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("}\n"):
                self._ledger.comes(**json.loads(line))

    def next_consumer(self) -> None:
        """The consumer is lost, and another one comes."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def device(port: int, ledger: Ledger) -> paho.Client:
    """It publishes numbers at QoS 1, five on their way at a time."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|_ss=1|", reconnect_on_failure=False)
    client.username_pw_set(f"{DN}&{PK}", sign("hmacmd5", SECRET, client_content("c", DN, PK)))
    sent: dict[int, str] = {}

    def publish() -> None:
        body = f"n{ledger.number}"
        ledger.number += 1
        sent[client.publish(f"/{PK}/{DN}/user/update", body, 1).mid] = body

    def acknowledged(_client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        ledger.acknowledged.add(sent.pop(mid))
        publish()

    client.on_connect = lambda *_: [publish() for _ in range(5)]
    client.on_publish = acknowledged
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    return client


def until(condition: Any) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.program
@pytest.mark.long
def test_what_was_acknowledged_at_qos_1_reaches_the_consumer_over_kills_of_server_and_consumer(tmp_path: Path) -> None:
    moments, ledger = random.Random(7), Ledger()
    for kill in range(KILLS):
        server = Server(tmp_path, ledger)
        client = device(server.port, ledger)
        before = len(ledger.acknowledged)
        until(lambda before=before: len(ledger.acknowledged) > before + 200)
        if kill % 2:
            server.next_consumer()
            until(lambda before=before: len(ledger.acknowledged) > before + 400)
        time.sleep(moments.uniform(0.0, 0.2))
        server.kill()
        client.loop_stop()
    server = Server(tmp_path, ledger)
    try:
        until(lambda: ledger.acknowledged <= set(ledger.came))
    finally:
        server.kill()
    assert len(ledger.acknowledged) > 200 * KILLS
    assert ledger.unmarked == []
    assert max(ledger.came.values()) > 1, "nothing was on its way when the server was killed"
