"""What a broker asks of the house it stands in: who are you, may you, and what should happen to this message.

The broker knows MQTT and nothing of the platform; the platform knows its rules and nothing of sockets. Everything here
takes values and returns values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.alink.topics import ANSWERED_IN_PLACE
from jinqiao.wire.mqtt.rates import Rates

__all__ = [
    "ANSWERED_IN_PLACE",
    "Acknowledging",
    "Carrier",
    "Downlink",
    "Extras",
    "Ignored",
    "Login",
    "Policy",
    "Principal",
    "Rates",
    "Refused",
]


@dataclass(frozen=True, slots=True)
class Login:
    """What a CONNECT packet said, and where it came from."""

    client_id: str
    username: str | None
    password: bytes | None
    protocol_level: int
    clean_session: bool
    keep_alive_s: int
    peer: str = ""


@dataclass(slots=True, eq=False)
class Principal:
    """Somebody who may be connected.

    `identity` is what a second login takes over (a device's `product_key` and `device_name`, else the client id).
    `trusted` skips permission, and `receive` but for topics the policy `handles_trusted`: only our own simulator.
    `lossless` pauses this publisher, instead of dropping, while a subscriber that is still reading is behind.
    """

    name: str
    kind: Literal["device", "application", "anonymous", "simulator", "registering"]
    identity: str
    keep_alive_s: int
    trusted: bool = False
    lossless: bool = False
    #: Gets the platform's downlinks without SUBSCRIBE (`_ss=1` in the client id).
    auto_subscribed: bool = False
    #: Highest QoS granted, filters per SUBSCRIBE, subscriptions, bytes per payload.
    max_qos: int = 1
    max_filters: int = 8
    max_subscriptions: int = 100
    max_payload: int = 262_144
    #: Bytes of a topic or filter; messages it may have retained.
    longest_topic: int = 256
    max_retained: int = 100
    #: Whether it may leave wills and retained messages, and give its subscriptions identifiers (MQTT 5).
    retains: bool = False
    identifiers: bool = False
    #: None: as much as it likes.
    rates: Rates | None = None
    #: Whether a PUBLISH without permission ends the connection, instead of being dropped.
    cut_off: bool = False
    #: Whatever the policy wants to find again.
    subject: Any = field(default=None, repr=False)


class Refused(ProtocolError):
    """A login is refused; `reason` is the CONNACK return code of MQTT 3.1.1 § 3.2.2.3."""


class Ignored(Refused):
    """A login is refused without a word: the connection closes and no CONNACK comes."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What a message has beside topic, payload and QoS: of MQTT 5 only, but for `retain`.

    `properties` are encoded, without their length, as they are passed on; `expiry_s` is counted down. `sender` is whose
    the message is: what is retained is bounded for each.
    """

    sender: str
    retain: bool = False
    properties: bytes = b""
    expiry_s: int | None = None


@dataclass(frozen=True, slots=True)
class Downlink:
    """A message the platform itself publishes."""

    topic: str
    payload: bytes
    qos: int = 0
    extras: Extras | None = None


class Policy(Protocol):
    """The broker's questions, asked at logins and once per topic; `receive` is called for each untrusted message."""

    def authenticate(self, login: Login) -> Principal:
        """Who this is; raises Refused with a CONNACK code."""

    def renewed(self, principal: Principal) -> Principal | None:
        """A client that is away as it would be admitted now, itself if its rights depend on nothing that may have
        changed; None where there is nobody of that name any more."""

    def may_publish(self, principal: Principal, topic: str) -> bool:
        """Whether this topic name is the principal's to write."""

    def may_retain(self, principal: Principal, topic: str) -> bool:
        """Whether a message to this topic, which it may publish to, is kept for later subscribers if it asks so."""

    def may_subscribe(self, principal: Principal, topic_filter: str) -> bool:
        """Whether every topic this filter can match is the principal's to read."""

    def only_for(self, principal: Principal, topic_filter: str) -> str:
        """Whose topics alone this filter yields once it is granted, for `is_for`; empty for all that it matches."""

    def is_for(self, reader: str, topic: str) -> bool:
        """Whether this topic is to be delivered to whom `only_for` has named; asked once per topic."""

    def handles(self, topic: str) -> bool:
        """Whether `receive` does anything with this topic; asked once per topic, so it may not depend on the sender."""

    def handles_trusted(self, topic: str) -> bool:
        """Whether `receive` is to see this topic's messages also when they come from a trusted connection."""

    def receive(self, principal: Principal, topic: str, payload: bytes) -> Iterable[Downlink]:
        """Act on an uplink of a topic this policy handles and say what to publish in answer; () for nothing."""

    def kind(self, topic: str) -> str:
        """The topic's kind, under which it is counted: `property_post`, `event_post`, `custom`, `other` …"""

    def pushed_to(self, topic: str) -> str | None:
        """Identity of the device that gets this downlink topic unasked if it is auto-subscribed, or None."""

    def throttled(self, principal: Principal, topic: str) -> None:
        """Messages of this client, or to it, are being dropped because of its rates; called once a second."""

    def refused(self, principal: Principal, topic: str, why: str) -> None:
        """A limit of the broker refuses what this client asks for on a topic, or with a filter; it stays connected."""

    def expelled(self, principal: Principal, error: ProtocolError) -> None:
        """This client breaks the rules, is silent, or sends too large a packet: its connection is about to be ended."""

    def connected(self, principal: Principal) -> None:
        """A login was accepted."""

    def disconnected(self, principal: Principal) -> None:
        """Its connection ended (not called when another login of the same identity took over)."""


class Acknowledging(Protocol):
    """When a client's QoS 1 and 2 messages may be acknowledged: once what the house has to keep of them is kept."""

    @property
    def behind(self) -> bool:
        """Whether something that came before is not kept yet."""

    def then(self, call: Callable[[], None]) -> None:
        """Call this when all that has come so far is kept, in the order of the calls; never, if it cannot be kept."""


class Carrier(Protocol):
    """What a policy may ask of its broker, at any time, from the event loop."""

    def publish(self, topic: str, payload: bytes, qos: int = 0, extras: Extras | None = None) -> None:
        """Publish for the platform itself, to subscribers and to the device the topic is pushed to."""

    def deliver(self, identity: str, downlink: Downlink) -> None:
        """The same to one client, whatever it is subscribed to."""

    def takes(self, identity: str, topic: str, size: int) -> bool | None:
        """Whether a message of `size` bytes that this client sent by another way is within the rates of its connection,
        in which it counts; None if it has no connection."""

    def end(self, identity: str, *, for_good: bool = False) -> None:
        """End the connection of an identity, if it has one; `for_good` also the session that would go on."""

    def reconsider(self, identity: str, about: str = "") -> None:
        """Ask the policy again what this identity may publish and is pushed, and about subscriptions with `about`."""

    def permissions_changed(self) -> None:
        """Ask the policy again about everything and everybody."""
