"""A device of `jinqiao bench posts`: posts, waits for the reply to that very post, posts again."""

from __future__ import annotations

import asyncio
from typing import cast

from jinqiao.base.errors import EnvironmentFault
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import PacketType, Publish, Signal

__all__ = ["PostDevice"]

_CONNACK, _PUBLISH = 0x20, 0x30
_ID = b"00000000"
#: Between two posts: the platform takes 30 a second of a device.
_PAUSE_S = 0.04


class PostDevice(asyncio.Protocol):
    """One connection. Counts what was sent, what was replied with code 200, and what with another or to nobody."""

    def __init__(self, login: bytes, topic: str) -> None:
        self.sent = self.replied = self.refused = 0
        self._login, self._topic = login, topic
        self._reply = f"{topic}_reply".encode()
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._packet, self._id_at, self._number = b"", 0, 0
        self._running, self._posted_s = False, 0.0
        #: What was said instead of a plain yes, the last time.
        self.complaint = b""
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._resting: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def connect(cls, port: int, login: bytes, topic: str) -> PostDevice:
        """Log in; raises EnvironmentFault when that is refused."""
        loop = asyncio.get_running_loop()
        _, device = await loop.create_connection(lambda: cls(login, topic), "127.0.0.1", port)
        await device._accepted
        return device

    def start(self, payload: bytes) -> None:
        """Post this, with an id of its own each time in place of eight zeros, until `finish`."""
        packet = encode(Publish(self._topic, payload))
        self._id_at = packet.index(_ID)
        self._packet, self._running = packet, True
        self.sent = self.replied = self.refused = 0
        self._resting = self._loop.create_future()
        self._post()

    def finish(self) -> None:
        """Post no more."""
        self._running = False

    async def rested(self) -> None:
        """The last post has been replied to."""
        await self._resting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.write(encode(Signal(PacketType.DISCONNECT)))
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._login)

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        position = 0
        while (bounds := frame(data, position)) is not None and bounds[1] <= len(data):
            self._take(data[position], data[bounds[0] : bounds[1]])
            position = bounds[1]
        self._rest = data[position:]

    def connection_lost(self, error: Exception | None) -> None:
        fault = EnvironmentFault(f"the server closed a device's connection: {error or 'no reason given'}")
        for waiting in (self._accepted, self._resting):
            if not waiting.done():
                waiting.set_exception(fault)
                waiting.exception()  # nobody may be waiting yet

    def _take(self, first: int, body: bytes) -> None:
        if first == _PUBLISH:
            self._replied(body)
        elif first == _CONNACK and not self._accepted.done():
            if body[1]:
                self._accepted.set_exception(EnvironmentFault(f"a device's login was refused with code {body[1]}"))
            else:
                self._accepted.set_result(None)

    def _replied(self, body: bytes) -> None:
        # Looked at as bytes: a reader of JSON here would cost more than what is measured.
        expected = b'"id":"%08d"' % self._number
        if body.startswith(self._reply, 2) and expected in body and b'{"code":200,"data":{},' in body:
            self.replied += 1
        else:
            self.refused += 1
            self.complaint = body[2 + len(self._reply) :]
        if self._running:
            pause_s = self._posted_s + _PAUSE_S - self._loop.time()
            if pause_s <= 0:
                self._post()
            else:
                self._loop.call_later(pause_s, self._post)
        elif not self._resting.done():
            self._resting.set_result(None)

    def _post(self) -> None:
        assert self._transport is not None
        self._number = (self._number + 1) % 100_000_000
        self.sent += 1
        self._posted_s = self._loop.time()
        at = self._id_at
        self._transport.write(self._packet[:at] + b"%08d" % self._number + self._packet[at + 8 :])
