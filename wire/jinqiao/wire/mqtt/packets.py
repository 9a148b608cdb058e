"""The packets of MQTT 3.1, 3.1.1 and 5 as values (OASIS MQTT 3.1.1 and MQTT 5, chapters 2 and 3).

`properties` and reason codes are MQTT 5's; elsewhere they are empty and 0. Paragraphs are those of 3.1.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from .properties import NO_PROPERTIES, Properties

__all__ = [
    "Connack",
    "Connect",
    "Packet",
    "PacketType",
    "Puback",
    "Publish",
    "Signal",
    "Suback",
    "Subscribe",
    "Unsuback",
    "Unsubscribe",
    "Will",
]


class PacketType(IntEnum):
    """High four bits of the first byte (§ 2.2.1)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    #: MQTT 5 only (MQTT 5 § 3.15).
    AUTH = 15


def _none() -> Properties:
    return NO_PROPERTIES


@dataclass(frozen=True, slots=True)
class Will:
    """The message a broker publishes for a client that is lost."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Connect:
    """A login (§ 3.1). Level 3 is MQTT 3.1, 4 is 3.1.1; `clean_session` is what MQTT 5 calls Clean Start."""

    type: ClassVar[PacketType] = PacketType.CONNECT
    client_id: str
    clean_session: bool = True
    keep_alive_s: int = 0
    username: str | None = None
    password: bytes | None = None
    will: Will | None = None
    level: int = 4
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Connack:
    """Its answer (§ 3.2): 0, or why not."""

    type: ClassVar[PacketType] = PacketType.CONNACK
    code: int = 0
    session_present: bool = False
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Publish:
    """A message (§ 3.3); `packet_id` is 0 at QoS 0."""

    type: ClassVar[PacketType] = PacketType.PUBLISH
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    duplicate: bool = False
    packet_id: int = 0
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Puback:
    """A packet of nothing but an identifier: PUBACK, PUBREC, PUBREL or PUBCOMP (§ 3.4 to 3.7)."""

    packet_id: int
    type: PacketType = PacketType.PUBACK
    reason: int = 0
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Filters, each with its options: the QoS asked for, and more in MQTT 5 (§ 3.8; MQTT 5 § 3.8.3.1)."""

    type: ClassVar[PacketType] = PacketType.SUBSCRIBE
    packet_id: int
    filters: tuple[tuple[str, int], ...]
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Suback:
    """The QoS granted to each, or 0x80 (§ 3.9)."""

    type: ClassVar[PacketType] = PacketType.SUBACK
    packet_id: int
    codes: tuple[int, ...]
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Filters no longer wanted (§ 3.10)."""

    type: ClassVar[PacketType] = PacketType.UNSUBSCRIBE
    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Unsuback:
    """Its answer (§ 3.11); in MQTT 5 with a reason code for each filter."""

    type: ClassVar[PacketType] = PacketType.UNSUBACK
    packet_id: int
    codes: tuple[int, ...] = ()
    properties: Properties = field(default_factory=_none)


@dataclass(frozen=True, slots=True)
class Signal:
    """A packet of nothing but, in MQTT 5, a reason: PINGREQ, PINGRESP, DISCONNECT (§ 3.12 to 3.14) or AUTH."""

    type: PacketType
    reason: int = 0
    properties: Properties = field(default_factory=_none)


Packet = Connect | Connack | Publish | Puback | Subscribe | Suback | Unsubscribe | Unsuback | Signal
