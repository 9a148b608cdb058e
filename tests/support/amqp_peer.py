"""A client of the AMQP server without sockets: what it says are performatives, what it hears are frames."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any, TypeVar

from jinqiao.gateway.amqp.bounds import Bounds
from jinqiao.gateway.amqp.connection import Connection
from jinqiao.gateway.amqp.login import BadLogin, Login, login_of, verified
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.wire.amqp.frames import AMQP_HEADER, SASL_HEADER, Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.message import ForwardedMessage, decode_message, encode_message
from jinqiao.wire.amqp.performatives import (
    RECEIVER,
    Accepted,
    Attach,
    Begin,
    Disposition,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from jinqiao.wire.amqp.sasl import Plain, SaslInit

from .queues import World

__all__ = ["KEY", "AmqpHouse", "AmqpPeer", "credentials", "forwarded"]

KEY = AccessKey("testid", "testsecret")
ACCEPTED = Accepted()
_T = TypeVar("_T")


def credentials(
    method: str = "sha1", *, group: str = "g1", key: AccessKey = KEY, client_id: str = "client-1", more: str = ""
) -> Plain:
    """User name and password as the vendor's samples make them."""
    time = "1795334016880"
    content = f"authId={key.id}&timestamp={time}"
    mac = hmac.new(key.secret.encode(), content.encode(), getattr(hashlib, method)).digest()
    name = (
        f"{client_id}|authMode=aksign,signMethod=hmac{method},timestamp={time},authId={key.id},"
        f"iotInstanceId=,consumerGroupId={group}{more}|"
    )
    return Plain(name, base64.b64encode(mac).decode())


def forwarded(*bodies: bytes) -> Messages:
    """Messages with these bodies."""
    return Messages.of([encode_message("/pk/dn/user/x", "1795334016880123456", 5, 1, body) for body in bodies], 5)


class AmqpHouse:
    """One key, and the groups that it may take from."""

    def __init__(self, **bounds: float) -> None:
        self.bounds = Bounds(**bounds)  # type: ignore[arg-type]
        self.world = World()
        self.groups = {"g1": Group("g1", self.world.clock)}
        self.keys = {KEY.id: KEY}
        self.others = 0

    def admit(self, plain: Plain) -> Login:
        login = login_of(plain)
        verified(login, plain, self.keys)
        if login.group_id not in self.groups:
            raise BadLogin("unknown group")
        return login

    def group(self, login: Login) -> Group | None:
        return self.groups.get(login.group_id)

    def connections_of(self, _: Login) -> int:
        return self.others + 1

    def now_ms(self) -> int:
        return self.world.clock.now_ms()

    def soon(self, call: Callable[[], None]) -> object:
        return self.world.clock.soon(call)


class AmqpPeer:
    """The client's end. `said` are the frames that came and were not asked for yet."""

    def __init__(self, house: AmqpHouse) -> None:
        self.house = house
        self.octets = bytearray()
        self.headers: list[bytes] = []
        self._frames = FrameReader(1 << 24)
        self.connection = Connection(house, self._wrote, "127.0.0.1:9", house.world.time_s)
        self.said: list[Frame] = []

    @property
    def closed(self) -> bool:
        return self.connection.closed

    def _wrote(self, octets: bytes | memoryview) -> None:
        self.octets += octets
        if bytes(octets) in (SASL_HEADER, AMQP_HEADER):
            self.headers.append(bytes(octets))
            return
        self._frames.feed(bytes(octets))
        while (frame := self._frames.next()) is not None:
            self.said.append(frame)

    def send(self, octets: bytes) -> None:
        """Octets as they are, then the server's turn."""
        self.connection.receive(octets, self.house.world.time_s)
        self.house.world.turn()

    def say(self, *performatives: Any, channel: int = 0, kind: FrameType = FrameType.AMQP) -> None:
        self.send(b"".join(encode_frame(Frame(channel, each, type=kind)) for each in performatives))

    def take(self, kind: type[_T]) -> list[_T]:
        """What came of this kind; it is forgotten."""
        found = [frame.performative for frame in self.said if isinstance(frame.performative, kind)]
        self.said = [frame for frame in self.said if not isinstance(frame.performative, kind)]
        return found

    def one(self, kind: type[_T]) -> _T:
        (found,) = self.take(kind)
        return found

    def messages(self) -> list[tuple[int, ForwardedMessage]]:
        """Delivery ids and messages that came."""
        found, parts = [], b""
        for frame in self.said:
            if isinstance(frame.performative, Transfer):
                parts += frame.payload
                if not frame.performative.more:
                    found.append((frame.performative.delivery_id or 0, decode_message(parts)))
                    parts = b""
        self.take(Transfer)
        return found

    def bodies(self) -> list[bytes]:
        return [message.body for _, message in self.messages()]

    # The steps of a consumer.

    def login(self, plain: Plain | None = None, mechanism: str = "PLAIN") -> None:
        plain = plain or credentials()
        self.send(SASL_HEADER)
        self.say(SaslInit(mechanism, f"\0{plain.user_name}\0{plain.password}".encode()), kind=FrameType.SASL)

    def open(self, idle_ms: int | None = 60_000, most: int = 1 << 20) -> None:
        self.login()
        self.send(AMQP_HEADER)
        self.say(Open("c", "localhost", most, idle_time_out=idle_ms))

    def attach(self, *, credit: int = 0, window: int = 1 << 20, channel: int = 0, **fields: Any) -> None:
        self.say(
            Begin(None, 0, window, 1 << 20),
            Attach("r", 0, RECEIVER, source=Source(None), target=Target(None), **fields),
            channel=channel,
        )
        if credit:
            self.flow(credit, window=window, channel=channel)

    def flow(self, credit: int, count: int = 0, *, window: int = 1 << 20, channel: int = 0, **fields: Any) -> None:
        self.say(Flow(count, window, 0, 1 << 20, 0, count, credit, **fields), channel=channel)

    def settle(self, first: int, last: int | None = None, state: Any = ACCEPTED, settled: bool = True) -> None:
        self.say(Disposition(RECEIVER, first, last, settled, state))

    def pass_s(self, seconds: float) -> None:
        """Let time pass, a second at a time."""
        for _ in range(int(seconds)):
            self.house.world.time_s += 1
            for group in self.house.groups.values():
                group.tick()
            self.connection.tick(self.house.world.time_s)
            self.house.world.turn()
