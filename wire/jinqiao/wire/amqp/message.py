"""Bare messages as the platform forwards them (AMQP 1.0 part 3 § 3.2): octets that consumers are sent unchanged.

The layout is fixed, so that many messages can be rendered at once, in columns. Lengths that depend on the topic or on
the body always have four octets; a row in which both have the same number of octets differs from another only in
values. With `t` octets of topic (UTF-8), `m` of message id (19 digits), `b` of body, all numbers big-endian:

    octet       what
    0           00 53 73                 properties
    3           c0 size count            list of one field; size 3 + m, count 01
    6           a1 m, message id         string
    8 + m       00 53 74                 application properties
    11 + m      d1 size count            map; size 4 octets: 59 + t + m; count 4 octets: 8
    20 + m      a1 05 "topic"
    27 + m      b1 length, topic         string, length in 4 octets
    32 + m + t  a1 09 "messageId"
    43 + m + t  a1 m, message id         string
    45 + 2m + t a1 0c "generateTime"
    59 + 2m + t 81 generate time         long, ms since 1970, 8 octets
    68 + 2m + t a1 03 "qos"
    73 + 2m + t 54 qos                   int, 1 octet
    75 + 2m + t 00 53 75                 data section
    78 + 2m + t b0 length, body          binary, length in 4 octets
    83 + 2m + t + b                      end

What the broker says of a delivery, such as how often it was tried, is a header section before the bare message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .decoding import Decoder
from .encoding import encode_value
from .errors import AmqpError
from .values import Described, Int, Long, Map, Ulong

__all__ = ["ForwardedMessage", "decode_message", "encode_message", "split_body"]

#: Descriptors of the sections (part 3 § 3.2).
HEADER, PROPERTIES, APPLICATION_PROPERTIES, DATA = 0x70, 0x73, 0x74, 0x75

_MESSAGE_ID: Final = struct.Struct(">BB")
_TOPIC: Final = encode_value("topic") + b"\xb1"
_MESSAGE_ID_KEY, _TIME_KEY, _QOS_KEY = (encode_value(key) for key in ("messageId", "generateTime", "qos"))
_MAP_SIZE: Final = 59
_DATA_HEAD: Final = b"\x00\x53\x75\xb0"
_U32: Final = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class ForwardedMessage:
    """A bare message as a consumer sees it; `tries` is the header's delivery-count, 0 without one."""

    topic: str
    message_id: str
    generated_ms: int
    qos: int
    body: bytes
    tries: int = 0


def encode_message(topic: str, message_id: str, generated_ms: int, qos: int, body: bytes) -> bytes:
    """The octets of a bare message, in the layout above; raises AmqpError for a message id of more than 249 octets."""
    name, number = topic.encode(), message_id.encode()
    if len(number) > 249:
        raise AmqpError(f"message id of {len(number)} octets")
    id_value = _MESSAGE_ID.pack(0xA1, len(number)) + number
    return b"".join(
        (
            b"\x00\x53\x73\xc0",
            _MESSAGE_ID.pack(3 + len(number), 1),
            id_value,
            b"\x00\x53\x74\xd1",
            struct.pack(">II", _MAP_SIZE + len(name) + len(number), 8),
            _TOPIC,
            _U32.pack(len(name)),
            name,
            _MESSAGE_ID_KEY,
            id_value,
            _TIME_KEY,
            struct.pack(">Bq", 0x81, generated_ms),
            _QOS_KEY,
            struct.pack(">Bb", 0x54, qos),
            _DATA_HEAD,
            _U32.pack(len(body)),
            body,
        )
    )


def decode_message(data: bytes) -> ForwardedMessage:
    """What is in a message of ours, with or without a header; raises AmqpError, also where a section is missing."""
    sections = _sections(data)
    header, properties, said = sections.get(HEADER, ()), sections.get(PROPERTIES), sections.get(APPLICATION_PROPERTIES)
    body = sections.get(DATA)
    if not isinstance(properties, tuple) or not properties or not isinstance(said, Map) or not isinstance(body, bytes):
        raise AmqpError("a section of a forwarded message is missing")
    tries = header[4] if isinstance(header, tuple) and len(header) > 4 else 0
    topic, number, time, qos = (said.get(key) for key in ("topic", "messageId", "generateTime", "qos"))
    if not isinstance(topic, str) or not isinstance(time, Long) or not isinstance(qos, Int) or number != properties[0]:
        raise AmqpError("an application property of a forwarded message is missing")
    return ForwardedMessage(topic, str(number), int(time), int(qos), body, int(tries or 0))


def split_body(message: bytes) -> tuple[bytes, bytes]:
    """A bare message in the layout above as all before its body's length, and the body; raises AmqpError."""
    id_size = message[7] if len(message) > 7 else 0
    topic_at = 28 + id_size
    if len(message) < topic_at + 4:
        raise AmqpError("not a forwarded message", position=len(message))
    head = 79 + 2 * id_size + int(_U32.unpack_from(message, topic_at)[0])
    if message[head - 4 : head] != _DATA_HEAD:
        raise AmqpError("not a forwarded message", position=head - 4)
    return message[:head], message[head + 4 :]


def _sections(data: bytes) -> dict[int, object]:
    decoder, found = Decoder(data), dict[int, object]()
    while decoder.position < decoder.end:
        at = decoder.position
        section = decoder.value()
        if not isinstance(section, Described) or not isinstance(section.descriptor, Ulong):
            raise AmqpError("not a section of a message", position=at)
        found[int(section.descriptor)] = section.value
    return found
