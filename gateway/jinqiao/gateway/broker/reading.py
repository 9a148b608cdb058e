"""Many sockets read in one go: what a message costs that is alone in its read.

An event loop calls back once per socket that has something, and for one message of 400 bytes that costs more than the
message. So logged-in clients on plain TCP are read here: one epoll of their own, one loop over those that are ready,
and in it a short way for the commonest read: one whole PUBLISH at QoS 0 whose topic is permitted and routed already.
Packets of different clients with the same route become one run. Everything else goes the long way (`stream`).

Writing, closing and errors stay with the event loop's transport; without epoll (Linux has it) so does reading.
"""

from __future__ import annotations

import asyncio
import os
import select
from typing import TYPE_CHECKING, Protocol

from jinqiao.gateway.broker.delivery.outbox import Outbox
from jinqiao.gateway.broker.delivery.plan import plan_of
from jinqiao.wire.mqtt.fields import remaining_length

from .policy import ANSWERED_IN_PLACE
from .router import Route

if TYPE_CHECKING:
    from jinqiao.gateway.broker.delivery.meter import UpMeter

    from .broker import Broker
    from .session import Session

__all__ = ["SMALL_READ", "CachedRoute", "Readable", "Reader", "make_reader"]

#: First byte of a PUBLISH at QoS 0 without flags.
_PUBLISH = 0x30

_EPOLL = hasattr(select, "epoll")
#: A read is so long at first, and as soon as one was filled, so long.
SMALL_READ, _LONG_READ = 4 << 10, 256 << 10
#: Sockets served per turn of the event loop, which has others to serve.
_MOST = 512
#: Once so many different clients have spoken in 10 ms, each turn waits a moment for more of them: fewer and fuller
#: turns, and fewer writes to their subscribers. It ends when that has not been so for a while.
_WINDOW_S, _BUSY, _CALM_S = 0.01, 8, 0.05
_GATHER_S = 0.003
#: What is asked of epoll, and what it says where nothing has ended.
_INTEREST, _DATA = (select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET, select.EPOLLIN) if _EPOLL else (0, 0)
#: After a turn with so much to read there is no need to wait.
_PLENTY_BYTES = 64 << 10


def _heads() -> list[bytes]:
    """By length of a packet the bytes a PUBLISH at QoS 0 begins with, up to the high byte of its topic's length, which
    is 0; what no packet begins with for lengths that no such packet has.
    """
    found = [b"\xff"] * SMALL_READ
    for remaining in range(3, SMALL_READ):
        head = b"\x30" + remaining_length(remaining)
        if len(head) + remaining < SMALL_READ:
            found[len(head) + remaining] = head + b"\0"
    return found


_HEADS = _heads()


def make_reader(broker: Broker, loop: asyncio.AbstractEventLoop) -> Reader | None:
    """A reader where the system has epoll and the loop can watch files, else None."""
    return Reader(broker, loop) if _EPOLL else None


class CachedRoute:
    """What was found out about a client's last topic: that it may publish there, and who gets it.

    `name` is the topic as it stands in a packet, behind the high byte of its length; at MQTT 5 with the length of the
    properties, which is 0. It all holds while the router is of this `age`.
    """

    __slots__ = ("age", "five", "meter", "name", "route")

    def __init__(self, name: bytes, age: int, route: Route[Outbox], five: bool, meter: UpMeter | None) -> None:
        self.name = name
        self.age = age
        self.route = route
        self.five = five
        self.meter = meter

    @property
    def topic(self) -> bytes:
        return self.name[1 : 1 + self.name[0]]


class Readable(Protocol):
    """What the reader needs of a connection (`connection.Connection`).

    `missing` bytes of a packet that was cut are still to come; `heard_at` is when the client last said something, on
    the broker's clock; so much is read at once as `read_bytes` says.
    """

    missing: int
    heard_at: float
    read_bytes: int
    cached_route: CachedRoute | None

    @property
    def session(self) -> Session | None:
        """Its session, until the connection is lost."""

    def data_received(self, data: bytes) -> None:
        """Act on what came: the long way."""

    def hand_back(self) -> None:
        """The stream has ended: the transport knows what to do then."""


