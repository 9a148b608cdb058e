"""From packets to bytes."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError

from .fields import binary, integer, remaining_length, text
from .packets import (
    Connack,
    Connect,
    Packet,
    PacketType,
    Puback,
    Publish,
    Signal,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
)
from .properties import Properties, encode_properties

__all__ = ["encode"]

#: Protocol name of each level (MQTT 3.1 § 3.1, 3.1.1 § 3.1.2.1, MQTT 5 § 3.1.2.1).
_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}


def encode(packet: Packet, level: int = 4) -> bytes:
    """The bytes of a packet on a connection of this protocol level; raises ProtocolError for a value that has none.

    CONNECT brings its own level.
    """
    flags, body = _body(packet) if level < 5 or isinstance(packet, Connect) else _body_5(packet)
    return bytes((packet.type << 4 | flags,)) + remaining_length(len(body)) + body


def _body(packet: Packet) -> tuple[int, bytes]:
    """Flags of the first byte, and what follows the fixed header."""
    match packet:
        case Connect():
            return 0, _connect(packet)
        case Connack(code, session_present):
            return 0, bytes((session_present, code))
        case Publish(topic, payload, qos, retain, duplicate, packet_id):
            head = text(topic) + (integer(packet_id) if qos else b"")
            return duplicate << 3 | qos << 1 | retain, head + payload
        case Puback(packet_id, kind):
            return 2 if kind is PacketType.PUBREL else 0, integer(packet_id)
        case Subscribe(packet_id, filters):
            return 2, integer(packet_id) + b"".join(text(name) + bytes((qos,)) for name, qos in filters)
        case Suback(packet_id, codes):
            return 0, integer(packet_id) + bytes(codes)
        case Unsubscribe(packet_id, names):
            return 2, integer(packet_id) + b"".join(map(text, names))
        case Unsuback(packet_id):
            return 0, integer(packet_id)
        case Signal():
            return 0, b""


def _body_5(packet: Packet) -> tuple[int, bytes]:
    """The same in MQTT 5. Where reason and properties are nothing they are left out, if the standard lets them be."""
    match packet:
        case Connack(code, session_present, properties):
            return 0, bytes((session_present, code)) + encode_properties(properties)
        case Publish(topic, payload, qos, retain, duplicate, packet_id, properties):
            head = text(topic) + (integer(packet_id) if qos else b"") + encode_properties(properties)
            return duplicate << 3 | qos << 1 | retain, head + payload
        case Puback(packet_id, kind, reason, properties):
            return 2 if kind is PacketType.PUBREL else 0, integer(packet_id) + _outcome(reason, properties)
        case Subscribe(packet_id, filters, properties):
            named = b"".join(text(name) + bytes((options,)) for name, options in filters)
            return 2, integer(packet_id) + encode_properties(properties) + named
        case Suback(packet_id, codes, properties) | Unsuback(packet_id, codes, properties):
            return 0, integer(packet_id) + encode_properties(properties) + bytes(codes)
        case Unsubscribe(packet_id, names, properties):
            return 2, integer(packet_id) + encode_properties(properties) + b"".join(map(text, names))
        case Signal(kind, reason, properties) if kind in (PacketType.DISCONNECT, PacketType.AUTH):
            return 0, _outcome(reason, properties)
        case _:
            return 0, b""


def _outcome(reason: int, properties: Properties) -> bytes:
    if properties:
        return bytes((reason,)) + encode_properties(properties)
    return bytes((reason,)) if reason else b""


def _connect(packet: Connect) -> bytes:
    if packet.level not in _NAMES:
        raise ProtocolError(f"protocol level {packet.level} is not supported")
    flags = packet.clean_session << 1
    five = packet.level == 5
    fields = [encode_properties(packet.properties)] if five else []
    fields.append(text(packet.client_id))
    if packet.will is not None:
        flags |= 4 | packet.will.qos << 3 | packet.will.retain << 5
        if five:
            fields.append(encode_properties(packet.will.properties))
        fields += [text(packet.will.topic), binary(packet.will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(text(packet.username))
    if packet.password is not None:
        flags |= 0x40
        fields.append(binary(packet.password))
    head = text(_NAMES[packet.level]) + bytes((packet.level, flags)) + integer(packet.keep_alive_s)
    return head + b"".join(fields)
