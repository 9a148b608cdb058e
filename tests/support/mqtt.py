"""For the broker's tests: a policy that allows nearly everything, a broker in a thread, a client of bare sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.broker.policy import Downlink, Login, Principal, Refused
from jinqiao.gateway.broker.server import Server
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import (
    Connack,
    Connect,
    Packet,
    PacketType,
    Publish,
    Signal,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)

T = TypeVar("T")
P = TypeVar("P")
NewLoop = Callable[[], asyncio.AbstractEventLoop]


class OpenPolicy:
    """Everybody may do everything, except on topics with `secret` in them.

    The identity is the client id up to a `:`, the rest are options: `trusted`, `lossless`, `auto`. `dev/NAME/ask` is
    answered on `dev/NAME/answer`, which is pushed to NAME.
    """

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.limits: dict[str, Any] = {}

    def authenticate(self, login: Login) -> Principal:
        if login.username == "nobody":
            raise Refused("unknown user", 4)
        if login.username == "fault":
            raise RuntimeError("the policy is broken")
        name, _, options = login.client_id.partition(":")
        return Principal(
            name,
            "device",
            name,
            login.keep_alive_s,
            trusted="trusted" in options,
            lossless="lossless" in options,
            auto_subscribed="auto" in options,
            **{"longest_topic": 65_535, "max_retained": 1_000_000} | self.limits,
        )

    def renewed(self, principal: Principal) -> Principal | None:
        return principal

    def may_publish(self, _: Principal, topic: str) -> bool:
        return "secret" not in topic

    def may_retain(self, _: Principal, topic: str) -> bool:
        return "fleeting" not in topic

    def may_subscribe(self, _: Principal, topic_filter: str) -> bool:
        return "secret" not in topic_filter

    def only_for(self, _: Principal, topic_filter: str) -> str:  # noqa: ARG002
        return ""

    def is_for(self, reader: str, topic: str) -> bool:  # noqa: ARG002
        return True

    def handles_trusted(self, _: str) -> bool:
        return False

    def handles(self, topic: str) -> bool:
        return topic.endswith("/ask")

    def receive(self, _: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        if payload == b"fault":
            raise RuntimeError("the policy is broken")
        return (Downlink(topic.removesuffix("ask") + "answer", payload, 1 if payload == b"1" else 0),)

    def kind(self, topic: str) -> str:
        return topic.rsplit("/", 1)[-1]

    def pushed_to(self, topic: str) -> str | None:
        levels = topic.split("/")
        return levels[1] if levels[0] == "dev" and levels[-1] == "answer" else None

    def expelled(self, principal: Principal, error: ProtocolError) -> None:
        pass

    def refused(self, principal: Principal, topic: str, why: str) -> None:
        self.log.append(("refused", f"{principal.name} {topic[:40]}: {why}"))

    def throttled(self, principal: Principal, topic: str) -> None:
        self.log.append(("throttled", f"{principal.name} {topic}"))

    def connected(self, principal: Principal) -> None:
        self.log.append(("connected", principal.name))

    def disconnected(self, principal: Principal) -> None:
        self.log.append(("disconnected", principal.name))


class BrokerThread:
    """A broker on a free port, with a loop of its own."""

    def __init__(self, limits: Limits | None = None, new_loop: NewLoop = asyncio.new_event_loop) -> None:
        self.policy = OpenPolicy()
        self.server = Server(self.policy, limits=limits)
        self._loop = new_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._wait(self.server.start("127.0.0.1", 0))
        self.port = self.server.port
        self._clients: list[RawClient] = []

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a function in the broker's thread and return its result."""

        async def run() -> T:
            return function(*arguments)

        return self._wait(run())

    def block(self, seconds: float) -> None:
        """The event loop stands still from now on; returns at once."""
        self._loop.call_soon_threadsafe(time.sleep, seconds)

    def stats(self) -> dict[str, Any]:
        return self.call(self.server.stats)

    def client(self, client_id: str = "", **connect: Any) -> RawClient:
        """A client that has logged in."""
        client = self.socket()
        client.send(Connect(client_id, **connect))
        assert client.expect(Connack) == Connack(0)
        return client

    def socket(self) -> RawClient:
        """A client that has said nothing yet."""
        client = RawClient(self.port)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._wait(self.server.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)


class RawClient:
    """MQTT over a bare socket: sends what it is told, sound or not, and reads packet by packet."""

    def __init__(self, port: int, timeout_s: float = 5.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        # Else a second small packet waits 40 ms for the acknowledgement of the first (Nagle), and a test for seconds.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._position = 0

    def send(self, *packets: Packet | bytes) -> None:
        self.socket.sendall(b"".join(packet if isinstance(packet, bytes) else encode(packet) for packet in packets))

    def read(self) -> Packet:
        """The next packet; raises ConnectionError at the end of the stream and TimeoutError when nothing comes."""
        while True:
            start = self._position
            bounds = frame(self._buffer, start) if start < len(self._buffer) else None
            if bounds is not None and bounds[1] <= len(self._buffer):
                self._position = bounds[1]
                return decode(self._buffer[start], self._buffer[bounds[0] : bounds[1]])
            data = self.socket.recv(1 << 18)
            if not data:
                raise ConnectionError("closed by the broker")
            self._buffer, self._position = self._buffer[start:] + data, 0

    def expect(self, kind: type[P]) -> P:
        packet = self.read()
        assert isinstance(packet, kind), packet
        return packet

    def subscribe(self, *filters: str, qos: int = 0) -> tuple[int, ...]:
        self.send(Subscribe(1, tuple((name, qos) for name in filters)))
        return self.expect(Suback).codes

    def unsubscribe(self, *filters: str) -> None:
        self.send(Unsubscribe(2, filters))
        self.expect(Unsuback)

    def messages(self) -> Iterator[Publish]:
        """All that has come, up to the answer to a ping sent now."""
        self.send(Signal(PacketType.PINGREQ))
        while not isinstance(packet := self.read(), Signal):
            if isinstance(packet, Publish):
                yield packet

    def is_closed(self) -> bool:
        """Whether the broker closes the connection, or has; skips whatever it sends before."""
        try:
            while self.socket.recv(1 << 18):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True

    def close(self) -> None:
        self.socket.close()


@contextmanager
def running_broker(limits: Limits | None = None, new_loop: NewLoop = asyncio.new_event_loop) -> Iterator[BrokerThread]:
    """A broker for the length of a `with`."""
    broker = BrokerThread(limits, new_loop)
    try:
        yield broker
    finally:
        broker.close()
