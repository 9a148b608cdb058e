"""A broker and its clients in memory: no sockets, no event loop, a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinqiao.gateway.broker.broker import Broker
from jinqiao.gateway.broker.connection import Connection
from jinqiao.gateway.broker.limits import Limits
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connack, Connect, Packet, PacketType, Publish, Signal
from support.mqtt import OpenPolicy


class Transport:
    """A socket that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = self.aborted = self.reading_paused = False
        self.unsent = 0

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, data: list[bytes]) -> None:
        self.written += b"".join(data)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_extra_info(self, _: str) -> tuple[str, int]:
        return ("192.0.2.1", 1234)

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


class Client:
    """The far end of a connection in memory."""

    def __init__(self, house: House, client_id: str | None = "client", **connect: object) -> None:
        self.house = house
        self.transport = Transport()
        self.connection = Connection(house.broker, house.connections)
        self.connection.connection_made(self.transport)  # type: ignore[arg-type]
        self.level = int(connect.get("level", 4))  # type: ignore[call-overload]
        #: What came behind CONNACK with the login.
        self.backlog: list[Packet] = []
        if client_id is not None:
            self.send(Connect(client_id, **connect))  # type: ignore[arg-type]
            self.connack, *self.backlog = self.received()
            assert isinstance(self.connack, Connack)
            assert self.connack.code == 0

    def send(self, *packets: Packet | bytes) -> None:
        self.feed(b"".join(packet if isinstance(packet, bytes) else encode(packet, self.level) for packet in packets))

    def feed(self, data: bytes) -> None:
        self.connection.data_received(data)
        self.house.turn()

    def received(self) -> list[Packet]:
        data, self.transport.written = self.transport.written, b""
        return list(split(data, self.level))

    def messages(self) -> list[Publish]:
        """The messages among what was received."""
        return [packet for packet in self.received() if isinstance(packet, Publish)]

    def lose(self) -> None:
        """The connection breaks."""
        self.connection.connection_lost(None)
        self.house.turn()

    def leave(self, **disconnect: Any) -> None:
        """DISCONNECT, and the end of the connection."""
        self.send(Signal(PacketType.DISCONNECT, **disconnect))
        self.lose()

    @property
    def closed(self) -> bool:
        return self.transport.closed


class House:
    """A broker without an event loop: `turn` ends a turn, `at` moves the clock, `stand_still` the time without it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.policy = OpenPolicy()
        self.soon: list[object] = []
        self.time = 0.0
        self.broker = Broker(self.policy, limits or Limits(), self.soon.append, lambda: self.time)
        self.connections: set[Connection] = set()

    def turn(self) -> None:
        while self.soon:
            self.soon.pop(0)()  # type: ignore[operator]

    def stand_still(self, until: float) -> None:
        """Time passes, and the broker gets none of it."""
        self.time = until

    def at(self, now: float) -> None:
        self.time = now
        self.broker.dispatcher.tick(now)
        for connection in list(self.connections):
            connection.check_patience(now)
        self.turn()

    def client(self, client_id: str | None = "client", **connect: object) -> Client:
        return Client(self, client_id, **connect)


def split(data: bytes, level: int = 4) -> Iterator[Packet]:
    position = 0
    while position < len(data):
        bounds = frame(data, position)
        assert bounds is not None
        assert bounds[1] <= len(data)
        yield decode(data[position], data[bounds[0] : bounds[1]], level)
        position = bounds[1]
