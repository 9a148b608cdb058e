"""Properties of MQTT 5 packets (OASIS MQTT 5, § 2.2.2): one row per property, the codec walks the table.

A packet's properties are a dict from `Property` to its value: an int, a str, bytes; for User Property a tuple of pairs
in order, for Subscription Identifier a tuple of ints, since these two may come more than once.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from jinqiao.base.errors import ProtocolError

from .fields import FieldReader, binary, integer, text, variable
from .reasons import Reason

__all__ = [
    "CONSUMED",
    "NO_PROPERTIES",
    "WILL",
    "Properties",
    "Property",
    "decode_properties",
    "encode_each",
    "encode_properties",
    "passed_on",
]


class Property(IntEnum):
    """Identifiers of table 2-4."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    SERVER_KEEP_ALIVE = 0x13
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    RESPONSE_INFORMATION = 0x1A
    SERVER_REFERENCE = 0x1C
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    MAXIMUM_QOS = 0x24
    RETAIN_AVAILABLE = 0x25
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    WILDCARD_AVAILABLE = 0x28
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE = 0x29
    SHARED_AVAILABLE = 0x2A


Properties = Mapping[Property, Any]
NO_PROPERTIES: Final[Properties] = {}

#: Where a property may stand: packet types, and the will inside CONNECT.
WILL = 0
_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _UNSUBSCRIBE, _DISCONNECT, _AUTH = 1, 2, 3, 8, 10, 14, 15
_ACKS = (4, 5, 6, 7, 9, 11)

#: Form of the value, and the packets that may carry it (table 2-4).
_TABLE: dict[Property, tuple[str, frozenset[int]]] = {
    Property.PAYLOAD_FORMAT: ("flag", frozenset((_PUBLISH, WILL))),
    Property.MESSAGE_EXPIRY: ("four", frozenset((_PUBLISH, WILL))),
    Property.CONTENT_TYPE: ("text", frozenset((_PUBLISH, WILL))),
    Property.RESPONSE_TOPIC: ("text", frozenset((_PUBLISH, WILL))),
    Property.CORRELATION_DATA: ("binary", frozenset((_PUBLISH, WILL))),
    Property.SUBSCRIPTION_IDENTIFIER: ("variable", frozenset((_PUBLISH, _SUBSCRIBE))),
    Property.SESSION_EXPIRY: ("four", frozenset((_CONNECT, _CONNACK, _DISCONNECT))),
    Property.ASSIGNED_CLIENT_ID: ("text", frozenset((_CONNACK,))),
    Property.SERVER_KEEP_ALIVE: ("two", frozenset((_CONNACK,))),
    Property.AUTHENTICATION_METHOD: ("text", frozenset((_CONNECT, _CONNACK, _AUTH))),
    Property.AUTHENTICATION_DATA: ("binary", frozenset((_CONNECT, _CONNACK, _AUTH))),
    Property.REQUEST_PROBLEM_INFORMATION: ("flag", frozenset((_CONNECT,))),
    Property.WILL_DELAY: ("four", frozenset((WILL,))),
    Property.REQUEST_RESPONSE_INFORMATION: ("flag", frozenset((_CONNECT,))),
    Property.RESPONSE_INFORMATION: ("text", frozenset((_CONNACK,))),
    Property.SERVER_REFERENCE: ("text", frozenset((_CONNACK, _DISCONNECT))),
    Property.REASON_STRING: ("text", frozenset((_CONNACK, *_ACKS, _DISCONNECT, _AUTH))),
    Property.RECEIVE_MAXIMUM: ("two", frozenset((_CONNECT, _CONNACK))),
    Property.TOPIC_ALIAS_MAXIMUM: ("two", frozenset((_CONNECT, _CONNACK))),
    Property.TOPIC_ALIAS: ("two", frozenset((_PUBLISH,))),
    Property.MAXIMUM_QOS: ("flag", frozenset((_CONNACK,))),
    Property.RETAIN_AVAILABLE: ("flag", frozenset((_CONNACK,))),
    Property.USER_PROPERTY: ("pair", frozenset((WILL, *range(1, 12), _DISCONNECT, _AUTH))),
    Property.MAXIMUM_PACKET_SIZE: ("four", frozenset((_CONNECT, _CONNACK))),
    Property.WILDCARD_AVAILABLE: ("flag", frozenset((_CONNACK,))),
    Property.SUBSCRIPTION_IDENTIFIERS_AVAILABLE: ("flag", frozenset((_CONNACK,))),
    Property.SHARED_AVAILABLE: ("flag", frozenset((_CONNACK,))),
}
#: Values that would be a protocol error at 0 (§ 3.1.2.11.3, 3.1.2.11.4, 3.3.2.3.8).
_NEVER_0 = {Property.RECEIVE_MAXIMUM, Property.MAXIMUM_PACKET_SIZE, Property.SUBSCRIPTION_IDENTIFIER}

