"""The HTTP port: metrics, MQTT over WebSocket, a port that is taken."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator

import paho.mqtt.client as paho
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.gateway.web.port import HttpPort
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish, Subscribe
from support.gateway import GatewayThread, running_gateway
from support.mqtt import RawClient


@pytest.fixture
def plain() -> Iterator[GatewayThread]:
    with running_gateway(Platform(Registry(anonymous=True))) as gateway:
        yield gateway


def metrics(gateway: GatewayThread) -> dict[str, float]:
    """Samples as `name{label}`: the broker's labels are one at most."""
    status, text = gateway.get("/metrics")
    assert status == 200
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            label = "".join(f"{{{value}}}" for value in sample.labels.values())
            found[f"{sample.name}{label}"] = sample.value
    return found


def test_metrics_are_the_counters_in_prometheus_words(plain: GatewayThread) -> None:
    client = RawClient(plain.ports["mqtt_port"])
    client.send(Connect("c"), Subscribe(1, (("t", 0),)), Publish("t", b"12345"), b"\xf0\0")
    assert client.is_closed()
    client.close()
    found = metrics(plain)
    assert found["jinqiao_messages_received_total{other}"] == 1
    assert found["jinqiao_connections_opened_total"] == 1
    assert found["jinqiao_refused_total{malformed}"] == 1
    assert found["jinqiao_messages_dropped_total{slow_subscriber}"] == 0
    assert found["jinqiao_received_bytes_total"] > 20
    assert {"jinqiao_connections", "jinqiao_queued_bytes", "jinqiao_loop_lag_seconds"} <= set(found)
    assert found["process_resident_memory_bytes"] > 0


def test_health(plain: GatewayThread) -> None:
    assert plain.get("/health") == (200, '{"status":"ok","connections":0}')
    assert plain.get("/nothing")[0] == 404


def test_a_taken_port_is_an_environment_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentFault, match=str(port)):
            HttpPort("127.0.0.1", port)


def paho_websocket(gateway: GatewayThread, heard: queue.Queue[tuple[str, bytes, int]]) -> paho.Client:
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, transport="websockets")
    client.ws_set_options("/mqtt")
    client.on_message = lambda _c, _u, m: heard.put((m.topic, m.payload, m.qos))
    subscribed: queue.Queue[int] = queue.Queue()
    client.on_subscribe = lambda *_: subscribed.put(1)
    client.on_connect = lambda c, *_: c.subscribe("t/#", 1)
    client.connect("127.0.0.1", gateway.ports["http_port"], 60)
    client.loop_start()
    subscribed.get(timeout=10)
    return client


def test_paho_over_websocket(plain: GatewayThread) -> None:
    heard: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
    client = paho_websocket(plain, heard)
    for number in range(30):
        client.publish("t/x", b"%d" % number, number % 2)
    client.publish("t/large", bytes(200_000), 1)
    assert [heard.get(timeout=10) for _ in range(30)] == [("t/x", b"%d" % n, n % 2) for n in range(30)]
    assert heard.get(timeout=10) == ("t/large", bytes(200_000), 1)
    client.disconnect()
    client.loop_stop()
    publisher = RawClient(plain.ports["mqtt_port"])
    publisher.send(Connect("raw"))
    publisher.read()
    assert list(publisher.messages()) == []
    assert plain.stats()["connections"] == 1
    publisher.close()


def test_packets_need_not_respect_frames(plain: GatewayThread) -> None:
    with connect(f"ws://127.0.0.1:{plain.ports['http_port']}/mqtt", subprotocols=["mqtt"]) as browser:  # type: ignore[list-item]
        assert browser.subprotocol == "mqtt"
        login = encode(Connect("split"))
        for at in range(len(login)):
            browser.send(login[at : at + 1])
        assert browser.recv(5) == b"\x20\x02\0\0"
        browser.send(encode(Subscribe(1, (("a", 0),))) + encode(Publish("a", b"x")))
        answer = b""
        while len(answer) < 11:
            answer += bytes(browser.recv(5))  # type: ignore[arg-type]
        assert answer == b"\x90\x03\0\x01\0" + encode(Publish("a", b"x"))


def test_a_text_frame_or_broken_mqtt_closes_the_websocket(plain: GatewayThread) -> None:
    url = f"ws://127.0.0.1:{plain.ports['http_port']}/mqtt"
    for said in ("text", b"\xff\xff\xff"):
        with connect(url, subprotocols=["mqtt"]) as browser:  # type: ignore[list-item]
            browser.send(said)
            with pytest.raises(ConnectionClosed):
                browser.recv(5)


def test_mqtt_5_over_websocket_hears_why_it_is_disconnected(plain: GatewayThread) -> None:
    login = b"\x10\x10\0\x04MQTT\x05\x02\0\x3c\0\0\x03ws5"
    url = f"ws://127.0.0.1:{plain.ports['http_port']}/mqtt"
    with connect(url, subprotocols=["mqtt"]) as browser:  # type: ignore[list-item]
        browser.send(login)
        assert bytes(browser.recv(5))[0] == 0x20  # type: ignore[arg-type]
        browser.send(b"\xf0\0")
        assert bytes(browser.recv(5))[0] == 0xE0  # type: ignore[arg-type]
        with pytest.raises(ConnectionClosed):
            browser.recv(5)


def test_without_the_subprotocol_there_is_no_connection(plain: GatewayThread) -> None:
    with pytest.raises(InvalidHandshake), connect(f"ws://127.0.0.1:{plain.ports['http_port']}/mqtt"):
        pass
    assert plain.stats()["connections_total"] == 0


def test_a_browser_that_does_not_read_bounds_what_is_kept(plain: GatewayThread) -> None:
    with connect(
        f"ws://127.0.0.1:{plain.ports['http_port']}/mqtt",
        subprotocols=["mqtt"],  # type: ignore[list-item]
        max_queue=1,
    ) as browser:
        browser.send(encode(Connect("slow")) + encode(Subscribe(1, (("t", 0),))))
        publisher = RawClient(plain.ports["mqtt_port"], 20)
        publisher.send(Connect("fast"))
        publisher.read()
        packet = encode(Publish("t", bytes(100_000)))
        for _ in range(1_200):
            publisher.send(packet)
        assert list(publisher.messages()) == []
        stats = plain.stats()
        assert stats["dropped"] > 0
        assert stats["queued_bytes"] <= 65 << 20
        publisher.close()
        browser.socket.close()
