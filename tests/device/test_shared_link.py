"""The simulator's own connection, and vehicles with one of their own, against the real broker."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.device.links.fleet import Address
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.broker.tls import server_context
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices, simulated_product
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.certificates import CA, SERVER, SERVER_KEY, make_certificates
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connack, Connect, Publish, Subscribe
from jinqiao.wire.stepping import Held
from support.mqtt import OpenPolicy

NAMES = np.array([b"LBV%014d" % i for i in range(20)], "S17")


@asynccontextmanager
async def serving(policy: object) -> AsyncIterator[Server]:
    server = Server(policy)  # type: ignore[arg-type]
    await server.start("127.0.0.1", 0)
    try:
        yield server
    finally:
        await server.close()


def own_links(server: Server, fleet_secret: str) -> VehicleLinks:
    devices = FleetDevices(NAMES, fleet_secret=fleet_secret)
    return VehicleLinks(Address("127.0.0.1", server.port), "a1JinqiaoEV", NAMES, devices.secret)


async def until(condition: object, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_what_is_sent_before_a_flush_has_been_routed_after_it() -> None:
    async with serving(OpenPolicy()) as server:
        link = await SharedLink.connect("127.0.0.1", server.port, "house", "pw", lossless=True)
        packets = [encode(Publish(f"t/{i}", bytes(5000))) for i in range(400)]
        for packet in packets:
            await link.send(memoryview(packet))
        await link.flush()
        assert sum(server.counters.received.values()) == 400
        await link.probe()
        await until(lambda: len(link.take_latencies_ms()) > 0)
        await link.close()
        await until(lambda: server.counters.connections == 0)


@pytest.mark.asyncio
async def test_while_a_step_is_held_the_connection_is_alive_and_says_who_holds_it() -> None:
    async with serving(OpenPolicy()) as server:
        server.hold_for(("listener",))
        link = await SharedLink.connect(
            "127.0.0.1", server.port, "house:trusted", "pw", lossless=True, client_id="h:trusted"
        )
        reports: list[Held] = []
        ended = await link.end_step(reports.append)
        await until(lambda: len(reports) > 1)
        await link.flush()
        assert set(reports) == {Held(("listener",))}
        assert not ended.done()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(encode(Connect("listener")) + encode(Subscribe(1, (("t", 1),))))
        await reader.readexactly(4 + 5)
        await asyncio.wait_for(ended, 5)
        await link.send(encode(Publish("t", b"x")))
        ended = await link.end_step(reports.append)
        await reader.readexactly(len(encode(Publish("t", b"x", 1, packet_id=1))))
        await link.flush()
        assert not ended.done()
        await server.close()
        with pytest.raises(EnvironmentFault, match="broker"):
            await asyncio.wait_for(ended, 5)
        await link.close()
        writer.close()


@pytest.mark.asyncio
async def test_over_tls_nothing_is_lost_and_the_name_is_checked(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / CA))
    async with serving(OpenPolicy()) as server:
        port = await server.start("127.0.0.1", 0, tls=server_context(tmp_path / SERVER, tmp_path / SERVER_KEY))
        link = await SharedLink.connect("localhost", port, "house", "pw", lossless=True, tls=trusting)
        block = b"".join(encode(Publish(f"t/{i}", bytes(5_000))) for i in range(200))
        for _ in range(40):
            await link.send(memoryview(block))
        await link.flush()
        assert sum(server.counters.received.values()) == 8_000
        assert len(link.take_latencies_ms()) == 1
        await link.close()
        await until(lambda: server.counters.connections == 0)
        with pytest.raises(EnvironmentFault, match="certificate"):
            await SharedLink.connect("localhost", port, "h", "pw", lossless=False, tls=ssl.create_default_context())
        with pytest.raises(EnvironmentFault, match="does not answer"):
            await SharedLink.connect("localhost", server.port, "h", "pw", lossless=False, tls=trusting)


@pytest.mark.asyncio
async def test_the_caller_may_use_its_memory_again_at_once() -> None:
    policy = OpenPolicy()
    async with serving(policy) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(encode(Connect("reader")) + encode(Subscribe(1, (("t", 0),))))
        await reader.readexactly(4 + 5)
        link = await SharedLink.connect("127.0.0.1", server.port, "house", "pw", lossless=False)
        size = len(encode(Publish("t", bytes(1000))))
        memory, sent = bytearray(size), hashlib.sha256()
        for turn in range(500):
            memory[:] = encode(Publish("t", bytes([turn % 251]) * 1000))
            sent.update(memory)
            await link.send(memoryview(memory))
        heard = hashlib.sha256(await asyncio.wait_for(reader.readexactly(500 * size), 10))
        assert heard.hexdigest() == sent.hexdigest()
        await link.close()
        writer.close()


@pytest.mark.asyncio
async def test_a_message_at_qos_1_is_delivered_and_acknowledged_so() -> None:
    async with serving(OpenPolicy()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(encode(Connect("reader")) + encode(Subscribe(1, (("t", 1),))))
        await reader.readexactly(4 + 5)
        link = await SharedLink.connect("127.0.0.1", server.port, "house", "pw", lossless=False)
        packet = encode(Publish("t", b"answer"))
        for qos in (1, 0):
            assert await link.publish(packet, qos)
        at_qos_1 = encode(Publish("t", b"answer", 1, packet_id=1))
        heard = await asyncio.wait_for(reader.readexactly(len(at_qos_1) + len(packet)), 5)
        assert (heard[0] >> 1 & 3, heard[len(at_qos_1) :]) == (1, packet)
        await link.flush()
        assert not len(link.unacknowledged)
        await link.close()
        writer.close()


@pytest.mark.asyncio
async def test_a_broker_that_acknowledges_nothing_is_sent_so_many_messages() -> None:
    gone = asyncio.Event()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode(Connack()))
        while await reader.read(1 << 16):
            pass
        writer.close()
        await writer.wait_closed()
        gone.set()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = await SharedLink.connect("127.0.0.1", port, "fleet", "pw", lossless=False, client_id="simulator")
    packet = encode(Publish("t", b""))
    went = 0
    while await link.publish(packet, 1):
        went += 1
    assert went == len(link.unacknowledged) == 20_000
    assert await link.publish(packet, 0)
    await link.close()
    await gone.wait()
    server.close()


@pytest.mark.asyncio
async def test_a_broker_that_refuses_or_is_absent_is_an_environment_fault() -> None:
    async with serving(OpenPolicy()) as server:
        port = server.port
        with pytest.raises(EnvironmentFault, match="refused"):
            await SharedLink.connect("127.0.0.1", port, "nobody", "pw", lossless=False)
    with pytest.raises(EnvironmentFault, match=str(port)):
        await SharedLink.connect("127.0.0.1", port, "house", "pw", lossless=False)


@pytest.mark.asyncio
async def test_a_lost_broker_is_noticed_by_the_next_send() -> None:
    async with serving(OpenPolicy()) as server:
        link = await SharedLink.connect("127.0.0.1", server.port, "house", "pw", lossless=False)

    async def go_on() -> None:
        while True:
            await link.send(encode(Publish("t", b"x")))
            await asyncio.sleep(0.01)

    with pytest.raises(EnvironmentFault, match="broker"):
        await asyncio.wait_for(go_on(), 5)
    await link.close()


@pytest.mark.asyncio
async def test_vehicles_log_in_with_their_own_credentials_and_publish_their_own_topics() -> None:
    platform = Platform(Registry([simulated_product("a1JinqiaoEV", NAMES, fleet_secret="s3cret")]))
    async with serving(platform) as server:
        links = own_links(server, "s3cret")
        await links.connect(range(5, 15), asyncio.Event())
        assert links.online == 10
        assert links.owns(np.array([4, 5, 14, 15], np.int32)).tolist() == [False, True, True, False]
        name = NAMES[7].decode()
        topic = f"/sys/a1JinqiaoEV/{name}/thing/event/property/post"
        assert links.send(7, encode(Publish(topic, b'{"id":"1","params":{},"sys":{"ack":0}}')))
        await until(lambda: server.counters.received["property_post"] == 1)
        assert platform.parts.presence.status("a1JinqiaoEV", name).state == "online"  # type: ignore[union-attr]
        await links.close()


@pytest.mark.asyncio
async def test_a_vehicle_that_loses_its_connection_comes_back() -> None:
    platform = Platform(Registry([simulated_product("a1JinqiaoEV", NAMES, fleet_secret="s3cret")]))
    async with serving(platform) as server:
        links = own_links(server, "s3cret")
        await links.connect([0, 1], asyncio.Event())
        session = next(iter(server._broker.sessions.values()))
        session.close()
        await until(lambda: links.online == 1)
        assert links.send(0, b"\xc0\x00") is not links.send(1, b"\xc0\x00")
        await until(lambda: links.online == 2, 10)
        assert server.counters.connections_total == 3
        await links.close()


@pytest.mark.asyncio
async def test_vehicles_with_wrong_secrets_are_reported() -> None:
    platform = Platform(Registry([simulated_product("a1JinqiaoEV", NAMES, fleet_secret="s3cret")]))
    async with serving(platform) as server:
        links = own_links(server, "another")
        with pytest.raises(EnvironmentFault, match="none of 3 vehicles"):
            await links.connect(range(3), asyncio.Event())
        await links.close()
