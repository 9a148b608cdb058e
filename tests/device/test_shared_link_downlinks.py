"""Downlinks of simulated vehicles over the house's own connection, and the platform's ear for what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import orjson
import pytest

from jinqiao.device.links.fleet import Address
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices, simulated_product
from jinqiao.gateway.platform.registry.registry import Application, Registry
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Connect, Publish, Subscribe

KEY = "a1JinqiaoEV"
NAMES = np.array([b"LBV%014d" % i for i in range(5)], "S17")
VIN = NAMES[0].decode()
SET = f"/sys/{KEY}/{VIN}/thing/service/property/set"


@dataclass
class House:
    """A platform, its broker, and the simulator's connection with what it heard."""

    platform: Platform
    server: Server
    link: SharedLink
    heard: list[Publish] = field(default_factory=list)

    async def hears(self, count: int) -> list[Publish]:
        """Wait until it has heard so many messages."""
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                await asyncio.sleep(0.01)
        return self.heard


@asynccontextmanager
async def house() -> AsyncIterator[House]:
    product = simulated_product(KEY, NAMES, fleet_secret="s3cret")
    applications = [Application("app", "pw", frozenset({KEY}))]
    platform = Platform(Registry([product], applications), simulator=("house", "secret"))
    server = Server(platform)
    await server.start("127.0.0.1", 0)
    platform.carried_by(server)
    heard: list[Publish] = []
    try:
        link = await SharedLink.connect(
            "127.0.0.1", server.port, "house", "secret", lossless=False, on_message=heard.append
        )
        await link.flush()
        yield House(platform, server, link, heard)
        await link.close()
    finally:
        await server.close()


def own_links(server: Server, rows: list[Publish]) -> VehicleLinks:
    secret = FleetDevices(NAMES, fleet_secret="s3cret").secret
    return VehicleLinks(
        Address("127.0.0.1", server.port), KEY, NAMES, secret, on_message=lambda _, message: rows.append(message)
    )


@pytest.mark.asyncio
async def test_a_vehicles_downlinks_come_over_the_simulators_connection_at_qos_0_and_1() -> None:
    async with house() as found:
        found.platform.parts.out.send(Downlink(SET, b"0"))
        for number in range(500):  # more than may be unacknowledged
            found.platform.parts.out.send(Downlink(SET, b"%d" % number, 1))
        heard = await found.hears(501)
        assert {message.topic for message in heard} == {SET}
        assert [int(message.payload) for message in heard] == [0, *range(500)]
        assert {message.qos for message in heard} == {0, 1}


@pytest.mark.asyncio
async def test_telemetry_of_the_fleet_does_not_come_back() -> None:
    async with house() as found:
        topic = f"/sys/{KEY}/{VIN}/thing/event/property/post"
        await found.link.send(encode(Publish(topic, b"{}")) + encode(Publish(f"{SET}_reply", b"{}")))
        await found.link.flush()
        assert found.heard == []


@pytest.mark.asyncio
async def test_raw_data_of_the_fleet_is_passed_on_and_not_refused() -> None:
    async with house() as found:
        batch = encode(Publish(f"/sys/{KEY}/{VIN}/thing/model/up_raw", b"\x0a\x11"))
        await found.link.send(batch * 3)
        await found.link.flush()
        assert found.server.counters.received["raw_up"] == 3
        assert found.server.counters.published["raw_up_reply"] == 0
        assert found.platform.log.of(KEY, VIN) == []


@pytest.mark.asyncio
async def test_a_vehicle_with_a_connection_of_its_own_is_told_there_and_nowhere_else() -> None:
    async with house() as found:
        found.platform.parts.out.send(Downlink(SET, b"shared", 1))
        await found.hears(1)
        own: list[Publish] = []
        links = own_links(found.server, own)
        await links.connect([0], asyncio.Event())
        found.platform.parts.out.send(Downlink(SET, b"own", 1))
        found.platform.parts.out.send(Downlink(SET.replace(VIN, NAMES[1].decode()), b"another", 1))
        heard = await found.hears(2)
        async with asyncio.timeout(5):
            while not own:
                await asyncio.sleep(0.01)
        assert [message.payload for message in own] == [b"own"]
        assert [message.payload for message in heard] == [b"shared", b"another"]
        await links.close()


@pytest.mark.asyncio
async def test_who_was_told_before_the_simulator_came_is_told_after() -> None:
    async with house() as found:
        await found.link.close()
        await asyncio.sleep(0.05)
        found.platform.parts.out.send(Downlink(SET, b"to nobody", 1))
        heard: list[Publish] = []
        link = await SharedLink.connect(
            "127.0.0.1", found.server.port, "house", "secret", lossless=False, on_message=heard.append
        )
        await link.flush()
        found.platform.parts.out.send(Downlink(SET, b"here", 1))
        async with asyncio.timeout(5):
            while not heard:
                await asyncio.sleep(0.01)
        assert [message.payload for message in heard] == [b"here"]
        await link.close()


@pytest.mark.asyncio
async def test_answers_of_simulated_vehicles_reach_the_platform_and_their_posts_do_not() -> None:
    async with house() as found:
        device = found.platform.registry.device(KEY, VIN)
        assert device is not None
        state = found.platform.parts.states.of(device)
        state.desired.set({"charging:ChargeLimit": 80}, None, 0)
        ask = {"id": "1", "version": "1.0", "params": ["charging:ChargeLimit"]}
        version = {"id": 2, "params": {"version": "3.1"}}
        post = {"id": "3", "version": "1.0", "params": {"NoSuch": 1}}
        await found.link.send(
            encode(Publish(f"/sys/{KEY}/{VIN}/thing/property/desired/get", orjson.dumps(ask)))
            + encode(Publish(f"/ota/device/inform/{KEY}/{VIN}", orjson.dumps(version)))
            + encode(Publish(f"/sys/{KEY}/{VIN}/thing/event/property/post", orjson.dumps(post)))
        )
        (reply,) = await found.hears(1)
        assert orjson.loads(reply.payload)["data"] == {"charging:ChargeLimit": {"value": 80, "version": 1}}
        assert state.versions == {"default": "3.1"}
        assert not state.properties.last
        call = found.platform.parts.calls.open(device.identity)
        await found.link.send(encode(Publish(f"/sys/{KEY}/{VIN}/rrpc/response/{call.message_id}", b"answer")))
        await found.link.flush()
        assert call.answer == b"answer"


@pytest.mark.asyncio
async def test_a_packet_beyond_all_measure_is_passed_over() -> None:
    async with house() as found:
        found.platform.parts.out.send(Downlink(SET, b" " * 3_000_000))
        found.platform.parts.out.send(Downlink(SET, b"next"))
        assert [message.payload for message in await found.hears(1)] == [b"next"]


@pytest.mark.asyncio
async def test_an_application_commands_and_devices_do_not() -> None:
    async with house() as found:
        links = own_links(found.server, [])
        await links.connect([1], asyncio.Event())
        links.send(1, encode(Publish(SET, b"from a car")))
        reader, writer = await asyncio.open_connection("127.0.0.1", found.server.port)
        writer.write(encode(Connect("backend", True, 60, "app", b"pw")) + encode(Subscribe(1, ((f"{SET}_reply", 0),))))
        await reader.readexactly(4 + 5)
        writer.write(encode(Publish(SET, b"from the back end")))
        (message,) = await found.hears(1)
        assert message.payload == b"from the back end"
        await found.link.send(encode(Publish(f"{SET}_reply", b"done")))
        assert (await asyncio.wait_for(reader.readexactly(10), 5))[0] == 0x30
        writer.close()
        await links.close()
