"""The sockets of the GB/T 32960 cloud gateway: bounded in connections, in bytes, and in time before a login."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.platform import Platform
from jinqiao.wire.gbt32960.frame import encode_frame
from jinqiao.wire.gbt32960.reader import StreamReader

from ..doors import Doors, NoSeat, Seat
from ..limit import limit
from .session import Gbt32960Sessions, Peer

__all__ = ["Bounds", "Listener"]

_logger = logging.getLogger(__name__)

_ROUND_S = 1.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What strangers can take of this port; sizes in bytes, times in seconds."""

    connections: int = limit(10_000, "open connections")
    login_s: float = limit(10.0, "from the accepted socket to a login")
    silent_s: float = limit(300.0, "silence after a login")
    stranger_bytes: int = limit(2_048, "a frame before a login")
    unread_bytes: int = limit(64 * 1024, "what waits to be sent to a connection that does not read")


class Listener:
    """A TCP port that vehicles and platforms report to.

    `allowed` are addresses and ICCIDs from which vehicles may log in; none: all.
    """

    def __init__(
        self,
        platform: Platform,
        bounds: Bounds | None = None,
        doors: Doors | None = None,
        *,
        allowed: Iterable[str] = (),
    ) -> None:
        self.bounds = bounds or Bounds()
        #: A quarter of the sockets that all doors of the process share.
        self.door = (doors or Doors()).door(self.bounds.connections, 0.25)
        self._loop = asyncio.get_running_loop()
        self.sessions = Gbt32960Sessions(platform, self._loop.time, allowed)
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._rounds: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; the port. EnvironmentFault if the address cannot be had."""
        try:
            self._server = await self._loop.create_server(lambda: _Connection(self), host, port, backlog=1024)
        except OSError as error:
            raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        self._rounds = asyncio.create_task(self._go_round())
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End all connections."""
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()

    def joined(self, connection: _Connection) -> bool:
        """Whether there is room for it."""
        try:
            connection.seat = self.door.enter(connection.peer.address)
        except NoSeat:
            self.sessions.counts["turned_away"] += 1
            return False
        self._connections.add(connection)
        return True

    def left(self, connection: _Connection) -> None:
        if connection.seat is not None:
            connection.seat.leave()
        if connection in self._connections:
            self._connections.discard(connection)
            self.sessions.leave(connection.peer)

    async def _go_round(self) -> None:
        """One timer for all: who has not logged in for too long, or is silent, goes."""
        while True:
            await asyncio.sleep(min(_ROUND_S, self.bounds.login_s / 4))
            now = self._loop.time()
            for connection in list(self._connections):
                peer = connection.peer
                limit_s = self.bounds.silent_s if peer.welcome else self.bounds.login_s
                since_s = peer.spoke_s if peer.welcome else max(connection.since_s, peer.left_s)
                if now - since_s > limit_s:
                    self.sessions.counts["timed_out"] += 1
                    connection.abort()


class _Connection(asyncio.Protocol):
    """One socket: reads frames, writes answers."""

    __slots__ = ("_listener", "_reader", "_transport", "peer", "seat", "since_s")

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._reader = StreamReader()
        self._transport: asyncio.Transport | None = None
        self.peer = Peer("")
        self.since_s = 0.0
        self.seat: Seat | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.since_s = self.peer.spoke_s = asyncio.get_running_loop().time()
        address = transport.get_extra_info("peername") or ("", 0)
        self.peer.address = str(address[0])
        if not self._listener.joined(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        transport, sessions, bounds = self._transport, self._listener.sessions, self._listener.bounds
        if transport is None or transport.is_closing():
            return
        for found in self._reader.feed(data):
            if found.fault is not None:
                _logger.info("gb32960 %s: %s", self.peer.address, found.fault)
            answer = sessions.take(self.peer, found)
            if answer is not None:
                transport.write(encode_frame(answer))
            if self.peer.too_many_faults:
                transport.close()  # what was answered still goes out
                return
        stranger = not self.peer.welcome and self._reader.waiting > bounds.stranger_bytes
        if stranger or transport.get_write_buffer_size() > bounds.unread_bytes:
            sessions.counts["cut_off"] += 1
            transport.abort()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._listener.left(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
