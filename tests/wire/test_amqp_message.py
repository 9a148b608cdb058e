"""Bare messages: the octets that consumers are sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.errors import ProtocolError
from jinqiao.wire.amqp.encoding import encode_value
from jinqiao.wire.amqp.message import ForwardedMessage, decode_message, encode_message, split_body
from jinqiao.wire.amqp.values import Described, Uint, Ulong

TOPIC = "/a1carPK0001/tbox001/thing/event/property/post"
ID = "1795334016880123456"
MESSAGE = encode_message(TOPIC, ID, 1_795_334_016_880, 1, b'{"items":{}}')


def test_a_message_has_the_documented_octets() -> None:
    assert MESSAGE.hex(" ") == (
        "00 53 73 c0 16 01 a1 13 " + ID.encode().hex(" ") + " 00 53 74 d1 00 00 00 7c 00 00 00 08 "
        "a1 05 74 6f 70 69 63 b1 00 00 00 2e " + TOPIC.encode().hex(" ") + " "
        "a1 09 6d 65 73 73 61 67 65 49 64 a1 13 " + ID.encode().hex(" ") + " "
        "a1 0c 67 65 6e 65 72 61 74 65 54 69 6d 65 81 00 00 01 a2 02 3f 0f 70 a1 03 71 6f 73 54 01 "
        "00 53 75 b0 00 00 00 0c 7b 22 69 74 65 6d 73 22 3a 7b 7d 7d"
    )


@pytest.mark.parametrize(
    ("at", "octets"),
    [
        (0, "005373"),
        (3, "c01601"),
        (6, "a113"),
        (27, "005374"),
        (30, "d1"),
        (39, "a105"),
        (46, "b1"),
        (51 + len(TOPIC), "a109"),
        (62 + len(TOPIC), "a113"),
        (83 + len(TOPIC), "a10c"),
        (97 + len(TOPIC), "81"),
        (106 + len(TOPIC), "a103"),
        (111 + len(TOPIC), "5401"),
        (113 + len(TOPIC), "005375"),
        (116 + len(TOPIC), "b0"),
        (121 + len(TOPIC), "7b"),
    ],
)
def test_every_field_begins_where_the_layout_says(at: int, octets: str) -> None:
    assert MESSAGE[at : at + len(octets) // 2].hex() == octets


@given(
    st.text(max_size=300),
    st.text("0123456789", min_size=1, max_size=19),
    st.integers(0, 1 << 62),
    st.integers(0, 1),
    st.binary(max_size=70_000),
)
def test_a_consumer_reads_what_was_forwarded(topic: str, number: str, time_ms: int, qos: int, body: bytes) -> None:
    encoded = encode_message(topic, number, time_ms, qos, body)
    assert decode_message(encoded) == ForwardedMessage(topic, number, time_ms, qos, body)
    head, found = split_body(encoded)
    assert found == body
    assert head + len(body).to_bytes(4, "big") + body == encoded


def test_a_header_before_the_message_says_how_often_it_was_tried() -> None:
    header = encode_value(Described(Ulong(0x70), (True, None, None, None, Uint(2))))
    assert decode_message(header + MESSAGE).tries == 2


@given(st.binary(max_size=200))
def test_what_is_not_a_forwarded_message_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode_message(data)
    with pytest.raises(ProtocolError):
        split_body(data)


@given(st.integers(0, len(MESSAGE) - 1))
def test_a_message_that_ends_early_is_refused(size: int) -> None:
    with pytest.raises(ProtocolError):
        decode_message(MESSAGE[:size])


def test_a_message_id_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ProtocolError, match="message id of 250 octets"):
        encode_message(TOPIC, "1" * 250, 0, 0, b"")
