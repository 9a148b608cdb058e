"""The codec of MQTT 5: properties and reason codes there and back, and breaches by the standard's numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import FieldReader, frame, variable
from jinqiao.wire.mqtt.packets import (
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
from jinqiao.wire.mqtt.properties import WILL, Property, decode_properties, encode_properties
from jinqiao.wire.mqtt.reasons import Reason

words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#$"), min_size=1, max_size=20)
ids = st.integers(1, 65_535)
payloads = st.binary(max_size=100)
flags, two, four = st.integers(0, 1), st.integers(1, 65_535), st.integers(1, 0xFFFF_FFFF)
identifiers = st.integers(1, 268_435_455)
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=3).map(tuple)
P = Property

VALUES: dict[Property, st.SearchStrategy[Any]] = {
    P.PAYLOAD_FORMAT: flags,
    P.MESSAGE_EXPIRY: four,
    P.CONTENT_TYPE: words,
    P.RESPONSE_TOPIC: names,
    P.CORRELATION_DATA: payloads,
    P.SESSION_EXPIRY: four,
    P.ASSIGNED_CLIENT_ID: words,
    P.SERVER_KEEP_ALIVE: two,
    P.AUTHENTICATION_METHOD: words,
    P.AUTHENTICATION_DATA: payloads,
    P.REQUEST_PROBLEM_INFORMATION: flags,
    P.WILL_DELAY: four,
    P.REQUEST_RESPONSE_INFORMATION: flags,
    P.RESPONSE_INFORMATION: words,
    P.SERVER_REFERENCE: words,
    P.REASON_STRING: words,
    P.RECEIVE_MAXIMUM: two,
    P.TOPIC_ALIAS_MAXIMUM: two,
    P.TOPIC_ALIAS: two,
    P.MAXIMUM_QOS: flags,
    P.RETAIN_AVAILABLE: flags,
    P.USER_PROPERTY: pairs,
    P.MAXIMUM_PACKET_SIZE: four,
    P.WILDCARD_AVAILABLE: flags,
    P.SUBSCRIPTION_IDENTIFIERS_AVAILABLE: flags,
    P.SHARED_AVAILABLE: flags,
}


def some(*allowed: Property, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[Property, Any]]:
    optional = {name: VALUES[name] for name in allowed} | {P[name]: value for name, value in more.items()}
    return st.fixed_dictionaries({}, optional=optional)


of_will = some(
    P.WILL_DELAY,
    P.PAYLOAD_FORMAT,
    P.MESSAGE_EXPIRY,
    P.CONTENT_TYPE,
    P.RESPONSE_TOPIC,
    P.CORRELATION_DATA,
    P.USER_PROPERTY,
)
of_publish = some(
    P.PAYLOAD_FORMAT,
    P.MESSAGE_EXPIRY,
    P.CONTENT_TYPE,
    P.RESPONSE_TOPIC,
    P.CORRELATION_DATA,
    P.USER_PROPERTY,
    P.TOPIC_ALIAS,
    SUBSCRIPTION_IDENTIFIER=st.lists(identifiers, min_size=1, max_size=3).map(tuple),
)
of_ack = some(P.REASON_STRING, P.USER_PROPERTY)
of_connect = some(
    P.SESSION_EXPIRY,
    P.RECEIVE_MAXIMUM,
    P.MAXIMUM_PACKET_SIZE,
    P.TOPIC_ALIAS_MAXIMUM,
    P.REQUEST_RESPONSE_INFORMATION,
    P.REQUEST_PROBLEM_INFORMATION,
    P.USER_PROPERTY,
    P.AUTHENTICATION_METHOD,
)
of_connack = some(
    P.SESSION_EXPIRY,
    P.RECEIVE_MAXIMUM,
    P.MAXIMUM_QOS,
    P.RETAIN_AVAILABLE,
    P.MAXIMUM_PACKET_SIZE,
    P.ASSIGNED_CLIENT_ID,
    P.TOPIC_ALIAS_MAXIMUM,
    P.REASON_STRING,
    P.USER_PROPERTY,
    P.WILDCARD_AVAILABLE,
    P.SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
    P.SHARED_AVAILABLE,
    P.SERVER_KEEP_ALIVE,
    P.RESPONSE_INFORMATION,
    P.SERVER_REFERENCE,
    P.AUTHENTICATION_METHOD,
    P.AUTHENTICATION_DATA,
)
reasons = st.sampled_from([0, 0x10, 0x80, 0x87, 0x93, 0xFF])
acks = st.sampled_from([PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP])
options = st.integers(0, 0x2F).filter(lambda option: option & 3 != 3)
wills = st.none() | st.builds(Will, names, payloads, st.integers(0, 2), st.booleans(), of_will)

packets: st.SearchStrategy[Packet] = st.one_of(
    st.builds(
        Connect,
        words,
        st.booleans(),
        st.integers(0, 65_535),
        st.none() | words,
        st.none() | payloads,  # a password alone is allowed here (MQTT 5 § 3.1.2.9)
        wills,
        st.just(5),
        of_connect,
    ),
    st.builds(Connack, reasons, st.booleans(), of_connack),
    st.builds(Publish, names, payloads, st.just(0), st.booleans(), properties=of_publish),
    st.builds(Publish, names, payloads, st.integers(1, 2), st.booleans(), st.booleans(), ids, of_publish),
    st.builds(Puback, ids, acks, reasons, of_ack),
    st.builds(
        Subscribe,
        ids,
        st.lists(st.tuples(names, options), min_size=1, max_size=4).map(tuple),
        some(P.USER_PROPERTY, SUBSCRIPTION_IDENTIFIER=identifiers.map(lambda number: (number,))),
    ),
    st.builds(Suback, ids, st.lists(reasons, max_size=4).map(tuple), of_ack),
    st.builds(Unsubscribe, ids, st.lists(names, min_size=1, max_size=4).map(tuple), some(P.USER_PROPERTY)),
    st.builds(Unsuback, ids, st.lists(reasons, max_size=4).map(tuple), of_ack),
    st.builds(Signal, st.sampled_from([PacketType.PINGREQ, PacketType.PINGRESP])),
    st.builds(Signal, st.just(PacketType.DISCONNECT), reasons, some(P.SESSION_EXPIRY, P.REASON_STRING)),
    st.builds(Signal, st.just(PacketType.AUTH), reasons, some(P.AUTHENTICATION_METHOD, P.AUTHENTICATION_DATA)),
)


def read(data: bytes) -> Packet:
    bounds = frame(data, 0)
    assert bounds is not None
    return decode(data[0], data[bounds[0] : bounds[1]], 5)


@given(packets)
def test_what_is_encoded_decodes_to_the_same(packet: Packet) -> None:
    assert read(encode(packet, 5)) == packet


@given(packets, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_mutated_packet_raises_nothing_but_protocol_errors(packet: Packet, changes: list[tuple[int, int]]) -> None:
    encoded = bytearray(encode(packet, 5))
    for place, value in changes:
        encoded[place % len(encoded)] = value
    bounds = frame(bytes(encoded), 0) if encoded[1] < 0x80 else None
    with suppress(ProtocolError):
        decode(encoded[0], bytes(encoded[bounds[0] if bounds else 2 :]), 5)


@given(st.integers(0, 255), st.binary(max_size=120))
def test_noise_raises_nothing_but_protocol_errors(first: int, body: bytes) -> None:
    with suppress(ProtocolError):
        decode(first, body, 5)


@given(identifiers)
def test_variable_byte_integers(number: int) -> None:
    """[MQTT5-1.5.5-1]."""
    assert FieldReader(variable(number)).variable("number") == number


def test_every_property_is_tested() -> None:
    assert set(VALUES) | {P.SUBSCRIPTION_IDENTIFIER} == set(Property)


def in_packet(kind: int, properties: bytes) -> object:
    return decode_properties(FieldReader(variable(len(properties)) + properties), kind)


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        (PacketType.PUBLISH, b"\x11\0\0\0\1", Reason.MALFORMED),  # belongs to CONNECT
        (PacketType.CONNECT, b"\x23\0\1", Reason.MALFORMED),  # belongs to PUBLISH
        (PacketType.PUBLISH, b"\x7f\0", Reason.MALFORMED),  # no property at all
        (PacketType.PUBLISH, b"\x02\0\0\0", Reason.MALFORMED),  # ends within
        (PacketType.PUBLISH, b"\x01\2", Reason.PROTOCOL_ERROR),
        (PacketType.PUBLISH, b"\x01\1\x01\1", Reason.PROTOCOL_ERROR),
        (PacketType.CONNECT, b"\x21\0\0", Reason.PROTOCOL_ERROR),
        (PacketType.CONNECT, b"\x27\0\0\0\0", Reason.PROTOCOL_ERROR),
        (PacketType.SUBSCRIBE, b"\x0b\0", Reason.PROTOCOL_ERROR),
        (PacketType.SUBSCRIBE, b"\x0b\1\x0b\2", Reason.PROTOCOL_ERROR),
        (PacketType.PUBLISH, b"\x0b\x80\0", Reason.MALFORMED),
        (WILL, b"\x23\0\1", Reason.MALFORMED),
    ],
)
def test_breaches_in_properties_have_their_reason(kind: int, properties: bytes, reason: int) -> None:
    with pytest.raises(ProtocolError) as caught:
        in_packet(kind, properties)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("first", "body", "requirement"),
    [
        (0x10, b"\0\4MQTT\5\2\0\0\3\x16\0\0\0\0", "without a method"),
        (0x30, b"\0\1a", "ends within"),
        (0x30, b"\0\1a\x05\1", "ends within"),
        (0x30, b"\0\0\0", "4.7.3-1"),
        (0x30, b"\0\1a\x06\x08\0\3a/#", "3.3.2-2"),
        (0x82, b"\0\1\0\0\1a\x30", "3.8.3-5"),
        (0x82, b"\0\1\0\0\1a\x03", "3.8.3-5"),
        (0x82, b"\0\1\0\0\1a\x40", "3.8.3-5"),
        (0x82, b"\0\1\0\0\x0a$share/g/a\x04", "3.8.3-4"),
        (0x82, b"\0\1\0\0\x09$share//a\x00", "4.8.2-1"),
        (0x82, b"\0\1\0\0\x0b$share/g+/a\x00", "4.8.2-1"),
        (0x82, b"\0\1\0\0\x08$share/g\x00", "4.8.2-1"),
        (0xE0, b"\0\0\0", "too many"),
    ],
)
def test_breaches_are_told_with_their_requirement(first: int, body: bytes, requirement: str) -> None:
    with pytest.raises(ProtocolError, match=requirement):
        decode(first, body, 5)


def test_what_is_nothing_may_be_left_out() -> None:
    """MQTT 5 § 3.4.2.1, 3.14.2.1: a reason of 0 without properties."""
    assert encode(Puback(1), 5) == b"\x40\x02\x00\x01"
    assert encode(Signal(PacketType.DISCONNECT), 5) == b"\xe0\x00"
    assert decode(0x40, b"\0\1\x10", 5) == Puback(1, PacketType.PUBACK, 0x10)
    assert decode(0xE0, b"\x04", 5) == Signal(PacketType.DISCONNECT, 4)


def test_user_properties_keep_their_order() -> None:
    """[MQTT5-3.3.2-18]."""
    told = {P.USER_PROPERTY: (("a", "2"), ("c", "3"), ("a", "1"))}
    assert decode_properties(FieldReader(encode_properties(told)), PacketType.PUBLISH) == told
