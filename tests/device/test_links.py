"""The lean client: storms, returns, QoS 1, what comes down. Against the real broker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import EnvironmentFault
from jinqiao.device.links.fleet import Address, FleetLinks
from jinqiao.device.links.link import Link
from jinqiao.device.links.unacknowledged import at_qos_1
from jinqiao.gateway.broker.server import Server
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connack, Connect, Puback, Publish, Subscribe
from support.mqtt import OpenPolicy
from support.mqtt_memory import Transport, split


@asynccontextmanager
async def serving(port: int = 0) -> AsyncIterator[Server]:
    server = Server(OpenPolicy(), sys_interval_s=0)
    await server.start("127.0.0.1", port)
    try:
        yield server
    finally:
        await server.close()


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


def login(row: int) -> bytes:
    return encode(Connect(f"v{row}:auto", keep_alive_s=60))


@pytest.mark.asyncio
async def test_a_storm_keeps_its_rate() -> None:
    async with serving() as server:
        links = FleetLinks(Address("127.0.0.1", server.port), login, storm_per_s=200)
        began = time.perf_counter()
        await links.connect(range(100))
        assert links.online == len(links) == 100
        assert time.perf_counter() - began >= 0.2  # a quarter of a second's worth may go at once
        await links.close()
        await until(lambda: server.counters.connections == 0)


@pytest.mark.asyncio
async def test_a_fleet_returns_after_the_broker_did() -> None:
    async with serving() as server:
        port = server.port
        links = FleetLinks(Address("127.0.0.1", port), login)
        await links.connect(range(20))
    await until(lambda: links.online == 0)
    assert not links.send(3, encode(Publish("t", b"")))
    async with serving(port) as server:
        await until(lambda: links.online == 20, 15)
        assert links.lost_total >= 20
        await links.close()


@pytest.mark.asyncio
async def test_nobody_there_is_an_environment_fault() -> None:
    async with serving() as server:
        port = server.port
    links = FleetLinks(Address("127.0.0.1", port), login)
    with pytest.raises(EnvironmentFault, match="none of 2 vehicles"):
        await links.connect(range(2))
    await links.close()


@pytest.mark.asyncio
async def test_messages_go_up_at_both_qos_and_come_down() -> None:
    came: list[tuple[int, str, bytes]] = []
    async with serving() as server:
        address = Address("127.0.0.1", server.port)
        links = FleetLinks(address, login, on_message=lambda row, m: came.append((row, m.topic, m.payload)))
        await links.connect(range(3))
        assert links.send(1, encode(Publish("dev/v1/ask", b"0")))
        assert links.send(2, encode(Publish("dev/v2/ask", b"1")), qos=1)
        await until(lambda: len(came) == 2)
        assert sorted(came) == [(1, "dev/v1/answer", b"0"), (2, "dev/v2/answer", b"1")]
        await links.close()


class Fleet:
    """An owner that remembers."""

    level = 4

    def __init__(self) -> None:
        self.told: list[object] = []

    def login(self, row: int) -> bytes:
        return login(row)

    def answered(self, _: Link, refused: int) -> None:
        self.told.append(refused)

    def on_message(self, _: Link, message: Publish) -> None:
        self.told.append(message)

    def lost(self, _: Link, was_online: bool) -> None:
        self.told.append(was_online)


def opened() -> tuple[Link, Transport, Fleet]:
    fleet = Fleet()
    link, transport = Link(fleet, 0), Transport()
    link.connection_made(transport)  # type: ignore[arg-type]
    link.data_received(encode(Connack()))
    transport.written = b""
    return link, transport, fleet


def test_what_was_not_acknowledged_is_sent_again_marked_as_duplicate() -> None:
    link, transport, _ = opened()
    for payload in (b"1", b"2"):
        assert link.send(encode(Publish("t", payload)), qos=1)
    link.data_received(encode(Puback(1)))
    link.connection_lost(None)
    again = Transport()
    link.connection_made(again)  # type: ignore[arg-type]
    again.written = b""
    link.data_received(encode(Connack()))
    assert list(split(again.written)) == [Publish("t", b"2", 1, duplicate=True, packet_id=2)]
    assert list(split(transport.written)) == [Publish("t", b"%d" % n, 1, packet_id=n) for n in (1, 2)]


def test_no_more_than_so_many_are_unacknowledged() -> None:
    link, _, _ = opened()
    packet = encode(Publish("t", b""))
    assert [link.send(packet, qos=1) for _ in range(21)] == [True] * 20 + [False]
    link.data_received(encode(Puback(7)))
    assert link.send(packet, qos=1)


def test_a_stuck_socket_takes_nothing() -> None:
    link, transport, _ = opened()
    transport.unsent = 1 << 20
    assert not link.send(encode(Publish("t", b"")))


def test_a_peer_that_does_not_answer_pings_is_left() -> None:
    link, transport, _ = opened()
    link.ping()
    assert transport.written == b"\xc0\x00"
    assert not transport.aborted
    link.ping()
    assert transport.aborted


def test_nonsense_ends_the_link_and_nothing_else() -> None:
    link, transport, _ = opened()
    link.data_received(b"\xf0\x00")
    assert transport.aborted


def test_packets_cut_anywhere_arrive_whole() -> None:
    link, _, fleet = opened()
    fleet.told.clear()
    message = Publish("a/b", bytes(300))
    for byte in encode(message) * 2:
        link.data_received(bytes((byte,)))
    assert fleet.told == [message, message]


def test_a_refused_login_is_told() -> None:
    fleet = Fleet()
    link = Link(fleet, 0)
    link.connection_made(Transport())  # type: ignore[arg-type]
    link.data_received(encode(Connack(4)))
    link.connection_lost(None)
    assert fleet.told == [4, False]
    assert link.failures == 1


@given(topic=st.text("abc/", min_size=1, max_size=300), payload=st.binary(max_size=300), number=st.integers(1, 65_535))
def test_a_packet_at_qos_1_is_the_same_message(topic: str, payload: bytes, number: int) -> None:
    packet = at_qos_1(encode(Publish(topic, payload)), number)
    edges = frame(packet, 0)
    assert edges is not None
    assert decode(packet[0], packet[edges[0] : edges[1]]) == Publish(topic, payload, 1, packet_id=number)


@pytest.mark.asyncio
async def test_subscriptions_may_be_sent_as_ready_packets() -> None:
    came: list[bytes] = []
    async with serving() as server:
        links = FleetLinks(Address("127.0.0.1", server.port), login, on_message=lambda _, m: came.append(m.payload))
        await links.connect([0])
        assert links.send(0, encode(Subscribe(1, (("x", 1),))))
        await asyncio.sleep(0.05)
        server.publish("x", b"down", 1)
        await until(lambda: came == [b"down"])
        await links.close()


@pytest.mark.asyncio
async def test_after_a_flush_the_broker_has_routed_everything_and_what_it_sent_before_has_come() -> None:
    heard: list[tuple[int, Publish]] = []
    async with serving() as server:
        links = FleetLinks(Address("127.0.0.1", server.port), login, on_message=lambda *found: heard.append(found))
        await links.flush()
        await links.connect(range(20))
        for row in range(20):
            for _ in range(10):
                assert links.send(row, encode(Publish(f"dev/v{row}/ask", b"x")))
        await links.flush()
        assert sum(server.counters.received.values()) == 200
        assert sorted(row for row, _ in heard) == sorted(list(range(20)) * 10)
        await links.close()


def test_a_flush_waits_for_the_last_of_several_pings_and_for_no_link_that_is_lost() -> None:
    async def check() -> None:
        link, transport, _ = opened()
        assert link.flush() is link.flush()
        flushed = link.flush()
        assert flushed is not None
        link.ping()
        assert transport.written.endswith(4 * b"\xc0\x00")
        link.data_received(3 * b"\xd0\x00")
        assert not flushed.done()
        link.data_received(b"\xd0\x00")
        assert flushed.done()
        link.data_received(b"\xd0\x00")  # nobody asked
        flushed = link.flush()
        assert flushed is not None
        link.connection_lost(None)
        assert flushed.done()
        assert link.flush() is None

    asyncio.run(check())
