"""The sockets of AMQP on a platform: who gets in, how many, and what ends a connection from our side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from jinqiao.gateway.amqp.bounds import Bounds
from jinqiao.gateway.amqp.listener import AmqpListener
from jinqiao.gateway.forwarding.clock import Clock
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey, Account
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.wire.amqp.errors import Condition
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.performatives import RECEIVER, Attach, Begin, Close, End, Flow, Open, Source, Target, Transfer
from jinqiao.wire.amqp.sasl import Outcome, SaslInit, SaslOutcome
from support.amqp_peer import KEY, credentials, forwarded

OTHER = AccessKey("other", "othersecret", frozenset({"another product"}))


END = Frame(0, End())


class House:
    """A listener with two keys, of which one sees the group."""

    def __init__(self, **bounds: Any) -> None:
        self.registry = Registry(access_keys=[KEY, OTHER])
        self.groups = {"g1": Group("g1", Clock.of_loop(lambda: 5))}
        self.listener = AmqpListener(Platform(self.registry), self._group_of, Bounds(**bounds))
        self.port = 0
        self.consumers: list[Consumer] = []

    def _group_of(self, account: Account, group_id: str) -> Group | None:
        return self.groups.get(group_id) if account.products is None else None

    async def consumer(self, plain: Any = None) -> Consumer:
        """A client that has said everything up to its credit."""
        self.consumers.append(await Consumer.connect(self.port, plain or credentials()))
        return self.consumers[-1]


class Consumer:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer
        self._frames, self._header_comes = FrameReader(1 << 20), True

    @classmethod
    async def connect(cls, port: int, plain: Any) -> Consumer:
        found = cls(*await asyncio.open_connection("127.0.0.1", port))
        init = SaslInit("PLAIN", f"\0{plain.user_name}\0{plain.password}".encode())
        said: list[Any] = [
            Open("c", idle_time_out=60_000),
            Begin(None, 0, 100, 100),
            Attach("r", 0, RECEIVER, source=Source(), target=Target()),
            Flow(0, 100, 0, 100, 0, 0, 10),
        ]
        frames = b"".join(encode_frame(Frame(0, each)) for each in said)
        found.writer.write(SASL_HEADER + encode_frame(Frame(0, init, type=FrameType.SASL)) + AMQP_HEADER + frames)
        return found

    async def hear(self, kind: type) -> Any:
        """The next performative of this kind, or None where the connection ends without one."""
        while True:
            found = self._next()
            if isinstance(found, kind):
                return found
            if found is None:
                if not (data := await self._reader.read(1 << 16)):
                    return None
                self._frames.feed(data)

    def _next(self) -> Any:
        """What came next, or None where that is not all there; the SASL layer and AMQP begin with a header each."""
        if self._header_comes:
            found: Any = self._frames.header()
            self._header_comes = found is None
            return found
        frame = self._frames.next()
        found = frame and frame.performative
        self._header_comes = isinstance(found, SaslOutcome) and found.code == Outcome.OK
        return found


def live(test: Callable[[House], Awaitable[None]], **bounds: Any) -> None:
    """Run this against a listener that is open for as long."""

    async def run() -> None:
        house = House(**bounds)
        house.port = await house.listener.start("127.0.0.1", 0)
        async with asyncio.timeout(15):
            await test(house)
        for consumer in house.consumers:
            consumer.writer.close()
        await house.listener.close()
        assert house.listener.door.taken == 0

    asyncio.run(run())


async def closed_with(consumer: Consumer) -> str:
    """The condition of the close that comes; then the socket ends, too."""
    close = await consumer.hear(Close)
    assert await consumer.hear(object) is None
    return str(close.error.condition)


def test_a_consumer_gets_messages_over_a_socket() -> None:
    async def test(house: House) -> None:
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        house.groups["g1"].put(forwarded(b"a"))
        assert await consumer.hear(Transfer)
        consumer.writer.close()
        async with asyncio.timeout(5):
            while house.listener.door.taken:
                await asyncio.sleep(0.01)
        assert house.groups["g1"].status().clients == ()

    live(test)


def test_who_may_not_see_the_group_hears_outcome_1_as_does_a_stranger() -> None:
    async def test(house: House) -> None:
        unknown = AccessKey("nobody", "x")
        for plain in (credentials(key=OTHER), credentials(group="g2"), credentials(key=unknown)):
            consumer = await house.consumer(plain)
            assert (await consumer.hear(SaslOutcome)).code == Outcome.AUTH
            assert await consumer.hear(object) is None
        assert house.listener.counts["refused"] == 3
        assert house.listener.counts["accepted"] == 0

    live(test)


def test_a_key_that_is_taken_away_ends_its_connections_and_no_others() -> None:
    async def test(house: House) -> None:
        house.registry.access_keys["second"] = second = AccessKey("second", "secret")
        theirs, mine = await house.consumer(), await house.consumer(credentials(key=second))
        assert await theirs.hear(Attach)
        assert await mine.hear(Attach)
        del house.registry.access_keys[KEY.id]
        assert await closed_with(theirs) == Condition.RESOURCE_DELETED
        house.groups["g1"].put(forwarded(b"a"))
        assert await mine.hear(Transfer)

    live(test)


def test_a_group_that_is_deleted_ends_its_connections() -> None:
    async def test(house: House) -> None:
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        del house.groups["g1"]
        assert await closed_with(consumer) == Condition.RESOURCE_DELETED

    live(test)


def test_no_more_connections_than_the_door_has_room_for() -> None:
    async def test(house: House) -> None:
        first, second = await house.consumer(), await house.consumer()
        assert await first.hear(Attach)
        assert await second.hear(Attach)
        third = await house.consumer()
        with suppress(ConnectionResetError):
            assert await third.hear(object) is None
        assert house.listener.counts["turned_away"] == 1
        first.writer.close()
        async with asyncio.timeout(5):
            while house.listener.door.taken > 1:
                await asyncio.sleep(0.01)
        assert await (await house.consumer()).hear(Attach)

    live(test, connections=2)


def test_connections_of_a_client_that_have_ended_do_not_count() -> None:
    async def test(house: House) -> None:
        first = await house.consumer()
        assert await first.hear(Attach)
        second = await house.consumer()
        assert await closed_with(second) == Condition.RESOURCE_LIMIT_EXCEEDED
        first.writer.write(encode_frame(Frame(0, Close())))
        assert await first.hear(Close)  # and its socket is still open
        assert await (await house.consumer()).hear(Attach)

    live(test, client_connections=1)


def test_a_client_that_floods_does_not_hold_up_the_others() -> None:
    async def test(house: House) -> None:
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        turns = 0
        consumer.writer.write(encode_frame(Frame(0, Flow(0, 100, 0, 100, 0, 0, 10))) * 10_000 + encode_frame(END))
        while house.groups["g1"].status().clients:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 15

    live(test)


def test_a_client_that_says_too_much_is_heard_later() -> None:
    async def test(house: House) -> None:
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        consumer.writer.write(encode_frame(Frame(0, Flow(0, 100, 0, 100, 0, 0, 10))) * 2_500 + encode_frame(END))
        assert await consumer.hear(End)
        assert loop.time() - began_s > 0.5  # in the next of its seconds

    live(test, frames_per_s=1_000)


def test_consumers_hear_that_the_server_ends() -> None:
    async def test(house: House) -> None:
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        await house.listener.close()
        assert await closed_with(consumer) == Condition.CONNECTION_FORCED

    live(test)


def test_a_client_that_does_not_read_costs_no_more_than_what_is_on_its_way() -> None:
    async def test(house: House) -> None:
        group = house.groups["g1"]
        consumer = await house.consumer()
        assert await consumer.hear(Attach)
        consumer.writer.write(encode_frame(Frame(0, Flow(0, 1 << 30, 0, 100, 0, 0, 1 << 30))))
        for _ in range(60):
            group.put(forwarded(*(bytes(100_000) for _ in range(10))))
            await asyncio.sleep(0.01)
        (client,) = group.status().clients
        assert 10 < client.unsettled < 400  # of 600: 16 MiB, and what sockets hold
        assert not consumer.writer.is_closing()

    live(test)
