"""One message taken apart: for all that cannot be forwarded as it came.

Retained messages, wills, QoS 2, MQTT 5 with properties, and everything for a subscriber that needs a form of its own:
an identifier, a topic alias, an expiry counted down. What several subscribers can share is encoded once.
"""

from __future__ import annotations

from math import ceil, inf

from jinqiao.wire.mqtt.fields import integer, remaining_length, variable

__all__ = ["Letter", "Message", "Style"]

#: What a message costs besides its bytes, roughly: objects and dicts of Python.
_OVERHEAD_BYTES = 200
#: Identifiers of MESSAGE_EXPIRY, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS (MQTT 5 table 2-4).
_EXPIRY, _IDENTIFIER, _ALIAS = b"\x02", b"\x0b", b"\x23"


class Message:
    """`topic` is encoded; `properties` are those of MQTT 5 that are passed on as they are, without their length.

    `expires_at` is on the broker's clock. `sender` is the identity of the publisher, for No Local.
    """

    __slots__ = ("_shared", "expires_at", "payload", "properties", "qos", "retain", "sender", "size", "topic")

    def __init__(
        self,
        topic: bytes,
        payload: bytes,
        qos: int = 0,
        retain: bool = False,
        properties: bytes = b"",
        expires_at: float = inf,
        sender: str = "",
    ) -> None:
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
        self.expires_at = expires_at
        self.sender = sender
        self.size = len(topic) + len(payload) + len(properties) + _OVERHEAD_BYTES
        self._shared: dict[tuple[int, int, tuple[int, ...]], bytes] = {}

    def packet(self, letter: Letter, level: int) -> bytes:
        """A PUBLISH without alias and expiry; at QoS 0 made once for all that can share it."""
        first = letter.first
        if letter.qos:
            return _assemble(first, self.topic, letter.packet_id, self.tail(level, letter.identifiers))
        key = (level, first, letter.identifiers)
        packet = self._shared.get(key)
        if packet is None:
            packet = self._shared[key] = _assemble(first, self.topic, 0, self.tail(level, letter.identifiers))
        return packet

    def tail(self, level: int, identifiers: tuple[int, ...], more: bytes = b"") -> bytes:
        """What follows the packet identifier: at level 5 the properties, then the payload."""
        if level < 5:
            return self.payload
        properties = more + b"".join(_IDENTIFIER + variable(number) for number in identifiers) + self.properties
        return variable(len(properties)) + properties + self.payload


class Letter:
    """A message on its way to one subscriber."""

    __slots__ = ("duplicate", "identifiers", "message", "packet_id", "qos", "retain")

    def __init__(self, message: Message, qos: int, retain: bool = False, identifiers: tuple[int, ...] = ()) -> None:
        self.message = message
        self.qos = qos
        self.retain = retain
        self.identifiers = identifiers
        self.packet_id = 0
        self.duplicate = False

    def __len__(self) -> int:
        return 1

    @property
    def first(self) -> int:
        """First byte of its PUBLISH."""
        return 0x30 | self.duplicate << 3 | self.qos << 1 | self.retain


class Style:
    """How one connection wants its packets: protocol level, topic aliases it takes, its longest packet."""

    __slots__ = ("_alias_maximum", "_aliases", "level", "max_packet")

    def __init__(self, level: int = 4, alias_maximum: int = 0, max_packet: int | None = None) -> None:
        self.level = level
        self.max_packet = max_packet
        self._alias_maximum = alias_maximum
        self._aliases: dict[bytes, int] | None = None

    @property
    def particular(self) -> bool:
        """Whether it cannot take every packet of its level as it came."""
        return bool(self._alias_maximum) or self.max_packet is not None

    def encode(self, letter: Letter, now: float) -> bytes:
        """The packet; b"" if the message has expired or is longer than the client takes [MQTT5-3.1.2-24]."""
        message = letter.message
        if message.expires_at <= now:
            return b""
        if self.level < 5 or (message.expires_at == inf and not self._alias_maximum):
            packet = message.packet(letter, self.level)
        else:
            packet = self._own(letter, now)
        return packet if self.max_packet is None or len(packet) <= self.max_packet else b""

    def _own(self, letter: Letter, now: float) -> bytes:
        message, more = letter.message, b""
        if message.expires_at != inf:
            more = _EXPIRY + ceil(message.expires_at - now).to_bytes(4, "big")
        topic, alias = message.topic, self._alias(message.topic)
        if alias:
            known, number = alias
            more += _ALIAS + integer(number)
            topic = b"" if known else topic
        packet = _assemble(letter.first, topic, letter.packet_id, message.tail(5, letter.identifiers, more))
        if alias and not alias[0] and (self.max_packet is None or len(packet) <= self.max_packet):
            assert self._aliases is not None
            self._aliases[message.topic] = alias[1]
        return packet

    def _alias(self, topic: bytes) -> tuple[bool, int] | None:
        """Whether the client knows the topic's alias, and the alias; None when all are given away."""
        if not self._alias_maximum:
            return None
        if self._aliases is None:
            self._aliases = {}
        number = self._aliases.get(topic)
        if number is not None:
            return True, number
        return (False, len(self._aliases) + 1) if len(self._aliases) < self._alias_maximum else None


def _assemble(first: int, topic: bytes, packet_id: int, tail: bytes) -> bytes:
    head = integer(len(topic)) + topic + (integer(packet_id) if packet_id else b"")
    return bytes((first,)) + remaining_length(len(head) + len(tail)) + head + tail
