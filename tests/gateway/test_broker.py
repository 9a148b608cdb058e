"""The broker on real sockets: stock clients, rude clients, slow clients."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import paho.mqtt.client as paho
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.server import Server
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connack, Connect, PacketType, Puback, Publish, Signal, Subscribe
from support.mqtt import BrokerThread, NewLoop, OpenPolicy, running_broker


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """Both event loops: they differ in when they pause and resume writing."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop


@pytest.fixture
def broker() -> Iterator[BrokerThread]:
    with running_broker() as running:
        yield running


class PahoClient:
    """paho-mqtt in its own thread, its messages in a queue."""

    def __init__(self, broker: BrokerThread, client_id: str, *filters: tuple[str, int]) -> None:
        self.messages: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self.granted: queue.Queue[list[int]] = queue.Queue()
        self.lost = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id)
        self.client.on_message = lambda _c, _u, m: self.messages.put((m.topic, m.payload, m.qos))
        self.client.on_subscribe = lambda _c, _u, _m, codes, _p: self.granted.put([code.value for code in codes])
        self.client.on_disconnect = lambda *_: self.lost.set()
        self.client.reconnect_delay_set(30, 30)
        self.client.connect("127.0.0.1", broker.port, 60)
        self.client.loop_start()
        if filters:
            self.subscribe(*filters)

    def subscribe(self, *filters: tuple[str, int]) -> list[int]:
        self.client.subscribe(list(filters))
        return self.granted.get(timeout=5)

    def unsubscribe(self, topic_filter: str) -> None:
        done = threading.Event()
        self.client.on_unsubscribe = lambda *_: done.set()
        self.client.unsubscribe(topic_filter)
        assert done.wait(5)

    def take(self, count: int) -> list[tuple[str, bytes, int]]:
        return [self.messages.get(timeout=5) for _ in range(count)]

    def __enter__(self) -> PahoClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("qos", [0, 1])
def test_paho_to_paho(broker: BrokerThread, qos: int) -> None:
    with PahoClient(broker, "sub", ("/sys/+/+/thing/#", qos), ("other", 1)) as sub, PahoClient(broker, "pub") as pub:
        topics = [f"/sys/pk/dn{number}/thing/post" for number in range(200)]
        for number, topic in enumerate(topics):
            pub.client.publish(topic, b"%d" % number, qos)
        assert sub.take(200) == [(topic, b"%d" % number, qos) for number, topic in enumerate(topics)]
        sub.unsubscribe("other")
        pub.client.publish("other", b"no").wait_for_publish(5)
        pub.client.publish("/sys/pk/dn/thing", b"last", qos)
        assert sub.take(1) == [("/sys/pk/dn/thing", b"last", qos)]
    assert eventually(lambda: broker.stats()["connections"] == 0)
    assert broker.stats()["received_total"] == 202


def test_paho_is_granted_qos_1_for_2_and_refused_the_secret(broker: BrokerThread) -> None:
    with PahoClient(broker, "sub") as sub:
        assert sub.subscribe(("a/#", 2), ("secret/#", 0), ("b", 0)) == [1, 0x80, 0]


def test_paho_with_mqtt_5(broker: BrokerThread) -> None:
    heard: queue.Queue[tuple[str, str, bytes]] = queue.Queue()
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, "five", protocol=paho.MQTTv5)

    def connected(*_: object) -> None:
        client.subscribe("a/#", 1)

    def subscribed(*_: object) -> None:
        properties = paho.Properties(paho.PacketTypes.PUBLISH)
        properties.ContentType = "text/plain"
        client.publish("a/b", b"hello", 1, properties=properties)

    client.on_connect = connected
    client.on_subscribe = subscribed
    client.on_message = lambda _c, _u, m: heard.put((m.topic, m.properties.ContentType, m.payload))
    client.reconnect_delay_set(30, 30)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    assert heard.get(timeout=5) == ("a/b", "text/plain", b"hello")
    client.disconnect()
    client.loop_stop()