#: Those of a PUBLISH or a will that are not passed on as they came: for this connection only, counted down, or the
#: subscriber's own (§ 3.3.2.3).
CONSUMED = {
    Property.TOPIC_ALIAS,
    Property.MESSAGE_EXPIRY,
    Property.SUBSCRIPTION_IDENTIFIER,
    Property.WILL_DELAY,
}


def decode_properties(reader: FieldReader, packet: int) -> Properties:
    """Read the properties of a packet of this type; raises ProtocolError."""
    length = reader.variable("property length")
    if not length:
        return NO_PROPERTIES
    inner = FieldReader(reader.take(length, "properties"))
    found: dict[Property, Any] = {}
    while not inner.at_end():
        number = inner.variable("property identifier")
        known = _BY_NUMBER.get(number)
        if known is None or packet not in known[2]:
            raise ProtocolError(f"property {number:#04x} in packet type {packet} [MQTT5-2.2.2-2]", Reason.MALFORMED)
        name, form, _ = known
        value = _read(inner, form, name)
        if name in _NEVER_0 and not value:
            raise ProtocolError(f"{name.name} of 0", Reason.PROTOCOL_ERROR)
        if name is Property.USER_PROPERTY or (name is Property.SUBSCRIPTION_IDENTIFIER and packet == _PUBLISH):
            found[name] = (*found.get(name, ()), value)
        elif name in found:
            raise ProtocolError(f"{name.name} more than once", Reason.PROTOCOL_ERROR)
        else:
            found[name] = (value,) if name is Property.SUBSCRIPTION_IDENTIFIER else value
    return found


def encode_properties(properties: Properties) -> bytes:
    """Their bytes behind their length."""
    body = encode_each(properties)
    return variable(len(body)) + body


def encode_each(properties: Properties) -> bytes:
    """Their bytes, one after the other."""
    parts = []
    for name, value in properties.items():
        form = _TABLE[name][0]
        for one in value if form in {"pair", "variable"} else (value,):
            parts.append(bytes((name,)) + _write(form, one))
    return b"".join(parts)


def passed_on(properties: Properties) -> bytes:
    """Those of a PUBLISH that a subscriber gets as they are, encoded."""
    return encode_each({name: value for name, value in properties.items() if name not in CONSUMED})


_BY_NUMBER = {int(name): (name, form, packets) for name, (form, packets) in _TABLE.items()}


def _read(reader: FieldReader, form: str, name: Property) -> Any:
    match form:
        case "flag":
            value = reader.byte()
            if value > 1:
                raise ProtocolError(f"{name.name} of {value}", Reason.PROTOCOL_ERROR)
            return value
        case "two":
            return reader.integer(name.name)
        case "four":
            return reader.four_bytes(name.name)
        case "variable":
            return reader.variable(name.name)
        case "text":
            return reader.text(name.name)
        case "binary":
            return reader.binary(name.name)
        case _:
            return reader.text(name.name), reader.text(name.name)


def _write(form: str, value: Any) -> bytes:
    match form:
        case "flag":
            return bytes((value,))
        case "two":
            return integer(value)
        case "four":
            return int(value).to_bytes(4, "big")
        case "variable":
            return variable(value)
        case "text":
            return text(value)
        case "binary":
            return binary(value)
        case _:
            return text(value[0]) + text(value[1])
