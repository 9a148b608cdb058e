"""From bytes to packets. Total: whatever comes in, what comes out is a packet or a ProtocolError.

The broker's fast path reads PUBLISH on its own (see `stream`); everything else, and every client, goes through here.
"""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.base.errors import ProtocolError
from jinqiao.gateway.mqtt.fields import FieldReader
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
    Will,
)
from jinqiao.gateway.mqtt.topics import check_filter, check_name

__all__ = ["UnsupportedLevel", "decode"]

#: Low four bits that a packet must have; 0 for those not here, free for PUBLISH (§ 2.2.2).
_FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}

#: Protocol name of each level we speak (MQTT 3.1 § 3.1, 3.1.1 § 3.1.2.1).
_NAMES = {3: "MQIsdp", 4: "MQTT"}


class UnsupportedLevel(ProtocolError):
    """CONNECT of a version not spoken here; `level` is the one asked for, `reason` the 3.1.1 return code."""

    def __init__(self, level: int) -> None:
        self.level = level
        super().__init__(f"protocol level {level} is not supported [MQTT-3.1.2-2]", reason=1)


def decode(first: int, body: bytes) -> Packet:
    """The packet with this first byte and this body; raises ProtocolError and nothing else."""
    try:
        kind = PacketType(first >> 4)
    except ValueError:
        raise ProtocolError(f"packet type {first >> 4} is reserved") from None
    flags = first & 0x0F
    if kind is PacketType.PUBLISH:
        return _decode_publish(flags, body)
    if flags != _FLAGS.get(kind, 0):
        raise ProtocolError(f"{kind.name} with flags {flags:04b} [MQTT-2.2.2-2]")
    reader = FieldReader(body)
    packet = _DECODERS[kind](kind, reader)
    reader.expect_end(kind.name)
    return packet


def _decode_connect(_: PacketType, reader: FieldReader) -> Connect:
    name, level = reader.text("protocol name"), reader.byte()
    if name not in _NAMES.values():
        raise ProtocolError(f"protocol name {name[:20]!r} [MQTT-3.1.2-1]")
    if _NAMES.get(level) != name:
        raise UnsupportedLevel(level)
    flags, keep_alive_s = reader.byte(), reader.integer()
    has_will, will_qos, will_retain = bool(flags & 4), flags >> 3 & 3, bool(flags & 0x20)
    has_username, has_password = bool(flags & 0x80), bool(flags & 0x40)
    if flags & 1:
        raise ProtocolError("CONNECT with its reserved flag set [MQTT-3.1.2-3]")
    if will_qos == 3 or (not has_will and (will_qos or will_retain)):
        raise ProtocolError("CONNECT with impossible will flags [MQTT-3.1.2-13 to 15]")
    if has_password and not has_username:
        raise ProtocolError("CONNECT with a password and no user name [MQTT-3.1.2-22]")
    client_id = reader.text("client identifier")
    will = None
    if has_will:
        topic = reader.text("will topic")
        check_name(topic)
        will = Will(topic, reader.binary("will message"), will_qos, will_retain)
    username = reader.text("user name") if has_username else None
    password = reader.binary("password") if has_password else None
    return Connect(client_id, bool(flags & 2), keep_alive_s, username, password, will, level)


def _decode_publish(flags: int, body: bytes) -> Publish:
    qos, duplicate = flags >> 1 & 3, bool(flags & 8)
    if qos == 3:
        raise ProtocolError("PUBLISH at QoS 3 [MQTT-3.3.1-4]")
    if duplicate and not qos:
        raise ProtocolError("PUBLISH at QoS 0 marked as duplicate [MQTT-3.3.1-2]")
    reader = FieldReader(body)
    topic = reader.text("topic name")
    check_name(topic)
    packet_id = reader.packet_id() if qos else 0
    return Publish(topic, reader.rest(), qos, bool(flags & 1), duplicate, packet_id)


def _decode_subscribe(_: PacketType, reader: FieldReader) -> Subscribe:
    packet_id, filters = reader.packet_id(), []
    while not reader.at_end():
        topic_filter, qos = reader.text("topic filter"), reader.byte()
        check_filter(topic_filter)
        if qos > 2:
            raise ProtocolError(f"SUBSCRIBE with options {qos:#04x} [MQTT-3.8.3-4]")
        filters.append((topic_filter, qos))
    if not filters:
        raise ProtocolError("SUBSCRIBE to nothing [MQTT-3.8.3-3]")
    return Subscribe(packet_id, tuple(filters))


def _decode_unsubscribe(_: PacketType, reader: FieldReader) -> Unsubscribe:
    packet_id, filters = reader.packet_id(), []
    while not reader.at_end():
        filters.append(reader.text("topic filter"))
        check_filter(filters[-1])
    if not filters:
        raise ProtocolError("UNSUBSCRIBE from nothing [MQTT-3.10.3-2]")
    return Unsubscribe(packet_id, tuple(filters))


def _decode_connack(_: PacketType, reader: FieldReader) -> Connack:
    flags = reader.byte()
    if flags > 1:
        raise ProtocolError("CONNACK with reserved flags set")
    return Connack(reader.byte(), bool(flags))


def _decode_suback(_: PacketType, reader: FieldReader) -> Suback:
    packet_id, codes = reader.packet_id(), tuple(reader.rest())
    if any(code not in (0, 1, 2, 0x80) for code in codes):
        raise ProtocolError("SUBACK with a reserved return code [MQTT-3.9.3-2]")
    return Suback(packet_id, codes)


def _decode_acknowledgement(kind: PacketType, reader: FieldReader) -> Puback:
    return Puback(reader.packet_id(), kind)


def _decode_unsuback(_: PacketType, reader: FieldReader) -> Unsuback:
    return Unsuback(reader.packet_id())


def _decode_signal(kind: PacketType, _: FieldReader) -> Signal:
    return Signal(kind)


_DECODERS: dict[PacketType, Callable[[PacketType, FieldReader], Packet]] = {
    PacketType.CONNECT: _decode_connect,
    PacketType.CONNACK: _decode_connack,
    PacketType.PUBACK: _decode_acknowledgement,
    PacketType.PUBREC: _decode_acknowledgement,
    PacketType.PUBREL: _decode_acknowledgement,
    PacketType.PUBCOMP: _decode_acknowledgement,
    PacketType.SUBSCRIBE: _decode_subscribe,
    PacketType.SUBACK: _decode_suback,
    PacketType.UNSUBSCRIBE: _decode_unsubscribe,
    PacketType.UNSUBACK: _decode_unsuback,
    PacketType.PINGREQ: _decode_signal,
    PacketType.PINGRESP: _decode_signal,
    PacketType.DISCONNECT: _decode_signal,
}