def test_a_second_login_closes_the_first(broker: BrokerThread) -> None:
    with PahoClient(broker, "same") as first, PahoClient(broker, "same", ("a", 0)) as second:
        assert first.lost.wait(5)
        broker.call(broker.server.publish, "a", b"house", 0)
        assert second.take(1) == [("a", b"house", 0)]
        assert broker.stats()["sessions"] == 1


def test_the_house_publishes_at_qos_1(broker: BrokerThread) -> None:
    with PahoClient(broker, "sub", ("a/#", 1)) as sub:
        for number in range(300):
            broker.call(broker.server.publish, f"a/{number}", b"x", 1)
        assert sub.take(300) == [(f"a/{number}", b"x", 1) for number in range(300)]


def test_a_silent_client_is_closed_after_one_and_a_half_keep_alives(broker: BrokerThread) -> None:
    silent, pinging = broker.client("silent", keep_alive_s=1), broker.client("pinging", keep_alive_s=1)
    started = time.monotonic()
    while not broker.stats()["refused"].get("keep_alive"):
        pinging.send(Signal(PacketType.PINGREQ))
        pinging.expect(Signal)
        assert time.monotonic() - started < 5
        time.sleep(0.05)
    assert time.monotonic() - started >= 1.2  # the broker's clock ticks in quarters of a second
    assert silent.is_closed()
    pinging.send(Signal(PacketType.PINGREQ))
    assert pinging.expect(Signal)


def test_a_stranger_that_says_nothing_is_closed() -> None:
    with running_broker(Limits(connect_timeout_s=0.5)) as broker:
        assert broker.socket().is_closed()
        assert broker.stats()["refused"] == {"connect_timeout": 1}


@pytest.mark.parametrize(
    "rude",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
        encode(Connect("c")) + encode(Connect("c")),
        encode(Connect("c")) + b"\x30\x05\x00\x03a/#",
        encode(Connect("c")) + b"\x32\xff\xff\xff\x7f",
        encode(Connect("c")) + encode(Publish("a", b"x" * 262_145)),
        encode(Connect("c")) + encode(Publish("a", b"", 2, packet_id=1)),
        encode(Connect("c")) + b"\xff" * 1_000,
    ],
)
def test_only_the_offender_is_closed(broker: BrokerThread, rude: bytes) -> None:
    good = broker.client("good")
    good.subscribe("#", qos=1)
    bad = broker.socket()
    with suppress(ConnectionError):
        bad.send(rude)
    assert bad.is_closed()
    good.send(Publish("mine", b"still here"))
    assert good.expect(Publish) == Publish("mine", b"still here")
    assert broker.stats()["refused"] == {"malformed": 1}


def test_the_largest_payload_arrives_whole(broker: BrokerThread) -> None:
    client = broker.client("big")
    client.subscribe("#")
    payload = bytes(range(256)) * 1_024
    client.send(*[Publish("a", payload)] * 5)
    assert [client.expect(Publish).payload == payload for _ in range(5)] == [True] * 5


