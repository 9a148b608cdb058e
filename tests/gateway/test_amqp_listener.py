"""AMQP over sockets: consumers beside a real platform, whose keys come and go."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from jinqiao.gateway.amqp.bounds import Bounds
from jinqiao.gateway.amqp.listener import AmqpListener
from jinqiao.gateway.broker.tls import server_context
from jinqiao.gateway.doors import Doors
from jinqiao.gateway.forwarding.clock import Clock
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey, Account
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.sandbox.certificates import CA, SERVER, SERVER_KEY, make_certificates
from jinqiao.wire.amqp.errors import Condition
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.message import decode_message
from jinqiao.wire.amqp.performatives import RECEIVER, Attach, Begin, Close, Flow, Open, Source, Target, Transfer
from jinqiao.wire.amqp.sasl import Plain, SaslInit, SaslOutcome
from support.amqp_peer import KEY, credentials, forwarded

_T = TypeVar("_T")


class House:
    """A platform with one key, which may take from `g1`, and the AMQP server beside it."""

    def __init__(self, bounds: Bounds | None = None, doors: Doors | None = None) -> None:
        self.registry = Registry(access_keys=[KEY])
        self.platform = Platform(self.registry, clock_ms=lambda: 0)
        self.group = Group("g1", Clock.of_loop(lambda: 0))
        self.groups = {"g1": self.group}
        self.listener = AmqpListener(self.platform, self._group_of, bounds, doors)
        self.port = 0
        self.clients: list[Client] = []

    async def client(self, port: int = 0, tls: ssl.SSLContext | None = None) -> Client:
        found = Client(*await asyncio.open_connection("localhost", port or self.port, ssl=tls))
        self.clients.append(found)
        return found

    def _group_of(self, account: Account, group_id: str) -> Group | None:
        return self.groups.get(group_id) if account.name == KEY.id else None


@asynccontextmanager
async def serving(bounds: Bounds | None = None, doors: Doors | None = None) -> AsyncIterator[House]:
    house = House(bounds, doors)
    house.port = await house.listener.start("127.0.0.1", 0)
    try:
        yield house
    finally:
        await house.listener.close()
        for client in house.clients:
            client.writer.close()
        await asyncio.gather(*(client.writer.wait_closed() for client in house.clients), return_exceptions=True)


class Client:
    """A consumer on a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._frames = FrameReader(1 << 24)

    def say(self, *said: Any, kind: FrameType = FrameType.AMQP) -> None:
        self.writer.write(b"".join(encode_frame(Frame(0, each, type=kind)) for each in said))

    async def login(self, plain: Plain) -> int:
        """The outcome."""
        self.writer.write(SASL_HEADER)
        self.say(SaslInit("PLAIN", f"\0{plain.user_name}\0{plain.password}".encode()), kind=FrameType.SASL)
        await self._reader.readexactly(8)
        return (await self.next(SaslOutcome)).code

    async def consume(self, credit: int = 1_000) -> None:
        assert await self.login(credentials()) == 0
        self.writer.write(AMQP_HEADER)
        self.say(
            Open("c", idle_time_out=60_000),
            Begin(None, 0, 1 << 20, 100),
            Attach("r", 0, RECEIVER, source=Source(), target=Target()),
            Flow(0, 1 << 20, 0, 100, 0, 0, credit),
        )
        await self._reader.readexactly(8)
        await self.next(Attach)

    async def next(self, kind: type[_T]) -> _T:
        return (await self._next(kind)).performative  # type: ignore[no-any-return]

    async def message(self) -> bytes:
        return decode_message((await self._next(Transfer)).payload).body

    async def _next(self, kind: type) -> Frame:
        """The next frame of this kind; others are left out."""
        while True:
            while (frame := self._frames.next()) is not None:
                if isinstance(frame.performative, kind):
                    return frame
            data = await asyncio.wait_for(self._reader.read(1 << 16), 20)
            assert data, f"ended before a {kind.__name__}"
            self._frames.feed(data)

    async def ended(self) -> bool:
        return await asyncio.wait_for(self._reader.read(), 20) == b""


