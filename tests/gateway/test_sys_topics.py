"""The broker's figures as messages, retained, for those who may read them."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from jinqiao.wire.mqtt.packets import Connect, Publish, Suback, Subscribe
from support.gateway import CLIENT_ID, PASSWORD, USERNAME, GatewayThread, running_gateway
from support.mqtt import RawClient


@pytest.fixture
def gateway() -> Iterator[GatewayThread]:
    with running_gateway() as running:
        yield running


def client(gateway: GatewayThread, client_id: str, username: str, password: str) -> RawClient:
    found = RawClient(gateway.ports["mqtt_port"])
    found.send(Connect(client_id, keep_alive_s=60, username=username, password=password.encode()))
    found.read()
    return found


def test_an_application_reads_them_at_once(gateway: GatewayThread) -> None:
    application = client(gateway, "c", "app", "pw")
    time.sleep(0.05)
    application.send(Subscribe(1, (("$SYS/broker/#", 0),)))
    figures: dict[str, bytes] = {}
    while len(figures) < 10:
        packet = application.read()
        if isinstance(packet, Publish):
            figures[packet.topic] = packet.payload
    assert figures["$SYS/broker/version"].startswith(b"jinqiao version ")
    assert figures["$SYS/broker/clients/connected"].isdigit()
    application.close()


def test_a_device_does_not(gateway: GatewayThread) -> None:
    device = client(gateway, CLIENT_ID, USERNAME, PASSWORD)
    device.send(Subscribe(1, (("$SYS/#", 0),)))
    assert device.expect(Suback).codes == (0x80,)
    device.close()


def test_a_wildcard_does_not_reach_them(gateway: GatewayThread) -> None:
    application = client(gateway, "c", "app", "pw")
    application.send(Subscribe(1, (("#", 0),)))
    application.expect(Suback)
    assert list(application.messages()) == []
    application.close()