@pytest.mark.long
def test_no_reader_no_harm(new_loop: NewLoop) -> None:
    """One subscriber never reads, one does: the second gets everything, memory is bounded, losses are counted."""
    limits = Limits(queue_bytes=2 << 20, high_water_bytes=1 << 19)
    with running_broker(limits, new_loop) as broker:
        stuck = broker.socket()
        stuck.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        stuck.send(Connect("stuck"), Subscribe(1, (("#", 0),)))
        reading, publisher = broker.client("reading"), broker.client("publisher")
        reading.subscribe("#")
        payload, count, per_block = b"x" * 2_000, 20_000, 100
        block = encode(Publish("a", payload)) * per_block

        def read() -> int:
            return sum(reading.expect(Publish).payload == payload for _ in range(count))

        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(read)
            for _ in range(count // per_block):
                publisher.send(block)
            assert received.result(30) == count
        stats = broker.stats()
        assert stats["queued_bytes"] <= 2 << 20
        assert stats["dropped_by"].keys() == {"stuck"}
        assert stats["dropped"] + stats["delivered"] <= 2 * count
        assert stats["dropped"] > count / 2


def test_a_lossless_publisher_loses_nothing_to_a_slow_reader(new_loop: NewLoop) -> None:
    limits = Limits(queue_bytes=4 << 20, high_water_bytes=1 << 19)
    with running_broker(limits, new_loop) as broker:
        slow, publisher = broker.client("slow"), broker.client("sim:trusted,lossless")
        slow.subscribe("#")
        broker.client("other").subscribe("nothing/here")
        payload, count, per_block = b"x" * 2_000, 10_000, 100
        block = encode(Publish("a", payload)) * per_block

        def read() -> int:
            received = 0
            for number in range(count):
                if number % 1_000 == 0:
                    time.sleep(0.05)
                received += slow.expect(Publish).payload == payload
            return received

        with ThreadPoolExecutor(1) as pool:
            received = pool.submit(read)
            for _ in range(count // per_block):
                publisher.send(block)
            assert received.result(30) == count
        assert broker.stats()["dropped"] == 0


def test_a_qos_1_flood_arrives_whole_and_in_order(broker: BrokerThread) -> None:
    reader, publisher = broker.client("reader"), broker.client("publisher")
    reader.subscribe("#", qos=1)
    count = 5_000

    def read() -> list[int]:
        order = []
        while len(order) < count:
            message = reader.expect(Publish)
            order.append(int(message.payload))
            reader.send(Puback(message.packet_id))
        return order

    with ThreadPoolExecutor(1) as pool:
        received = pool.submit(read)
        publisher.send(*[Publish("a", b"%d" % number, 1, packet_id=1 + number) for number in range(count)])
        assert received.result(30) == list(range(count))
    assert [publisher.expect(Puback).packet_id for _ in range(count)] == list(range(1, count + 1))


def test_a_port_that_is_taken_is_named(broker: BrokerThread) -> None:
    async def listen_there() -> None:
        await Server(OpenPolicy()).start("127.0.0.1", broker.port)

    with pytest.raises(EnvironmentFault, match=f"127.0.0.1 port {broker.port}"):
        asyncio.run(listen_there())


def test_closing_the_server_ends_every_connection(new_loop: NewLoop) -> None:
    with running_broker(new_loop=new_loop) as broker:
        sockets = [broker.client(f"c{number}").socket.dup() for number in range(20)]
        sockets.append(broker.socket().socket.dup())
    for connection in sockets:
        assert connection.recv(1) == b""
        connection.close()


@pytest.mark.asyncio
async def test_many_connect_at_once_and_all_are_answered() -> None:
    server = Server(OpenPolicy())
    await server.start("127.0.0.1", 0)

    async def connect(number: int) -> tuple[asyncio.StreamWriter, bytes]:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(encode(Connect(f"client {number}")))
        return writer, await reader.readexactly(4)

    async with asyncio.timeout(20):
        opened = await asyncio.gather(*(connect(number) for number in range(300)))
    assert {answer for _, answer in opened} == {encode(Connack(0))}
    assert server.stats()["sessions"] == server.counters.connections_total == 300
    await server.close()
    for writer, _ in opened:
        writer.close()
    assert server.stats()["connections"] == server.stats()["sessions"] == 0


def test_an_mqtt_5_client_reads_why_though_it_is_still_sending(new_loop: NewLoop) -> None:
    """A socket closed under it would be reset, and the reason lost with it (MQTT 5 § 4.13.1)."""
    with running_broker(new_loop=new_loop) as broker:
        client = broker.socket()
        client.send(encode(Connect("five", level=5)))
        assert client.socket.recv(100)[:1] == b"\x20"
        client.send(b"\xf0\x00")
        for _ in range(20):
            client.send(encode(Publish("a", b"x" * 1_000), 5))
            time.sleep(0.005)
        assert client.socket.recv(100) == b"\xe0\x01\x82"
        assert client.socket.recv(100) == b""
        client.close()
        assert eventually(lambda: broker.stats()["connections"] == 0)
