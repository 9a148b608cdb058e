"""From bytes to packets. Total: whatever comes in, what comes out is a packet or a ProtocolError.

The broker's fast path reads PUBLISH on its own (see `stream`); everything else, and every client, goes through here.
"""

from __future__ import annotations

from collections.abc import Callable

from jinqiao.base.errors import ProtocolError

from .fields import FieldReader
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
    Will,
)
from .properties import NO_PROPERTIES, WILL, Properties, Property, decode_properties
from .reasons import Reason
from .topics import check_filter, check_name

__all__ = ["UnsupportedLevel", "decode"]

#: Low four bits that a packet must have; 0 for those not here, free for PUBLISH (§ 2.2.2).
_FLAGS = {PacketType.PUBREL: 2, PacketType.SUBSCRIBE: 2, PacketType.UNSUBSCRIBE: 2}

#: Protocol name of each level we speak (MQTT 3.1 § 3.1, 3.1.1 § 3.1.2.1).
_NAMES = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}


class UnsupportedLevel(ProtocolError):
    """CONNECT of a version not spoken here; `level` is the one asked for, `reason` the 3.1.1 return code."""

    def __init__(self, level: int) -> None:
        self.level = level
        super().__init__(f"protocol level {level} is not supported [MQTT-3.1.2-2]", reason=1)


def decode(first: int, body: bytes, level: int = 4) -> Packet:
    """The packet with this first byte and this body on a connection of this level; raises ProtocolError, nothing else.

    CONNECT says its own level.
    """
    try:
        kind = PacketType(first >> 4)
    except ValueError:
        raise ProtocolError(f"packet type {first >> 4} is reserved", Reason.MALFORMED) from None
    flags = first & 0x0F
    if kind is PacketType.AUTH and level < 5:
        raise ProtocolError("packet type 15 is reserved")
    if kind is PacketType.PUBLISH:
        return _decode_publish(flags, body, level)
    if flags != _FLAGS.get(kind, 0):
        raise ProtocolError(f"{kind.name} with flags {flags:04b} [MQTT-2.2.2-2]", Reason.MALFORMED)
    reader = FieldReader(body)
    packet = _DECODERS[kind](kind, reader, level)
    reader.expect_end(kind.name)
    return packet


def _decode_connect(_: PacketType, reader: FieldReader, __: int) -> Connect:
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
    if has_password and not has_username and level < 5:
        raise ProtocolError("CONNECT with a password and no user name [MQTT-3.1.2-22]")
    properties = decode_properties(reader, PacketType.CONNECT) if level == 5 else NO_PROPERTIES
    if Property.AUTHENTICATION_DATA in properties and Property.AUTHENTICATION_METHOD not in properties:
        raise ProtocolError("authentication data without a method", Reason.PROTOCOL_ERROR)
    client_id = reader.text("client identifier")
    will = None
    if has_will:
        will_properties = decode_properties(reader, WILL) if level == 5 else NO_PROPERTIES
        topic = reader.text("will topic")
        check_name(topic)
        will = Will(topic, reader.binary("will message"), will_qos, will_retain, will_properties)
    username = reader.text("user name") if has_username else None
    password = reader.binary("password") if has_password else None
    return Connect(client_id, bool(flags & 2), keep_alive_s, username, password, will, level, properties)


def _decode_publish(flags: int, body: bytes, level: int) -> Publish:
    qos, duplicate = flags >> 1 & 3, bool(flags & 8)
    if qos == 3:
        raise ProtocolError("PUBLISH at QoS 3 [MQTT-3.3.1-4]", Reason.MALFORMED)
    if duplicate and not qos:
        raise ProtocolError("PUBLISH at QoS 0 marked as duplicate [MQTT-3.3.1-2]", Reason.MALFORMED)
    reader = FieldReader(body)
    topic = reader.text("topic name")
    packet_id = reader.packet_id() if qos else 0
    properties = decode_properties(reader, PacketType.PUBLISH) if level == 5 else NO_PROPERTIES
    if topic or Property.TOPIC_ALIAS not in properties:
        check_name(topic)
    if Property.RESPONSE_TOPIC in properties:
        check_name(properties[Property.RESPONSE_TOPIC])  # [MQTT5-3.3.2-14]
    return Publish(topic, reader.rest(), qos, bool(flags & 1), duplicate, packet_id, properties)