class Reader:
    """Reads the sockets of the connections that are `adopt`ed, until `leave`."""

    def __init__(self, broker: Broker, loop: asyncio.AbstractEventLoop) -> None:
        self._broker = broker
        self._loop = loop
        self._epoll = select.epoll()
        self._connections: dict[int, Readable] = {}
        #: The next turn, where it does not wait for a socket.
        self._next: asyncio.Handle | None = None
        #: Sockets that were not read to their end.
        self._unread: list[tuple[int, int]] = []
        #: Who spoke in this window, while turns are short.
        self._spoke: set[tuple[int, int]] = set()
        self._window_ends = self._busy_until = 0.0
        self._loop.add_reader(self._epoll.fileno(), self._turn)

    def adopt(self, connection: Readable, fd: int) -> None:
        """From now on read this socket; the transport has stopped."""
        self._connections[fd] = connection
        # Edge-triggered: the kernel would look at each socket a second time to find that it has been emptied.
        self._epoll.register(fd, _INTEREST)

    def leave(self, fd: int) -> None:
        """Read it no more. It has not been closed yet."""
        if self._connections.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """All connections are gone."""
        if self._next is not None:
            self._next.cancel()
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _turn(self) -> None:
        """Read what is ready, once; then come back soon, in a moment, or when there is something again."""
        unread, self._unread = self._unread, []
        ready = self._epoll.poll(0, _MOST)
        if unread:
            ready = unread + ready
        dispatcher, size = self._broker.dispatcher, 0
        dispatcher.gather()
        try:
            size = self._read(ready)
        except Exception:
            self._broker.fault("reading from sockets")
        finally:
            dispatcher.flush()
        if self._unread:
            self._come_back(0.0)
        elif self._busy(ready):
            self._come_back(0.0 if size > _PLENTY_BYTES else _GATHER_S)
        elif self._next is not None:
            self._next = None
            self._loop.add_reader(self._epoll.fileno(), self._turn)

    def _come_back(self, after_s: float) -> None:
        if self._next is None:
            self._loop.remove_reader(self._epoll.fileno())
        self._next = self._loop.call_later(after_s, self._turn) if after_s else self._loop.call_soon(self._turn)

    def _busy(self, ready: list[tuple[int, int]]) -> bool:
        now = self._loop.time()
        if len(ready) < _BUSY:
            if now > self._window_ends:
                self._spoke.clear()
                self._window_ends = now + _WINDOW_S
            self._spoke.update(ready)
            if len(self._spoke) < _BUSY:
                return now < self._busy_until
        self._busy_until = now + _CALM_S
        return True

    def _read(self, ready: list[tuple[int, int]]) -> int:
        """Read once from each and act on it; returns how many bytes came."""
        # Local names throughout, and next to no call per message: this loop is the broker's cost.
        broker, read, heads, find = self._broker, os.read, _HEADS, self._connections.get
        dispatcher = broker.dispatcher
        now, unread, total, short, age = dispatcher.now, self._unread, 0, 0, broker.router.age
        # The run being gathered, of packets of one route and level.
        route: Route[Outbox] | None = None
        five = False
        packets: list[bytes] = []
        for fd, event in ready:
            connection = find(fd)
            if connection is None:
                continue
            most = connection.read_bytes
            try:
                data = read(fd, most)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                connection.hand_back()
                continue
            size = len(data)
            total += size
            if size == most or event != _DATA:
                unread.append((fd, event))
            if (
                size < most == SMALL_READ
                and data.startswith(head := heads[size])
                and not connection.missing
                and not dispatcher.congested
            ):
                cached = connection.cached_route
                if cached is None or cached.age != age or not data.startswith(cached.name, len(head)):
                    cached = self._cache_route(connection, data, len(head))
                if cached is not None:
                    if cached.route is not route or cached.five is not five:
                        if packets:
                            self._forward(route, packets, five)
                            packets = []
                        route, five = cached.route, cached.five
                    connection.heard_at = now
                    short += size
                    meter = cached.meter
                    if meter is None or meter.has_room(_PUBLISH, size):
                        packets.append(data)
                    else:
                        meter.refuse(_PUBLISH, cached.topic)
                    continue
            if packets:
                self._forward(route, packets, five)
                packets, route = [], None
            if size == most:
                connection.read_bytes = _LONG_READ
            elif size < SMALL_READ:
                connection.read_bytes = SMALL_READ
            connection.data_received(data)
            age = broker.router.age
        if packets:
            self._forward(route, packets, five)
        broker.counters.bytes_in += short
        return total

    def _cache_route(self, connection: Readable, data: bytes, at: int) -> CachedRoute | None:
        """The route of this PUBLISH, the length of whose topic is at `at`; None if it has to go the long way."""
        session, router = connection.session, self._broker.router
        assert session is not None
        end = at + 1 + data[at]
        topic, five = data[at + 1 : end], session.level == 5
        if end > len(data) or topic not in session.permitted:
            return None
        if five and data[end : end + 1] != b"\0":
            return None
        route = router.routes.get(topic)
        if route is None or route.pushed is session.outbox or not _is_plain(route, five):
            return None
        cached = connection.cached_route = CachedRoute(data[at : end + five], router.age, route, five, session.meter)
        return cached

    def _forward(self, route: Route[Outbox] | None, packets: list[bytes], five: bool) -> None:
        assert route is not None
        broker = self._broker
        broker.counters.received[route.kind] += len(packets)
        if route.targets:
            try:
                broker.forward(route, b"".join(packets), len(packets), 5 if five else 4)
            except Exception:
                broker.fault("a run of %d messages was lost", len(packets))


def _is_plain(route: Route[Outbox], five: bool) -> bool:
    """Whether it is all the same to everybody on this route who published, and to the policy what."""
    part = plan_of(route).at(5 if five else 4)
    return not (route.handled or part.rest or part.groups or route.kind in ANSWERED_IN_PLACE)
