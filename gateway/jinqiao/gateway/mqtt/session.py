"""One client's conversation with the broker (MQTT 3.1.1 chapters 3 and 4), without its socket.

Everything that changes the state of a session is in this file. PUBLISH and PUBACK, which come in thousands, are read by
`stream`; all other packets by `Session.handle`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Protocol

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.mqtt.broker import Broker
from jinqiao.gateway.mqtt.decoding import UnsupportedLevel, decode
from jinqiao.gateway.mqtt.delivery.congestion import Congestion
from jinqiao.gateway.mqtt.delivery.outbox import Outbox, Writer
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import (
    Connack,
    Connect,
    PacketType,
    Signal,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from jinqiao.gateway.mqtt.policy import Downlink, Login, Principal, Refused
from jinqiao.gateway.mqtt.subscriptions import Subscriptions
from jinqiao.gateway.mqtt.topics import decode_name

__all__ = ["TRANSITIONS", "Link", "Session", "State"]


class State(Enum):
    """Where a conversation stands."""

    OPENED = "waiting for CONNECT"
    CONNECTED = "connected"
    CLOSED = "closed"


#: Which packets may come when, and where they lead. Whatever is not here closes the connection: a packet before
#: CONNECT [MQTT-3.1.0-1], a second CONNECT [MQTT-3.1.0-2], a packet that only servers send.
TRANSITIONS: dict[State, dict[PacketType, State]] = {
    State.OPENED: {
        PacketType.CONNECT: State.CONNECTED,
    },
    State.CONNECTED: {
        PacketType.PUBLISH: State.CONNECTED,
        PacketType.PUBACK: State.CONNECTED,
        PacketType.SUBSCRIBE: State.CONNECTED,
        PacketType.UNSUBSCRIBE: State.CONNECTED,
        PacketType.PINGREQ: State.CONNECTED,
        PacketType.DISCONNECT: State.CLOSED,
    },
    State.CLOSED: {},
}

_HIGHEST_QOS = 1
#: CONNACK return codes (§ 3.2.2.3) as reasons to count.
_LOGIN_REFUSED = {1: "protocol_level", 2: "client_id", 3: "unavailable", 4: "credentials", 5: "not_authorised"}
_UNAVAILABLE = 3
_CLIENT_ID_REJECTED = 2
#: SUBACK return code for a subscription that was not made (§ 3.9.3).
_FAILURE = 0x80
_PINGRESP = encode(Signal(PacketType.PINGRESP))
#: MQTT 5 CONNACK, no flags, Unsupported Protocol Version, no properties (MQTT 5 § 3.2.2.2): how to tell a client of
#: version 5, in its own words, to come back with 3.1.1.
_LEVEL_5_REFUSED = b"\x20\x03\x00\x84\x00"


class Link(Protocol):
    """What a session needs of its connection."""

    @property
    def peer(self) -> str:
        """Address and port of the other end."""

    def close(self) -> None:
        """End, after what has been written."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Session:
    """State of one connection: who it is, what it subscribed to, what it may publish.

    `guarded` sessions have their permissions checked and their messages shown to the policy. `max_payload` and
    `max_qos` bound PUBLISH; a packet of `small_bytes` needs no look at its size.
    """

    __slots__ = (
        "_link",
        "_refused",
        "_waits_for",
        "broker",
        "guarded",
        "lossless",
        "max_payload",
        "max_qos",
        "outbox",
        "permitted",
        "principal",
        "small_bytes",
        "state",
        "subscriptions",
    )

    def __init__(self, broker: Broker, link: Link, writer: Writer) -> None:
        self.broker = broker
        self.outbox = Outbox(broker.dispatcher, writer)
        self.state = State.OPENED
        self.principal: Principal | None = None
        self.guarded = True
        self.lossless = False
        self.max_payload = self.max_qos = self.small_bytes = 0
        #: Topics this client may publish to, as they are on the wire; and those it may not.
        self.permitted: set[bytes] = set()
        self._refused: set[bytes] = set()
        self.subscriptions: Subscriptions | None = None
        self._waits_for: set[Congestion] = set()
        self._link = link

    @property
    def waiting(self) -> bool:
        """Whether this publisher is not being read, for the sake of a slow subscriber."""
        return bool(self._waits_for)

    @property
    def name(self) -> str:
        """What the log calls this client."""
        return self.principal.name if self.principal is not None else self._link.peer

    def handle(self, first: int, body: bytes) -> None:
        """Act on one packet that is not a PUBLISH; raises ProtocolError."""
        try:
            packet = decode(first, body)
        except UnsupportedLevel as error:
            if self.state is not State.OPENED:
                raise
            self._refuse_login(error, _LEVEL_5_REFUSED if error.level == 5 else encode(Connack(error.reason)))
            return
        following = TRANSITIONS[self.state].get(packet.type)
        if following is None:
            raise ProtocolError(f"{packet.type.name} from a client that is {self.state.value}")
        self.state = following
        _HANDLERS[packet.type](self, packet)

    def close(self) -> None:
        """Send what is pending, then end the connection."""
        self.outbox.flush()
        self.end()
        self._link.close()

    def end(self) -> None:
        """The connection is lost or about to be closed; may be called more than once."""
        self.state = State.CLOSED
        principal, self.principal = self.principal, None
        if principal is not None:
            self._subscriptions().end()
            self.broker.leave(self, principal)
        self.outbox.close()
        self._waits_for.clear()

    def taken_over(self) -> None:
        """Another login of the same identity has come: this connection must go."""
        self.broker.journal.warning("%s: connection from %s taken over by a new login", self.name, self._link.peer)
        self.close()

    def answer(self, packet: bytes) -> None:
        """Send an answer; a client that never reads its answers is a ProtocolError."""
        if not self.outbox.answer(packet):
            raise ProtocolError("the client does not read its answers")

    def may_publish(self, topic: bytes) -> bool:
        """Whether a topic not yet in `permitted` is this client's to write; raises ProtocolError if it is no topic."""
        if topic in self._refused:
            allowed = False
        else:
            name = decode_name(topic)
            allowed = self.broker.allows(self.broker.policy.may_publish, self._principal(), name)
            known = self.permitted if allowed else self._refused
            if len(known) >= self.broker.limits.permitted_topics:
                known.clear()
            known.add(topic)
            if not allowed:
                self.broker.journal.warning("%s may not publish to %r", self.name, name)
        if not allowed:
            self.broker.counters.refused["publish"] += 1
        return allowed

    def ask(self, topic: bytes, payload: bytes) -> Iterable[Downlink]:
        """What the policy answers to a message of this client."""
        return self.broker.ask(self._principal(), topic.decode(), payload)

    def forget_permissions(self) -> None:
        """The policy's mind has changed."""
        self.permitted.clear()
        self._refused.clear()

    def reconsider(self, about: str) -> None:
        """The policy's mind about this client has changed.

        If `about` is not empty, subscriptions with that in their filters end unless they are still allowed.
        """
        self.forget_permissions()
        if about and self.subscriptions is not None and self.principal is not None:
            self.subscriptions.reconsider(about, self._may_subscribe)

    def wait_for(self, outboxes: tuple[Outbox, ...]) -> None:
        """Stop reading while subscribers are behind: for any of them if this publisher is lossless, else if all are.

        Those that do not read at all do not count.
        """
        congestions = [outbox.congestion for outbox in outboxes]
        behind = [found for found in congestions if found is not None and found.worth_waiting(self)]
        reading = sum(found is None or not found.stalled for found in congestions)
        if behind and (self.lossless or len(behind) == reading):
            for congestion in behind:
                congestion.wait(self)
            self._waits_for.update(behind)
            self._link.pause_reading()

    def proceed(self, congestion: Congestion) -> None:
        """A subscriber that was waited for has room again, or is not worth the wait."""
        self._waits_for.discard(congestion)
        if not self._waits_for and self.state is State.CONNECTED:
            self._link.resume_reading()

    def _connect(self, connect: Connect) -> None:
        client_id = connect.client_id
        try:
            if not client_id:
                # [MQTT-3.1.3-7, 8]; MQTT 3.1 knows no empty client identifier at all.
                if not connect.clean_session or connect.level < 4:
                    raise Refused("empty client identifier", _CLIENT_ID_REJECTED)
                client_id = f"auto-{secrets.token_hex(8)}"
            login = Login(
                client_id,
                connect.username,
                connect.password,
                connect.level,
                connect.clean_session,
                connect.keep_alive_s,
                self._link.peer,
            )
            principal = self.broker.admit(self, login)
        except Refused as error:
            self._refuse_login(error, encode(Connack(error.reason or _UNAVAILABLE)))
            return
        except Exception:
            self.broker.journal.exception("the policy failed on the login of %r", client_id)
            self._refuse_login(ProtocolError("the policy failed", _UNAVAILABLE), encode(Connack(_UNAVAILABLE)))
            return
        self.principal = principal
        self.guarded = not principal.trusted
        self.lossless = principal.lossless
        self.max_payload = min(principal.max_payload, self.broker.limits.payload_bytes)
        self.max_qos = min(principal.max_qos, _HIGHEST_QOS)
        self.small_bytes = min(self.max_payload, self.broker.limits.control_packet_bytes)
        self.outbox.name = principal.name
        self.subscriptions = Subscriptions(self.broker.router, self.outbox, principal)
        self.answer(encode(Connack()))
        self.broker.enter(self, principal)

    def _refuse_login(self, error: ProtocolError, connack: bytes) -> None:
        reason = _LOGIN_REFUSED.get(error.reason, "login")
        self.broker.counters.refused[reason] += 1
        self.broker.journal.warning("login from %s refused (%s): %s", self._link.peer, reason, error)
        self.answer(connack)
        self.close()

    def _subscribe(self, packet: Subscribe) -> None:
        principal, subscriptions = self._principal(), self._subscriptions()
        codes = []
        for index, (topic_filter, qos) in enumerate(packet.filters):
            granted = min(qos, self.max_qos)
            if index >= principal.max_filters or not subscriptions.add(topic_filter, granted, self._may_subscribe):
                granted = _FAILURE
                self.broker.counters.refused["subscribe"] += 1
                self.broker.journal.warning("%s may not subscribe to %r", self.name, topic_filter)
            codes.append(granted)
        self.answer(encode(Suback(packet.packet_id, tuple(codes))))

    def _unsubscribe(self, packet: Unsubscribe) -> None:
        for topic_filter in packet.filters:
            self._subscriptions().remove(topic_filter)
        self.answer(encode(Unsuback(packet.packet_id)))

    def _may_subscribe(self, topic_filter: str) -> bool:
        return self.broker.allows(self.broker.policy.may_subscribe, self._principal(), topic_filter)

    def _ping(self, _: Signal) -> None:
        self.answer(_PINGRESP)

    def _disconnect(self, _: Signal) -> None:
        self.close()

    def _principal(self) -> Principal:
        if self.principal is None:
            raise ProtocolError(f"the client is {self.state.value}")
        return self.principal

    def _subscriptions(self) -> Subscriptions:
        if self.subscriptions is None:
            raise ProtocolError(f"the client is {self.state.value}")
        return self.subscriptions


_HANDLERS: dict[PacketType, Callable[[Session, Any], None]] = {
    PacketType.CONNECT: Session._connect,
    PacketType.SUBSCRIBE: Session._subscribe,
    PacketType.UNSUBSCRIBE: Session._unsubscribe,
    PacketType.PINGREQ: Session._ping,
    PacketType.DISCONNECT: Session._disconnect,
}
