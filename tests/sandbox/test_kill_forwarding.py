"""kill -9 while a device publishes and a consumer consumes: what was acknowledged arrives, duplicates are marked."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.wire.alink.signature import client_content, sign
from jinqiao.wire.amqp.message import ForwardedMessage
from support.amqp_consumer import Consumer
from support.openapi import ACCESS_KEY
from support.programs import Program

REGISTRY = Path(__file__).parent.parent / "golden" / "acceptance" / "registry.yaml"
PK, DN, SECRET = "a1carPK0001", "tbox002", "secret0123456789tbox02"
TOPIC = f"/{PK}/{DN}/user/update"
#: Of the registry: it is subscribed to everything of the product.
GROUP = "jqConsumerGroup01"
KILLS = 12 if os.environ.get("CI") == "true" else 4
#: Messages that a consumer has and has not accepted when something is killed.
BEHIND = 7


class Ledger:
    """What the device was acknowledged, and what came to consumers, how often; `unmarked` came again without a mark."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        self.came: Counter[str] = Counter()
        self.unmarked: list[str] = []
        self.number = 0

    def comes(self, message: ForwardedMessage) -> None:
        if message.topic != TOPIC:
            return  # that the device came and went
        body = message.body.decode()
        if self.came[body] and not message.tries:
            self.unmarked.append(body)
        self.came[body] += 1


def device(port: int, ledger: Ledger) -> paho.Client:
    """It publishes numbers at QoS 1, five on their way at a time."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="c|_ss=1|", reconnect_on_failure=False)
    client.username_pw_set(f"{DN}&{PK}", sign("hmacmd5", SECRET, client_content("c", DN, PK)))
    sent: dict[int, str] = {}

    def publish() -> None:
        body = f"n{ledger.number}"
        ledger.number += 1
        sent[client.publish(TOPIC, body, 1).mid] = body

    def acknowledged(_client: Any, _userdata: Any, mid: int, *_: Any) -> None:
        ledger.acknowledged.add(sent.pop(mid))
        publish()

    client.on_connect = lambda *_: [publish() for _ in range(5)]
    client.on_publish = acknowledged
    client.connect("127.0.0.1", port, 60)
    client.loop_start()
    return client


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.long
def test_what_was_acknowledged_at_qos_1_reaches_consumers_over_kills_of_server_and_consumer(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    moments, ledger = random.Random(7), Ledger()
    ports = ("--mqtt-port", "0", "--amqp-port", "0", "--http-port", "0", "--no-rates")
    for kill in range(KILLS + 1):
        program = start("serve", "--registry", str(REGISTRY), "--data", str(tmp_path), *ports)
        ready = program.ready
        last = kill == KILLS
        consumer = Consumer(ready["amqp_port"], ACCESS_KEY, ledger.comes, group=GROUP, behind=0 if last else BEHIND)
        if last:
            until(lambda: ledger.acknowledged <= set(ledger.came))
            consumer.vanish()
            break
        client = device(ready["mqtt_port"], ledger)
        before = len(ledger.acknowledged)
        until(lambda before=before: len(ledger.acknowledged) > before + 200)  # type: ignore[misc]
        if kill % 2:
            consumer.vanish()
            consumer = Consumer(ready["amqp_port"], ACCESS_KEY, ledger.comes, group=GROUP, behind=BEHIND)
            until(lambda before=before: len(ledger.acknowledged) > before + 400)  # type: ignore[misc]
        time.sleep(moments.uniform(0.0, 0.2))
        program.process.kill()
        program.process.wait()
        consumer.wait()
        client.loop_stop()
    assert len(ledger.acknowledged) > 200 * KILLS
    assert ledger.unmarked == []
    assert max(ledger.came.values()) > 1, "nothing was on its way when the server was killed"
