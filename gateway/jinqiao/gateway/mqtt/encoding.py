"""From packets to bytes."""

from __future__ import annotations

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.mqtt.fields import binary, integer, remaining_length, text
from jinqiao.gateway.mqtt.packets import (
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

__all__ = ["encode"]

#: Protocol name of each level (MQTT 3.1 § 3.1, 3.1.1 § 3.1.2.1).
_NAMES = {3: "MQIsdp", 4: "MQTT"}


def encode(packet: Packet) -> bytes:
    """The bytes of a packet; raises ProtocolError for a value that has none."""
    flags, body = _body(packet)
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


def _connect(packet: Connect) -> bytes:
    if packet.level not in _NAMES:
        raise ProtocolError(f"protocol level {packet.level} is not supported")
    flags = packet.clean_session << 1
    fields = [text(packet.client_id)]
    if packet.will is not None:
        flags |= 4 | packet.will.qos << 3 | packet.will.retain << 5
        fields += [text(packet.will.topic), binary(packet.will.payload)]
    if packet.username is not None:
        flags |= 0x80
        fields.append(text(packet.username))
    if packet.password is not None:
        flags |= 0x40
        fields.append(binary(packet.password))
    head = text(_NAMES[packet.level]) + bytes((packet.level, flags)) + integer(packet.keep_alive_s)
    return head + b"".join(fields)
