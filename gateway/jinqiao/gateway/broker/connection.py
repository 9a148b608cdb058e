"""One client's socket: an asyncio.Protocol that cuts the stream at packet ends and keeps the time. No task, no stream.

Once logged in, a client on plain TCP is read by the server's `Reader` in place of its transport. A protocol object per
connection is all there is: 15,000 idle ones are 15,000 small objects, not tasks.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import cast

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.reasons import Reason

from ..doors import NoSeat, Seat
from .broker import Broker
from .reading import SMALL_READ, CachedRoute, Reader
from .session import Session, State
from .stream import first_packet, walk

__all__ = ["Connection"]

#: [MQTT-3.1.2-24]: a client is lost after one and a half times its keep-alive.
_PATIENCE = 1.5
#: Asked for at each read, where the look-up in the enumeration would cost more than the comparison.
_OPENED, _CONNECTED, _CLOSED = State
#: Linux's option; it lasts until the kernel finds a reason to go back.
_QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)


class Connection(asyncio.Protocol):
    """The shell of a session.

    `connections` is the server's set of all of them; `reader` reads it after the login. `seat` is what it was let in
    with, if that was before there was a connection; `foreign`: a web page from elsewhere is at the other end.
    """

    __slots__ = (
        "_broker",
        "_connections",
        "_cut",
        "_fd",
        "_patience_s",
        "_reader",
        "_seat",
        "_transport",
        "cached_route",
        "foreign",
        "heard_at",
        "missing",
        "read_bytes",
        "session",
    )

    def __init__(
        self,
        broker: Broker,
        connections: set[Connection],
        reader: Reader | None = None,
        *,
        seat: Seat | None = None,
        foreign: bool = False,
    ) -> None:
        self._broker = broker
        self._connections = connections
        self._reader = reader
        #: The socket, while the reader has it.
        self._fd = -1
        self._transport: asyncio.Transport | None = None
        self.session: Session | None = None
        #: The beginning of a packet that was cut, in pieces, and how many bytes of it are still to come.
        self._cut: list[bytes] = []
        self.missing = 0
        #: When it last said something, on the broker's clock; and how much the reader asks for at once.
        self.heard_at = 0.0
        self.read_bytes = SMALL_READ
        self.cached_route: CachedRoute | None = None
        #: What lets it in, if that was taken before the connection was made.
        self._seat = seat
        #: Whether a web page from elsewhere is at the other end.
        self.foreign = foreign
        self._patience_s = 0.0

    @property
    def peer(self) -> str:
        address = self._transport.get_extra_info("peername") if self._transport is not None else None
        return f"{address[0]}:{address[1]}" if address else "unknown"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        counters = self._broker.counters
        if self._seat is None:
            try:
                self._seat = self._broker.door.enter(self.peer.rpartition(":")[0])
            except NoSeat as reason:
                self._broker.turned_away(str(reason), self.peer)
                transport.close()
                return
        self._connections.add(self)
        counters.connections += 1
        counters.connections_total += 1
        self._transport.set_write_buffer_limits(self._broker.limits.socket_buffer_bytes)
        self.session = Session(self._broker, self, self._transport)
        self.heard_at = self._broker.dispatcher.now
        self._patience_s = self._broker.limits.connect_timeout_s

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        session, self.session = self.session, None
        if self._seat is not None:
            self._seat.leave()
        if session is None:
            return
        self._connections.discard(self)
        self._leave_reader()
        self._broker.counters.connections -= 1
        session.end()
        self._cut.clear()

    def data_received(self, data: bytes) -> None:
        session = self.session
        if session is None or session.state is _CLOSED:
            return
        broker = self._broker
        broker.counters.bytes_in += len(data)
        if session.state is _CONNECTED:
            self.heard_at = broker.dispatcher.now
        if self.missing:
            self._cut.append(data)
            self.missing -= len(data)
            if self.missing > 0:
                return
            data = b"".join(self._cut)
            self._cut.clear()
            self.missing = 0
        try:
            consumed = 0
            if session.state is _OPENED:
                consumed = first_packet(session, data)
                self._be_patient(session)
                self._enter_reader(session)
            if session.state is _CONNECTED:
                consumed = walk(session, data, consumed)
            if consumed != len(data):
                self.missing = self._keep(data, consumed)
            if session.outbox.progressed is not None:
                self._confirm()
        except ProtocolError as error:
            broker.expel(session, error)
        except Exception:
            # Never a peer's fault, and still only this peer's connection.
            self._broker.counters.refused["fault"] += 1
            self._broker.journal.exception("%s (%s) closed by a fault in the broker", session.name, self.peer)
            session.close()

    def pause_writing(self) -> None:
        if self.session is not None:
            self.session.outbox.pause()

    def resume_writing(self) -> None:
        if self.session is not None:
            self.session.outbox.resume()

    def close(self) -> None:
        """End after the transport has sent what it holds; a peer that takes nothing is cut off after a while."""
        self._leave_reader()
        if self._transport is not None:
            self._transport.close()
        self.heard_at = self._broker.dispatcher.now
        self._patience_s = self._broker.limits.linger_s

    def part(self) -> None:
        """End when the peer does, or after a while: a socket closed under a peer that is still sending would take our
        last word back."""
        if self._transport is None or not self._transport.can_write_eof() or self._transport.is_closing():
            self.close()
            return
        self.hand_back()
        self._transport.write_eof()
        self.heard_at = self._broker.dispatcher.now
        self._patience_s = self._broker.limits.linger_s

    def abort(self) -> None:
        """End at once."""
        self._leave_reader()
        if self._transport is not None:
            self._transport.abort()

    def pause_reading(self) -> None:
        """Stop reading; the peer is not blamed for its silence meanwhile."""
        if self._fd >= 0 and self._reader is not None:
            self._reader.leave(self._fd)
        elif self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read again."""
        self.heard_at = self._broker.dispatcher.now
        if self._fd >= 0 and self._reader is not None:
            self._reader.adopt(self, self._fd)
        elif self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def hand_back(self) -> None:
        """The reader found the end of the stream, or we did: the transport knows what to do then."""
        if self._fd >= 0:
            self._leave_reader()
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def check_patience(self, now: float) -> None:
        """Close a peer that has been silent for too long: before CONNECT, beyond its keep-alive, or while closing."""
        session = self.session
        if now - self.heard_at <= self._patience_s or session is None:
            return
        if session.state is _CLOSED:
            self.abort()
        elif not session.waiting:
            reason = "connect_timeout" if session.state is _OPENED else "keep_alive"
            self._broker.expel(session, ProtocolError("silent for too long", Reason.KEEP_ALIVE_TIMEOUT), reason)

    def _be_patient(self, session: Session) -> None:
        """After the login the client's keep-alive counts, from CONNACK on; 0 means for ever [MQTT-3.1.2-24]."""
        if session.principal is not None:
            self.heard_at = self._broker.dispatcher.now
            self._patience_s = session.principal.keep_alive_s * _PATIENCE or float("inf")

    def _enter_reader(self, session: Session) -> None:
        # Who may send only what is shorter than a read is left to the transport: the reader does not look at that.
        if self._reader is None or self._transport is None or session.small_bytes < SMALL_READ:
            return
        if session.state is _CONNECTED:
            self._transport.pause_reading()
            self._fd = self._transport.get_extra_info("socket").fileno()
            self._reader.adopt(self, self._fd)

    def _leave_reader(self) -> None:
        if self._fd >= 0 and self._reader is not None:
            self._reader.leave(self._fd)
            self._fd = -1

    def _confirm(self) -> None:
        """Let the kernel confirm at once what was read of a client that others wait for.

        Most clients leave Nagle's algorithm on: each PUBACK would wait for the confirmation of the one before it, which
        the kernel delays by 40 ms while there is nothing to send.
        """
        if self._fd >= 0 and _QUICK is not None:
            kernel = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=self._fd)
            with suppress(OSError):
                kernel.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
            kernel.detach()

    def _keep(self, data: bytes, consumed: int) -> int:
        """Keep the packet that is cut until it is whole: in pieces, since joining per read would be quadratic."""
        self._cut.append(data[consumed:] if consumed else data)
        bounds = frame(data, consumed)
        return 1 if bounds is None else bounds[1] - len(data)
