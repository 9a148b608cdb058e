"""A subscriber that hands over whatever comes, as fast as Python can take packets apart (MQTT 3.1.1, QoS 0).

It comes back after a lost connection, until it is closed; what was published meanwhile is not heard.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from typing import cast

import numpy as np

from jinqiao.base.errors import EnvironmentFault, ProtocolError
from jinqiao.device.links.fleet import Address
from jinqiao.gateway.recordings.parts import Messages
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connack, Connect, PacketType, Signal, Suback, Subscribe

__all__ = ["Listener"]

_KEEP_ALIVE_S = 30
_ANSWER_TIMEOUT_S = 15.0
_RETRY_S = (0.5, 1.0, 2.0, 5.0)
_PING = encode(Signal(PacketType.PINGREQ))
_GOODBYE = encode(Signal(PacketType.DISCONNECT))
_REFUSED = 0x80
#: What waits to be taken; beyond it messages are lost and counted, bytes.
_BUFFER = 256 << 20


class Listener(asyncio.Protocol):
    """One subscription to `filters`. `lost_connections` and `overflowed` count what a recording is missing."""

    def __init__(self, address: Address, username: str | None, password: str | None, filters: Sequence[str]) -> None:
        self._address, self._filters = address, tuple(filters)
        # MQTT-3.1.2-22: no password without a user name.
        secret = None if username is None or password is None else password.encode()
        self._login = encode(Connect(f"jinqiao-{secrets.token_hex(6)}", True, _KEEP_ALIVE_S, username, secret))
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._answer: asyncio.Future[None] | None = None
        self._care: asyncio.Task[None] | None = None
        self._gone = asyncio.Event()
        self._closing = False
        self._waiting_bytes = 0
        self._times: list[int] = []
        self._topics: list[str] = []
        self._payloads: list[bytes] = []
        self._qos: list[int] = []
        self._retain: list[bool] = []
        self.refused: list[str] = []
        self.lost_connections = self.overflowed = 0

    async def open(self) -> None:
        """Log in and subscribe. Raises EnvironmentFault when the broker is away or refuses all; see `refused`."""
        await self._connect()
        self._care = asyncio.create_task(self._look_after())

    def take(self) -> Messages:
        """All that came since the last call."""
        taken = Messages(np.array(self._times, np.int64), self._topics, self._payloads, self._qos, self._retain)
        self._times, self._topics, self._payloads, self._qos, self._retain = [], [], [], [], []
        self._waiting_bytes = 0
        return taken

    async def close(self) -> None:
        """Say goodbye and close."""
        self._closing = True
        if self._care is not None:
            self._care.cancel()
            await asyncio.gather(self._care, return_exceptions=True)
        if self._transport is not None:
            self._transport.write(_GOODBYE)
            self._transport.close()

    async def _connect(self) -> None:
        address, loop = self._address, asyncio.get_running_loop()
        self._gone.clear()
        self._answer = loop.create_future()
        name = address.host if address.tls is not None else None
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT_S):
                await loop.create_connection(
                    lambda: self, address.host, address.port, ssl=address.tls, server_hostname=name
                )
                await self._answer
        except (OSError, TimeoutError) as error:
            if self._transport is not None:
                self._transport.abort()
            raise EnvironmentFault(f"the broker at {address} does not answer: {error or 'time-out'}") from error

    async def _look_after(self) -> None:
        """Ping, and come back when the connection is lost."""
        tries = 0
        while True:
            try:
                await asyncio.wait_for(self._gone.wait(), _KEEP_ALIVE_S / 2)
            except TimeoutError:
                tries = 0
                if self._transport is not None:
                    self._transport.write(_PING)
                continue
            await asyncio.sleep(_RETRY_S[min(tries, len(_RETRY_S) - 1)])
            tries += 1
            try:
                await self._connect()
            except EnvironmentFault:
                self._gone.set()

    # As asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._rest = b""
        self._transport.write(self._login)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("closed by the broker"))
        elif not self._closing:
            self.lost_connections += 1
        self._gone.set()

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        at, end, now = 0, len(data), time.time_ns()
        try:
            while at < end and (edges := frame(data, at)) is not None and edges[1] <= end:
                first, (body, at) = data[at], edges
                if first & 0xF0 == 0x30:
                    self._hear(first, data, body, at, now)
                else:
                    self._other(first, data[body:at])
        except ProtocolError:
            if self._transport is not None:
                self._transport.abort()
            return
        self._rest = data[at:]

    def _hear(self, first: int, data: bytes, body: int, end: int, now: int) -> None:
        start = body + 2
        payload = start + (data[body] << 8 | data[body + 1])
        if payload > end:
            raise ProtocolError("a topic longer than its packet")
        if first & 0x06:  # the broker grants QoS 0 at most, for no more was asked
            raise ProtocolError("a message of a QoS that was not asked for")
        if self._waiting_bytes > _BUFFER:
            self.overflowed += 1
            return
        self._waiting_bytes += end - body
        self._times.append(now)
        self._topics.append(data[start:payload].decode(errors="replace"))
        self._payloads.append(data[payload:end])
        self._qos.append(0)
        self._retain.append(bool(first & 1))

    def _other(self, first: int, body: bytes) -> None:
        packet = decode(first, body)
        if isinstance(packet, Connack):
            if packet.code:
                self._fail(EnvironmentFault(f"the broker at {self._address} refused the login (code {packet.code})"))
            elif self._transport is not None:
                self._transport.write(encode(Subscribe(1, tuple((name, 0) for name in self._filters))))
        elif isinstance(packet, Suback):
            given = zip(self._filters, packet.codes, strict=False)
            self.refused = [name for name, code in given if code >= _REFUSED]
            if len(self.refused) == len(self._filters):
                self._fail(EnvironmentFault(f"the broker at {self._address} refused {', '.join(self.refused)}"))
            elif self._answer is not None and not self._answer.done():
                self._answer.set_result(None)

    def _fail(self, fault: EnvironmentFault) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault)
        if self._transport is not None:
            self._transport.close()