def _decode_subscribe(_: PacketType, reader: FieldReader, level: int) -> Subscribe:
    packet_id, filters = reader.packet_id(), []
    properties = decode_properties(reader, PacketType.SUBSCRIBE) if level == 5 else NO_PROPERTIES
    while not reader.at_end():
        topic_filter, options = reader.text("topic filter"), reader.byte()
        check_filter(topic_filter)
        if options & 3 == 3 or options > (0x2F if level == 5 else 2):
            requirement = "MQTT5-3.8.3-5" if level == 5 else "MQTT-3.8.3-4"
            raise ProtocolError(f"SUBSCRIBE with options {options:#04x} [{requirement}]", Reason.MALFORMED)
        if options & 4 and topic_filter.startswith("$share/"):
            raise ProtocolError("No Local on a shared subscription [MQTT5-3.8.3-4]", Reason.PROTOCOL_ERROR)
        filters.append((topic_filter, options))
    if not filters:
        raise ProtocolError("SUBSCRIBE to nothing [MQTT-3.8.3-3]", Reason.PROTOCOL_ERROR)
    return Subscribe(packet_id, tuple(filters), properties)


def _decode_unsubscribe(_: PacketType, reader: FieldReader, level: int) -> Unsubscribe:
    packet_id, filters = reader.packet_id(), []
    properties = decode_properties(reader, PacketType.UNSUBSCRIBE) if level == 5 else NO_PROPERTIES
    while not reader.at_end():
        filters.append(reader.text("topic filter"))
        check_filter(filters[-1])
    if not filters:
        raise ProtocolError("UNSUBSCRIBE from nothing [MQTT-3.10.3-2]", Reason.PROTOCOL_ERROR)
    return Unsubscribe(packet_id, tuple(filters), properties)


def _decode_connack(_: PacketType, reader: FieldReader, level: int) -> Connack:
    flags = reader.byte()
    if flags > 1:
        raise ProtocolError("CONNACK with reserved flags set")
    code = reader.byte()
    properties = decode_properties(reader, PacketType.CONNACK) if level == 5 else NO_PROPERTIES
    return Connack(code, bool(flags), properties)


def _decode_suback(_: PacketType, reader: FieldReader, level: int) -> Suback:
    packet_id = reader.packet_id()
    properties = decode_properties(reader, PacketType.SUBACK) if level == 5 else NO_PROPERTIES
    codes = tuple(reader.rest())
    if level < 5 and any(code not in (0, 1, 2, 0x80) for code in codes):
        raise ProtocolError("SUBACK with a reserved return code [MQTT-3.9.3-2]")
    return Suback(packet_id, codes, properties)


def _decode_acknowledgement(kind: PacketType, reader: FieldReader, level: int) -> Puback:
    packet_id = reader.packet_id()
    reason, properties = _outcome(kind, reader) if level == 5 else (0, NO_PROPERTIES)
    return Puback(packet_id, kind, reason, properties)


def _decode_unsuback(_: PacketType, reader: FieldReader, level: int) -> Unsuback:
    packet_id = reader.packet_id()
    if level < 5:
        return Unsuback(packet_id)
    properties = decode_properties(reader, PacketType.UNSUBACK)
    return Unsuback(packet_id, tuple(reader.rest()), properties)


def _decode_signal(kind: PacketType, reader: FieldReader, level: int) -> Signal:
    if level < 5 or kind not in (PacketType.DISCONNECT, PacketType.AUTH):
        return Signal(kind)
    return Signal(kind, *_outcome(kind, reader))


def _outcome(kind: PacketType, reader: FieldReader) -> tuple[int, Properties]:
    """Reason code and properties at the end of a packet, both of which may be left out (MQTT 5 § 3.4.2.1)."""
    reason = 0 if reader.at_end() else reader.byte()
    return reason, NO_PROPERTIES if reader.at_end() else decode_properties(reader, kind)


_DECODERS: dict[PacketType, Callable[[PacketType, FieldReader, int], Packet]] = {
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
    PacketType.AUTH: _decode_signal,
}
