"""What the broker keeps of one connection, without its socket: who it is, what it may, how it ends.

Which packet may come when, and who acts on it, is in `conversation`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import partial
from typing import Protocol

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.broker.delivery.congestion import Congestion
from jinqiao.gateway.broker.delivery.meter import UpMeter
from jinqiao.gateway.broker.delivery.outbox import Outbox, Writer
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import PacketType, Signal, Will
from jinqiao.wire.mqtt.reasons import Reason
from jinqiao.wire.mqtt.topics import decode_name

from .broker import Broker
from .lasting import Lasting
from .leaving import leave_behind
from .policy import Downlink, Principal
from .subscriptions import Subscriptions

__all__ = ["Link", "Session", "State"]


class State(Enum):
    """Where a conversation stands."""

    OPENED = "waiting for CONNECT"
    CONNECTED = "connected"
    CLOSED = "closed"


_HIGHEST_QOS = 2
#: What a topic in a set costs besides its bytes, roughly.
_KNOWN_BYTES = 100


class Link(Protocol):
    """What a session needs of its connection."""

    @property
    def peer(self) -> str:
        """Address and port of the other end."""

    @property
    def foreign(self) -> bool:
        """Whether the other end is a web page from elsewhere."""

    def close(self) -> None:
        """End, after what has been written."""

    def part(self) -> None:
        """The same, with time for the other end to read it."""

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Session:
    """State of one connection: who it is, what it subscribed to, what it may publish.

    `guarded` sessions have their permissions checked and their messages shown to the policy. `max_payload` and
    `max_qos` bound PUBLISH; a packet of `small_bytes` needs no look at its size. After its connection the session goes
    on for `expiry_s`; `qos2_received` are identifiers of QoS 2 messages that came and were not released, `aliases` the
    client's own names of topics (MQTT 5).
    """

    __slots__ = (
        "_known_bytes",
        "_link",
        "_refused",
        "_retain_refused",
        "_waits_for",
        "aliases",
        "broker",
        "expiry_s",
        "guarded",
        "level",
        "lossless",
        "max_payload",
        "max_qos",
        "meter",
        "outbox",
        "permitted",
        "principal",
        "qos2_received",
        "retains",
        "small_bytes",
        "state",
        "subscriptions",
        "will",
    )

    def __init__(self, broker: Broker, link: Link, writer: Writer) -> None:
        self.broker = broker
        self.outbox = Outbox(broker.dispatcher, writer)
        self.state = State.OPENED
        self.principal: Principal | None = None
        self.level = 4
        self.guarded = True
        self.lossless = self.retains = False
        self.will: Will | None = None
        self.expiry_s = 0
        self.qos2_received: set[int] | None = None
        self.aliases: dict[int, bytes] | None = None
        #: What it sends is counted against its rates, if it has any.
        self.meter: UpMeter | None = None
        self.max_payload = self.max_qos = self.small_bytes = 0
        #: Topics this client may publish to, as they are on the wire; and those it may not.
        self.permitted: set[bytes] = set()
        self._refused: set[bytes] = set()
        self._known_bytes = 0
        self._retain_refused = False
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

    @property
    def peer(self) -> str:
        """Where the client is."""
        return self._link.peer

    @property
    def foreign(self) -> bool:
        """Whether the client is a web page from elsewhere."""
        return self._link.foreign

    def be(self, principal: Principal, level: int) -> None:
        """The client is known: from now on its bounds hold."""
        limits = self.broker.limits
        self.principal, self.level = principal, level
        self.guarded = not principal.trusted
        self.lossless, self.retains = principal.lossless, principal.retains
        self.max_payload = min(principal.max_payload, limits.payload_bytes)
        self.max_qos = min(principal.max_qos, _HIGHEST_QOS)
        self.small_bytes = min(self.max_payload, limits.control_packet_bytes)

    def close(self, reason: int = 0) -> None:
        """Send what is pending, then end the connection; MQTT 5 clients are sent the reason if there is one."""
        told = bool(reason) and self.level == 5 and self.state is State.CONNECTED
        if told:
            self.outbox.answer(encode(Signal(PacketType.DISCONNECT, reason), 5))
        self.outbox.flush()
        self.end()
        if told:
            self._link.part()
        else:
            self._link.close()

    def end(self) -> None:
        """The connection is lost or about to be closed; may be called more than once."""
        self.state = State.CLOSED
        if self.broker.lock_step is not None:
            self.broker.lock_step.leave(self.outbox)
            self.broker.lock_step.withdraw(self.outbox.answer)
        principal, self.principal = self.principal, None
        subscriptions, self.subscriptions = self.subscriptions, None
        if principal is not None and subscriptions is not None:
            self.broker.leave(self, principal)
            will, self.will = self.will, None
            remains = Lasting(self.outbox, subscriptions, self.qos2_received)
            leave_behind(self.broker, principal, remains, will, self.expiry_s)
        elif not self.outbox.lasting:
            self.outbox.close()
        self._waits_for.clear()

    def taken_over(self) -> None:
        """Another login of the same identity has come: this connection must go."""
        self.broker.journal.warning("%s: connection from %s taken over by a new login", self.name, self._link.peer)
        self.close(Reason.SESSION_TAKEN_OVER)

    def answer(self, packet: bytes) -> None:
        """Send an answer; a client that never reads its answers is a ProtocolError."""
        if not self.outbox.answer(packet):
            raise ProtocolError("the client does not read its answers")

    def acknowledge(self, packets: bytes) -> None:
        """Send PUBACKs or PUBRECs, when what the house keeps of the messages is kept; raises as `answer` does."""
        acknowledging = self.broker.acknowledging
        if acknowledging is None or not acknowledging.behind or not self.guarded:
            self.answer(packets)
        else:
            acknowledging.then(partial(self._acknowledge_late, packets))

    def _acknowledge_late(self, packets: bytes) -> None:
        if self.state is State.CONNECTED and not self.outbox.answer(packets):
            self.broker.expel(self, ProtocolError("the client does not read its answers"))

    def refusal(self, topic: bytes, first: int, size: int) -> Reason:
        """Why a PUBLISH with this first byte and size may not be, or SUCCESS; asked only where `guarded`.

        What is refused counts against the client's rates as well: it would be free otherwise. Raises ProtocolError if
        the topic is none.
        """
        meter = self.meter
        if meter is not None and not meter.has_room(first, size):
            meter.refuse(first, topic)
            return Reason.QUOTA_EXCEEDED
        return Reason.SUCCESS if topic in self.permitted else self._judge(topic)

    def takes(self, topic: bytes, size: int) -> bool:
        """Whether a message that the client sent by another way is within its rates, as if it were a QoS 0 PUBLISH."""
        return self.meter is None or self.meter.takes(0x30, size, topic)

    def cannot_retain(self, topic: bytes) -> None:
        """The client asks to retain a message and may not: the message goes on, and the log says so once."""
        if not self._retain_refused:
            self._retain_refused = True
            why = "RETAIN is for MQTT 5 here: its messages are delivered, and not retained"
            self.broker.refuse(self.who(), "retained", topic.decode(errors="replace"), why)

    def may_publish(self, topic: bytes) -> bool:
        """Whether a topic is this client's to write, however often; raises ProtocolError if it is no topic."""
        return topic in self.permitted or not self._judge(topic)

    def _judge(self, topic: bytes) -> Reason:
        """SUCCESS, or why a topic not yet in `permitted` is not this client's to write."""
        principal, broker = self.who(), self.broker
        reason = Reason.NOT_AUTHORIZED
        if topic in self._refused:
            broker.counters.refused["publish"] += 1
        elif len(topic) > principal.longest_topic:
            reason = Reason.TOPIC_NAME_INVALID
            why = f"topic of {len(topic)} bytes, {principal.longest_topic} at most"
            broker.refuse(principal, "publish", topic.decode(errors="replace"), why)
        else:
            name = decode_name(topic)
            allowed = broker.allows(broker.policy.may_publish, principal, name)
            self._remember(topic, self.permitted if allowed else self._refused)
            if allowed:
                return Reason.SUCCESS
            broker.counters.refused["publish"] += 1
            broker.journal.warning("%s may not publish to %r", self.name, name)
        if principal.cut_off:
            raise ProtocolError("PUBLISH without permission", reason)
        return reason

    def _remember(self, topic: bytes, known: set[bytes]) -> None:
        """Bounded in bytes: a client may choose as many topics as it likes, and each of 64 KiB."""
        limits = self.broker.limits
        if len(topic) > limits.cached_topic_bytes:
            return
        self._known_bytes += len(topic) + _KNOWN_BYTES
        if self._known_bytes > limits.known_topic_bytes:
            self.permitted.clear()
            self._refused.clear()
            self._known_bytes = len(topic) + _KNOWN_BYTES
        known.add(topic)

    def ask(self, topic: bytes, payload: bytes) -> Iterable[Downlink]:
        """What the policy answers to a message of this client."""
        return self.broker.ask(self.who(), topic.decode(), payload)

    def forget_permissions(self) -> None:
        """The policy's mind has changed."""
        self.broker.router.age += 1
        self.permitted.clear()
        self._refused.clear()
        self._known_bytes = 0

    def reconsider(self, about: str) -> None:
        """The policy's mind about this client has changed.

        If `about` is not empty, subscriptions with that in their filters end unless they are still allowed.
        """
        self.forget_permissions()
        if about and self.subscriptions is not None and self.principal is not None:
            self.subscriptions.reconsider(about, self.may_subscribe)

    def reconsider_all(self) -> None:
        """The same about everything."""
        self.forget_permissions()
        if self.subscriptions is not None and self.principal is not None:
            self.subscriptions.reconsider("", self.may_subscribe)

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

    def may_subscribe(self, topic_filter: str) -> bool:
        """Whether this filter is the client's to read."""
        return self.broker.allows(self.broker.policy.may_subscribe, self.who(), topic_filter)

    def who(self) -> Principal:
        """Who the client is; raises ProtocolError before it is known."""
        if self.principal is None:
            raise ProtocolError(f"the client is {self.state.value}")
        return self.principal

    def subscriptions_of(self) -> Subscriptions:
        """What the client is subscribed to; raises ProtocolError before it is known."""
        if self.subscriptions is None:
            raise ProtocolError(f"the client is {self.state.value}")
        return self.subscriptions