@pytest.mark.asyncio
async def test_a_consumer_gets_its_groups_messages() -> None:
    async with serving() as house:
        client = await house.client()
        await client.consume()
        house.group.put(forwarded(b"a"))
        assert await client.message() == b"a"
        assert house.group.status().clients[0].client_id == "client-1"


@pytest.mark.asyncio
async def test_a_key_that_was_made_a_moment_ago_is_let_in() -> None:
    async with serving() as house:
        del house.registry.access_keys[KEY.id]

        def take_over() -> bool:
            house.registry.access_keys[KEY.id] = KEY
            return True

        house.platform.parts.elsewhere.watched_by(take_over)
        client = await house.client()
        assert await client.login(credentials()) == 0


@pytest.mark.asyncio
async def test_another_accounts_group_does_not_exist() -> None:
    async with serving() as house:
        stranger = house.registry.access_keys["stranger"] = AccessKey("stranger", "s")
        client = await house.client()
        assert await client.login(credentials(key=stranger)) == 1
        assert await client.ended()
        assert house.listener.counts["refused"] == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("gone", ["key", "group"])
async def test_a_key_or_group_that_is_deleted_ends_its_connections(gone: str) -> None:
    async with serving() as house:
        client = await house.client()
        await client.consume()
        if gone == "key":
            del house.registry.access_keys[KEY.id]
        else:
            house.groups.clear()
        assert (await client.next(Close)).error.condition == Condition.RESOURCE_DELETED
        assert await client.ended()
        assert house.group.status().clients == ()


@pytest.mark.asyncio
async def test_a_client_that_does_not_read_is_sent_no_more_than_the_bounds() -> None:
    async with serving(Bounds(unread_bytes=64 << 10)) as house:
        idle, other = await house.client(), await house.client()
        await idle.consume(1 << 20)
        before = house.group.status().unsettled
        idle.writer.transport.pause_reading()  # type: ignore[attr-defined]
        body = b"x" * 10_000
        for _ in range(3_000):
            house.group.put(forwarded(body))
            await asyncio.sleep(0)
        (peer,) = [each for each in house.listener._peers if each.connection.consumes]
        assert peer._transport is not None
        assert peer._transport.get_write_buffer_size() < 6 << 20
        assert before < house.group.status().unsettled < 3_000
        await other.consume()
        assert await other.message() == body


@pytest.mark.asyncio
async def test_connections_beyond_the_doors_are_turned_away() -> None:
    async with serving(Bounds(connections=1)) as house:
        client = await house.client()
        await client.consume()
        another = await house.client()
        assert await another.ended()
        assert house.listener.counts["turned_away"] == 1


@pytest.mark.asyncio
async def test_a_client_reads_why_it_was_ended_though_it_goes_on_writing() -> None:
    async with serving() as house:
        client = await house.client()
        await client.consume()
        client.writer.write(b"\0\xff\xff\xff\2\0\0\0" + b"x" * 100_000)
        assert (await client.next(Close)).error.condition == Condition.FRAMING_ERROR
        assert await client.ended()


@pytest.mark.asyncio
async def test_a_server_that_ends_hangs_up() -> None:
    async with serving() as house:
        client = await house.client()
        await client.consume()
    assert await client.ended()


@pytest.mark.asyncio
async def test_the_same_over_tls(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    async with serving() as house:
        port = await house.listener.start("127.0.0.1", 0, server_context(tmp_path / SERVER, tmp_path / SERVER_KEY))
        client = await house.client(port, ssl.create_default_context(cafile=str(tmp_path / CA)))
        await client.consume()
        house.group.put(forwarded(b"a"))
        assert await client.message() == b"a"
        client.writer.write(b"\0\xff\xff\xff\2\0\0\0")
        assert (await client.next(Close)).error.condition == Condition.FRAMING_ERROR
        assert await client.ended()
