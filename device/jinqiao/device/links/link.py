"""One device's connection (MQTT 3.1.1, client side): logs in, takes ready packets, hands over what comes.

A `asyncio.Protocol` with slots: with its transport under 4 kB. What many links share, they ask of their `Owner`.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connack, Packet, PacketType, Puback, Publish, Signal

from .unacknowledged import Unacknowledged

__all__ = ["Link", "Owner"]

#: A link whose socket is stuck drops what it is given beyond this, bytes.
_BUFFER = 256 * 1024
#: QoS 1 messages on their way to the broker (the platform allows ten a second).
_UNACKNOWLEDGED = 20
_PING = encode(Signal(PacketType.PINGREQ))
_GOODBYE = encode(Signal(PacketType.DISCONNECT))


class Owner(Protocol):
    """What a link asks of the fleet it belongs to. `level` is the protocol level that all log in with."""

    level: int

    def login(self, row: int) -> bytes:
        """The CONNECT packet of this device."""

    def answered(self, link: Link, refused: int) -> None:
        """CONNACK came; 0, or why not."""

    def on_message(self, link: Link, message: Publish) -> None:
        """A message came."""

    def lost(self, link: Link, was_online: bool) -> None:
        """The connection ended, or never came to be."""


class Link(asyncio.Protocol):
    """The connection of the device in `row`; may be opened again after it was lost. `failures` counts in a row."""

    __slots__ = (
        "_flushed",
        "_owner",
        "_pings",
        "_rest",
        "_silent",
        "_transport",
        "_unacknowledged",
        "failures",
        "online",
        "row",
    )

    def __init__(self, owner: Owner, row: int) -> None:
        self.row = row
        self.online = False
        self.failures = 0
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._silent = False
        #: Pings without an answer, and who waits for the last of them.
        self._pings = 0
        self._flushed: asyncio.Future[None] | None = None
        #: Made when there is a QoS 1 message: most links never have one.
        self._unacknowledged: Unacknowledged | None = None

    # As asyncio.Protocol.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._silent = False
        self._transport.write(self._owner.login(self.row))

    def data_received(self, data: bytes) -> None:
        self._silent = False
        self._rest = self._rest + data if self._rest else data
        try:
            while self._rest and (edges := frame(self._rest, 0)) is not None and edges[1] <= len(self._rest):
                packet = decode(self._rest[0], self._rest[edges[0] : edges[1]], self._owner.level)
                self._rest = self._rest[edges[1] :]
                self._take(packet)
        except ProtocolError:
            self.abort()

    def connection_lost(self, _: Exception | None) -> None:
        was_online, self.online = self.online, False
        self._transport = None
        self._rest = b""
        self._answered(self._pings)
        self.failures += 1
        self._owner.lost(self, was_online)

    # What the fleet asks.

    @property
    def opened(self) -> bool:
        """Whether there is a connection, logged in or not."""
        return self._transport is not None

    def send(self, packet: bytes, qos: int = 0) -> bool:
        """Write one ready QoS 0 PUBLISH, at QoS 1 if asked; false while offline, or when too much is on its way."""
        transport = self._transport
        if not self.online or transport is None or transport.get_write_buffer_size() > _BUFFER:
            return False
        if qos:
            if self._unacknowledged is None:
                self._unacknowledged = Unacknowledged(_UNACKNOWLEDGED)
            numbered = self._unacknowledged.take(packet)
            if numbered is None:
                return False
            packet = numbered
        transport.write(packet)
        return True

    def ping(self) -> None:
        """Keep the connection alive; end it if nothing has come since the last ping, or no answer to the login."""
        if self._transport is None:
            return
        if self._silent:
            self.abort()
            return
        self._silent = True
        if self.online:
            self._pings += 1
            self._transport.write(_PING)

    def flush(self) -> asyncio.Future[None] | None:
        """Done when the broker has routed what was sent, and what it sent before has come; or when the link is lost.

        None while offline.
        """
        if not self.online or self._transport is None:
            return None
        self._pings += 1
        self._transport.write(_PING)
        if self._flushed is None:
            self._flushed = asyncio.get_running_loop().create_future()
        return self._flushed

    def close(self) -> None:
        """Say goodbye and close."""
        if self._transport is not None:
            if self.online:
                self._transport.write(_GOODBYE)
            self._transport.close()

    def abort(self) -> None:
        """End without goodbye."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, packet: Packet) -> None:
        if isinstance(packet, Connack):
            self.online = packet.code == 0
            if self.online:
                self.failures = 0
                self._send_again()
            self._owner.answered(self, packet.code)
        elif isinstance(packet, Publish):
            if packet.qos == 1 and self._transport is not None:
                self._transport.write(encode(Puback(packet.packet_id), self._owner.level))
            self._owner.on_message(self, packet)
        elif isinstance(packet, Puback) and self._unacknowledged is not None:
            self._unacknowledged.acknowledged(packet.packet_id)
        elif isinstance(packet, Signal) and packet.type is PacketType.PINGRESP:
            self._answered(1)

    def _answered(self, pings: int) -> None:
        """So many pings have been answered, or never will be."""
        self._pings = max(self._pings - pings, 0)
        if not self._pings and self._flushed is not None:
            flushed, self._flushed = self._flushed, None
            if not flushed.done():
                flushed.set_result(None)

    def _send_again(self) -> None:
        if self._unacknowledged is not None and self._transport is not None:
            for packet in self._unacknowledged.again():
                self._transport.write(packet)
