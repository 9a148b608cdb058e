"""The codec: what is encoded decodes to the same, and no bytes at all get anything out of it but ProtocolError."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.mqtt.decoding import UnsupportedLevel, decode
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame, remaining_length
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

ids = st.integers(1, 65_535)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=30)
filters = st.one_of(names, st.sampled_from(["#", "+", "a/+/b", "/+", "sport/#", "+/+/#", "$SYS/#"]))
payloads = st.binary(max_size=300)
qos = st.integers(0, 2)


@st.composite
def connects(draw: st.DrawFn) -> Connect:
    username = draw(st.none() | words)
    return Connect(
        draw(words),
        draw(st.booleans()),
        draw(st.integers(0, 65_535)),
        username,
        None if username is None else draw(st.none() | payloads),
        draw(st.none() | st.builds(Will, names, payloads, qos, st.booleans())),
        draw(st.sampled_from([3, 4])),
    )


packets: st.SearchStrategy[Packet] = st.one_of(
    connects(),
    st.builds(Connack, st.integers(0, 5), st.booleans()),
    st.builds(Publish, names, payloads, st.just(0), st.booleans()),
    st.builds(Publish, names, payloads, st.integers(1, 2), st.booleans(), st.booleans(), ids),
    st.builds(
        Puback, ids, st.sampled_from([PacketType.PUBACK, PacketType.PUBREC, PacketType.PUBREL, PacketType.PUBCOMP])
    ),
    st.builds(Subscribe, ids, st.lists(st.tuples(filters, qos), min_size=1, max_size=5).map(tuple)),
    st.builds(Suback, ids, st.lists(st.sampled_from([0, 1, 2, 0x80]), max_size=5).map(tuple)),
    st.builds(Unsubscribe, ids, st.lists(filters, min_size=1, max_size=5).map(tuple)),
    st.builds(Unsuback, ids),
    st.builds(Signal, st.sampled_from([PacketType.PINGREQ, PacketType.PINGRESP, PacketType.DISCONNECT])),
)


def read(data: bytes) -> Packet | None:
    """The first packet of a stream, or None while it is cut."""
    bounds = frame(data, 0)
    if bounds is None or bounds[1] > len(data):
        return None
    return decode(data[0], data[bounds[0] : bounds[1]])


@given(packets)
def test_what_is_encoded_decodes_to_the_same(packet: Packet) -> None:
    assert read(encode(packet)) == packet


@given(packets, st.data())
def test_a_cut_packet_is_no_packet_yet(packet: Packet, data: st.DataObject) -> None:
    encoded = encode(packet)
    cut = data.draw(st.integers(1, len(encoded) - 1))
    assert read(encoded[:cut]) is None


@given(packets, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_mutated_packet_raises_nothing_but_protocol_errors(packet: Packet, changes: list[tuple[int, int]]) -> None:
    encoded = bytearray(encode(packet))
    for place, value in changes:
        encoded[place % len(encoded)] = value
    with suppress(ProtocolError):
        read(bytes(encoded))


@given(st.integers(0, 255), st.binary(max_size=200))
@example(0x10, b"\x00\x04MQTT\x04\xff\xff")
@example(0x30, b"")
@example(0x82, b"\x00\x01")
def test_noise_raises_nothing_but_protocol_errors(first: int, body: bytes) -> None:
    try:
        packet = decode(first, body)
    except ProtocolError:
        return
    assert decode(encode(packet)[0], body) == packet


@pytest.mark.parametrize("length", [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455])
def test_lengths_at_the_borders_of_the_standards_table(length: int) -> None:
    encoded = remaining_length(length)
    assert frame(b"\x30" + encoded, 0) == (1 + len(encoded), 1 + len(encoded) + length)


def test_connect_bytes_of_the_standard() -> None:
    """The non-normative example of § 3.1.2.11, with its payload: user name, password and will set, keep-alive 10."""
    body = b"\x00\x04MQTT\x04\xce\x00\x0a" + b"\x00\x01c\x00\x01w\x00\x02go\x00\x01u\x00\x01p"
    expected = Connect("c", True, 10, "u", b"p", Will("w", b"go", 1), 4)
    assert decode(0x10, body) == expected
    assert encode(expected)[2:] == body


def connect_with(flags: int, tail: bytes = b"\x00\x01c") -> bytes:
    return b"\x00\x04MQTT\x04" + bytes((flags,)) + b"\x00\x00" + tail


@pytest.mark.parametrize(
    ("first", "body", "requirement"),
    [
        (0x00, b"", "reserved"),
        (0xF0, b"", "reserved"),
        (0x11, connect_with(2), "2.2.2-2"),
        (0x80, b"\x00\x01\x00\x01a\x00", "2.2.2-2"),
        (0x60, b"\x00\x01", "2.2.2-2"),
        (0x10, b"\x00\x02hj\x04\x02\x00\x00\x00\x00", "3.1.2-1"),
        (0x10, connect_with(3), "3.1.2-3"),
        (0x10, connect_with(0x0A), "3.1.2-13"),
        (0x10, connect_with(0x1E, b"\x00\x01c\x00\x01w\x00\x00"), "3.1.2-13"),
        (0x10, connect_with(0x42), "3.1.2-22"),
        (0x10, connect_with(2) + b"x", "too many"),
        (0x10, connect_with(2, b"\x00\x02\xc3\x28"), "1.5.3-1"),
        (0x10, connect_with(2, b"\x00\x03\xed\xa0\x80"), "1.5.3-1"),
        (0x10, connect_with(2, b"\x00\x01\x00"), "1.5.3-2"),
        (0x36, b"\x00\x01a\x00\x01", "3.3.1-4"),
        (0x38, b"\x00\x01a", "3.3.1-2"),
        (0x30, b"\x00\x03a/+", "3.3.2-2"),
        (0x30, b"\x00\x00", "4.7.3-1"),
        (0x32, b"\x00\x01a\x00\x00", "2.3.1-1"),
        (0x82, b"\x00\x00\x00\x01a\x00", "2.3.1-1"),
        (0x82, b"\x00\x01", "3.8.3-3"),
        (0x82, b"\x00\x01\x00\x01a\x03", "3.8.3-4"),
        (0x82, b"\x00\x01\x00\x03a#b\x00", "4.7.1-2"),
        (0x82, b"\x00\x01\x00\x02a+\x00", "4.7.1-3"),
        (0xA2, b"\x00\x01", "3.10.3-2"),
        (0xC0, b"\x00", "too many"),
        (0x90, b"\x00\x01\x03", "3.9.3-2"),
    ],
)
def test_breaches_are_told_with_their_requirement(first: int, body: bytes, requirement: str) -> None:
    with pytest.raises(ProtocolError, match=requirement):
        decode(first, body)


@pytest.mark.parametrize(
    ("name", "level"), [(b"\x00\x06MQIsdp", 5), (b"\x00\x04MQTT", 3), (b"\x00\x06MQIsdp", 4), (b"\x00\x04MQTT", 6)]
)
def test_other_levels_are_named(name: bytes, level: int) -> None:
    with pytest.raises(UnsupportedLevel) as caught:
        decode(0x10, name + bytes((level, 2, 0, 0)))
    assert (caught.value.level, caught.value.reason) == (level, 1)


@pytest.mark.parametrize("data", [b"\x30\xff\xff\xff\xff", b"\x30\x80\x00", b"\x30\xff\x80\x00"])
def test_lengths_too_long_or_longer_than_need_be(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="remaining length"):
        frame(data, 0)


@pytest.mark.parametrize(
    "packet",
    [
        Connect("x" * 65_536),
        Connect("half \ud800 of a pair"),
        Connect("", keep_alive_s=65_536),
        Connect("", level=6),
        Publish("nul \0", b""),
        Unsuback(70_000),
    ],
)
def test_what_has_no_bytes_is_refused(packet: Packet) -> None:
    with pytest.raises(ProtocolError):
        encode(packet)
