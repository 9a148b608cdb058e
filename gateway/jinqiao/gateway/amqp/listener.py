"""The sockets of AMQP: they read, write, and pass back-pressure on; once a second all are looked at."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from typing import cast

from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey, Account
from jinqiao.wire.amqp.errors import Condition
from jinqiao.wire.amqp.sasl import Plain

from ..doors import Doors, Gate, Seat, listening_sockets
from .bounds import Bounds
from .connection import Connection
from .login import BadLogin, Login, login_of, verified

__all__ = ["AmqpListener", "GroupOf"]

_logger = logging.getLogger(__name__)

#: Of the sockets that all doors of the process share.
_SHARE = 0.25
_BACKLOG = 256
#: Octets that are read of one connection before it is the others' turn: some 500 frames, or 10 ms.
_AT_ONCE = 16_384
#: What a client that was ended may take to read why.
_LINGER_S = 5.0

#: The queue of a consumer group that an account may take from; None for any other.
GroupOf = Callable[[Account, str], Group | None]


class AmqpListener:
    """Ports that consumers connect to, plain or with TLS."""

    def __init__(
        self, platform: Platform, group_of: GroupOf, bounds: Bounds | None = None, doors: Doors | None = None
    ) -> None:
        self.bounds = bounds or Bounds()
        self.door = (doors or Doors()).door(self.bounds.connections, _SHARE)
        self._platform, self._group_of = platform, group_of
        self._gates: list[Gate] = []
        self._peers: set[_Peer] = set()
        self._rounds: asyncio.Task[None] | None = None
        #: What a connection read last: for all, since each deals with its own at once.
        self.buffer = memoryview(bytearray(_AT_ONCE))
        #: What happened, by name: `turned_away`, `refused`, `accepted`.
        self.counts: Counter[str] = Counter()

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; returns the port. Raises EnvironmentFault if the address cannot be had."""
        sockets = listening_sockets(host, port, _BACKLOG)
        self._gates += [
            Gate(each, self.door, lambda seat: _Peer(self, seat), self._turned_away, tls=tls) for each in sockets
        ]
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_round())
        return int(sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End all connections and listeners."""
        if self._rounds is not None:
            self._rounds.cancel()
            await asyncio.gather(self._rounds, return_exceptions=True)
        for gate in self._gates:
            gate.close()
        for peer in list(self._peers):
            # Without a word: to qpid-proton a close with an error is the end, and a lost connection one to make again.
            peer.connection.lost()
            peer.close()
        for gate in self._gates:
            await gate.wait_closed()
        await asyncio.sleep(0)
        for peer in list(self._peers):
            peer.abort()
        while self._peers:
            await asyncio.sleep(0)

    # What a connection asks (House).

    def admit(self, plain: Plain) -> Login:
        """Who this is; raises BadLogin."""
        login = login_of(plain)
        try:
            self._checked(login, plain)
        except BadLogin:
            if not self._platform.parts.elsewhere.look():
                self.counts["refused"] += 1
                raise
            self._checked(login, plain)  # the key may be one that was made a moment ago
        self.counts["accepted"] += 1
        return login

    def _checked(self, login: Login, plain: Plain) -> None:
        key = verified(login, plain, self._platform.registry.all_keys)
        if self._group_of(key.account, login.group_id) is None:
            raise BadLogin(f"no consumer group {login.group_id!r:.60} for access key {login.key_id!r:.60}")

    def group(self, login: Login) -> Group | None:
        """The group that this client takes from, as long as its key and the group are there."""
        return self._group_of_login(login, self._platform.registry.all_keys)

    def _group_of_login(self, login: Login, keys: Mapping[str, AccessKey]) -> Group | None:
        key = keys.get(login.key_id)
        return None if key is None else self._group_of(key.account, login.group_id)

    def connections_of(self, login: Login) -> int:
        """How many connections this client has in its group."""
        names = login.client_id, login.group_id
        found = (peer.connection.login for peer in self._peers if not peer.connection.closed)
        return sum(each is not None and (each.client_id, each.group_id) == names for each in found)

    def now_ms(self) -> int:
        return self._platform.parts.now_ms()

    def soon(self, call: Callable[[], None]) -> object:
        """Call this in the next turn of the event loop."""
        return asyncio.get_running_loop().call_soon(call)

    # Its sockets.

    def joined(self, peer: _Peer) -> None:
        self._peers.add(peer)

    def left(self, peer: _Peer) -> None:
        self._peers.discard(peer)

    def _turned_away(self, reason: str, peer: str) -> None:
        self.counts["turned_away"] += 1
        _logger.info("AMQP %s: turned away: %s", peer, reason)

    async def _go_round(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            keys = self._platform.registry.all_keys
            for peer in list(self._peers):
                try:
                    self._look_at(peer, keys, loop.time())
                except Exception:  # the round is everybody's: one peer must not end it
                    _logger.exception("AMQP %s: failed, and is put out", peer.connection.address)
                    peer.abort()

    def _look_at(self, peer: _Peer, keys: Mapping[str, AccessKey], now_s: float) -> None:
        """A second has passed for this connection, whose key and group may be gone."""
        login = peer.connection.login
        if login is not None and not peer.connection.closed and self._group_of_login(login, keys) is None:
            peer.connection.end(Condition.RESOURCE_DELETED, "the access key or consumer group is gone")
        peer.tick(now_s)


class _Peer(asyncio.BufferedProtocol):
    """One socket."""

    __slots__ = ("_closing_s", "_listener", "_loop", "_seat", "_transport", "connection")

    def __init__(self, listener: AmqpListener, seat: Seat) -> None:
        self._listener, self._seat = listener, seat
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._closing_s = 0.0
        self.connection = Connection(listener, self._write, "", self._loop.time())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(self._listener.bounds.unread_bytes)
        host, port, *_ = transport.get_extra_info("peername") or ("", 0)
        self.connection.address = f"{host}:{port}"
        self._listener.joined(self)

    def get_buffer(self, _: int) -> memoryview:
        return self._listener.buffer

    def buffer_updated(self, count: int) -> None:
        if self.connection.closed:
            return
        self.connection.receive(bytes(self._listener.buffer[:count]), self._loop.time())
        if self.connection.closed:
            self.close()

    def pause_writing(self) -> None:
        self.connection.writable(False)

    def resume_writing(self) -> None:
        self.connection.writable(True)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._seat.leave()
        self.connection.lost()
        self._listener.left(self)

    def tick(self, now_s: float) -> None:
        """A second has passed."""
        self.connection.tick(now_s)
        if self.connection.closed:
            self.close()
            if now_s - self._closing_s > _LINGER_S:
                self.abort()

    def close(self) -> None:
        """Close once what was written is gone, and what the client is still writing is read: otherwise its socket
        would be reset, and it would not read why it was ended."""
        transport = self._transport
        if transport is None or transport.is_closing() or self._closing_s:
            return
        self._closing_s = self._loop.time()
        if not transport.can_write_eof():
            transport.close()
            return
        try:
            transport.write_eof()
        except OSError:  # the client has reset it, which nobody has read yet
            transport.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _write(self, octets: bytes | memoryview) -> None:
        if self._transport is not None:
            self._transport.write(octets)
