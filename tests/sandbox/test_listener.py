"""The recording's subscriber against the real broker: what it hears, loses and comes back from."""

from __future__ import annotations

import asyncio

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.device.links.fleet import Address
from jinqiao.device.links.shared import SharedLink
from jinqiao.gateway.broker.server import Server
from jinqiao.sandbox.recordings.listener import Listener
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish
from support.mqtt import OpenPolicy


async def publish(port: int, messages: list[tuple[str, bytes]]) -> None:
    link = await SharedLink.connect("127.0.0.1", port, None, None, lossless=False, client_id="publisher")
    await link.send(b"".join(encode(Publish(topic, payload)) for topic, payload in messages))
    await link.flush()
    await link.close()


async def heard(listener: Listener, count: int) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            taken = listener.take()
            found += zip(taken.topics, taken.payloads, strict=True)
            await asyncio.sleep(0.01)
    return found


@pytest.mark.asyncio
async def test_payloads_of_every_size_come_whole_and_in_order() -> None:
    server = Server(OpenPolicy())
    await server.start("127.0.0.1", 0)
    listener = Listener(Address("127.0.0.1", server.port), None, None, ["a/#"])
    await listener.open()
    sent = [(f"a/{size}", bytes([size % 256]) * size) for size in (0, 1, 126, 127, 128, 16_383, 16_384, 200_000) * 5]
    await publish(server.port, [*sent, ("b", b"not asked for")])
    assert await heard(listener, len(sent)) == sent
    await listener.close()
    await server.close()
    assert listener.lost_connections == 0


@pytest.mark.asyncio
async def test_it_comes_back_after_the_broker_was_away() -> None:
    first = Server(OpenPolicy())
    await first.start("127.0.0.1", 0)
    port = first.port
    listener = Listener(Address("127.0.0.1", port), None, None, ["a"])
    await listener.open()
    await first.close()
    second = Server(OpenPolicy())
    await second.start("127.0.0.1", port)
    async with asyncio.timeout(20):
        while second.stats()["connections"] < 1:
            await asyncio.sleep(0.05)
        while True:  # subscribed a moment after it has logged in
            await publish(port, [("a", b"again")])
            if listener.take().topics:
                break
    assert listener.lost_connections == 1
    await listener.close()
    await second.close()


@pytest.mark.asyncio
async def test_a_broker_that_is_away_at_the_start_is_a_fault() -> None:
    listener = Listener(Address("127.0.0.1", 1), None, None, ["a"])
    with pytest.raises(EnvironmentFault, match=r"the broker at 127\.0\.0\.1:1 does not answer"):
        await listener.open()
    await listener.close()
