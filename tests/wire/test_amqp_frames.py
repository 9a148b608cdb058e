"""Frames and performatives, and the forms that are written and read many at a time."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.wire.amqp import performatives, sasl
from jinqiao.wire.amqp.acknowledgements import accepted_at
from jinqiao.wire.amqp.composite import as_composite, encode_composite
from jinqiao.wire.amqp.decoding import decode_value
from jinqiao.wire.amqp.encoding import encode_value
from jinqiao.wire.amqp.errors import AmqpError, Condition
from jinqiao.wire.amqp.frames import Frame, FrameReader, FrameType, encode_frame
from jinqiao.wire.amqp.message import decode_message, encode_message
from jinqiao.wire.amqp.performatives import RECEIVER, Accepted, Attach, Disposition, Open, Source, Transfer
from jinqiao.wire.amqp.transfers import OVERHEAD, transfers
from jinqiao.wire.amqp.values import Described, Map, Symbol, Uint, Ulong, Value

_U32 = st.integers(0, 0xFFFF_FFFF)
_TEXT = st.text(max_size=40)
_SYMBOL = st.text(st.characters(max_codepoint=127), max_size=20)

#: What may stand in a field of each kind, but absence.
_KINDS: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXT,
    "symbol": _SYMBOL,
    "binary": st.binary(max_size=40),
    "boolean": st.booleans(),
    "ubyte": st.integers(0, 255),
    "ushort": st.integers(0, 65_535),
    "uint": _U32,
    "ulong": st.integers(0, (1 << 64) - 1),
    "timestamp": st.integers(0, 1 << 50),
    "map": st.builds(lambda key: Map(((key, True),)), st.binary(max_size=4)),
    "fields": st.builds(lambda key, value: Map(((Symbol(key), value),)), _SYMBOL, _TEXT),
    "symbols": st.lists(_SYMBOL, max_size=3).map(tuple),
    "composite": st.sampled_from(
        [Accepted(), performatives.Error("amqp:not-found", "why"), Described(Ulong(0x30), ())]
    ),
    "any": _TEXT,
}
_ALL = [
    found
    for module in (performatives, sasl)
    for found in map(module.__dict__.get, module.__all__)
    if isinstance(found, type) and dataclasses.is_dataclass(found) and found is not sasl.Plain
]


def _some(made: type) -> st.SearchStrategy[Any]:
    """A composite with any of its fields."""
    fields = {
        each.name: _KINDS[each.metadata["kind"].name]
        if each.metadata["mandatory"]
        else st.one_of(st.none(), _KINDS[each.metadata["kind"].name])
        if each.default is None or each.default is dataclasses.MISSING
        else _KINDS[each.metadata["kind"].name]
        for each in dataclasses.fields(made)
    }
    return st.builds(made, **fields)


@given(st.sampled_from(_ALL).flatmap(_some))
def test_a_performative_is_read_as_it_was_written(said: Any) -> None:
    value = decode_value(encode_composite(said))
    assert isinstance(value, Described)
    assert as_composite(value) == said


@given(st.lists(st.sampled_from(_ALL).flatmap(_some), min_size=1, max_size=4), st.data())
def test_frames_are_read_however_the_stream_is_cut(said: list[Any], data: Any) -> None:
    frames = [Frame(data.draw(st.integers(0, 65_535)), each, data.draw(st.binary(max_size=20))) for each in said]
    stream = b"".join(map(encode_frame, frames))
    reader, found = FrameReader(1 << 20), list[Frame]()
    for at in range(0, len(stream), step := data.draw(st.integers(1, len(stream)))):
        reader.feed(stream[at : at + step])
        while (frame := reader.next()) is not None:
            found.append(frame)
    assert found == frames


def test_an_open_as_the_standard_lays_it_out() -> None:
    """Octets put together by hand from part 2 § 2.3 and 2.7.1."""
    frame = encode_frame(Frame(0, Open("me", "host", 512, 0, 60_000)))
    assert frame.hex() == ("0000002502000000005310c01805a1026d65a104686f73747000000200600000700000ea60")


def test_a_composite_may_have_a_symbol_as_its_descriptor() -> None:
    value = Described(Symbol("amqp:attach:list"), ("name", Uint(0), True))
    assert as_composite(value) == Attach("name", 0, RECEIVER)


@pytest.mark.parametrize(
    ("fields", "condition", "why"),
    [
        (("name", Uint(0)), Condition.INVALID_FIELD, "attach without role"),
        (("name", Ulong(0), True), Condition.INVALID_FIELD, "attach, handle: ulong instead of uint"),
        ((Symbol("name"), Uint(0), True), Condition.INVALID_FIELD, "attach, name: symbol instead of string"),
        (("name", Uint(0), True) + (None,) * 12, Condition.DECODE_ERROR, "attach with 15 fields"),
        (Map(), Condition.DECODE_ERROR, "attach is not a list"),
        (("name", Uint(0), True, None, None, "source"), Condition.INVALID_FIELD, "not a described value"),
    ],
)
def test_a_performative_with_wrong_fields_is_refused(fields: Value, condition: Condition, why: str) -> None:
    with pytest.raises(AmqpError, match=why) as refused:
        as_composite(Described(Ulong(0x12), fields))
    assert refused.value.condition == condition


@pytest.mark.parametrize(
    "octets",
    ["00000208 02 00 0000", "00000007 02 00 0000", "0000000c 04 00 0000", "0000000c 01 00 0000", "0000000c 02 02 0000"],
)
def test_a_frame_with_a_wrong_head_is_refused_before_its_body_is_there(octets: str) -> None:
    reader = FrameReader(512)
    reader.feed(bytes.fromhex(octets))
    with pytest.raises(AmqpError) as refused:
        reader.next()
    assert refused.value.condition == Condition.FRAMING_ERROR


@given(st.binary(max_size=200))
def test_garbage_is_frames_or_refused(octets: bytes) -> None:
    reader = FrameReader(512)
    reader.feed(octets)
    while True:
        try:
            if reader.next() is None:
                break
        except AmqpError:
            break


# Acknowledgements, read at a glance.


@given(st.tuples(_U32, st.one_of(st.none(), _U32), st.booleans(), st.booleans()), st.binary(max_size=8))
def test_an_acknowledgement_is_read_as_the_decoder_reads_it(
    found: tuple[int, int | None, bool, bool], after: bytes
) -> None:
    first, last, settled, accepted = found
    state = Accepted() if accepted else performatives.Released()
    octets = encode_frame(Frame(0, Disposition(RECEIVER, first, last, settled, state)))
    at_a_glance = accepted_at(octets + after, 0, 0)
    if settled and accepted:
        assert at_a_glance == (first, first if last is None else last, len(octets))
    else:
        assert at_a_glance is None


@given(st.binary(max_size=60), st.integers(0, 20))
def test_nothing_else_is_an_acknowledgement(octets: bytes, at: int) -> None:
    reader = FrameReader(512)
    glance = accepted_at(octets, at, 0)
    if glance is not None:
        reader.feed(octets[at : glance[2]])
        frame = reader.next()
        assert frame is not None
        assert isinstance(frame.performative, Disposition)


@given(st.integers(0, 52), st.integers(0, 255))
def test_a_changed_acknowledgement_is_the_same_to_both_readers(at: int, octet: int) -> None:
    octets = bytearray(encode_frame(Frame(0, Disposition(RECEIVER, 300, 70_000, True, Accepted()))))
    octets[at % len(octets)] = octet
    glance = accepted_at(octets, 0, 0)
    if glance is None:
        return
    reader = FrameReader(512)
    reader.feed(bytes(octets[: glance[2]]))
    frame = reader.next()
    assert frame is not None
    said = frame.performative
    assert (said.first, said.last, said.settled, said.state) == (*glance[:2], True, Accepted())


# Transfers, written many at once.


def _read(pieces: list[bytes | memoryview]) -> list[tuple[Transfer, bytes]]:
    reader, found = FrameReader(1 << 30), list[tuple[Transfer, bytes]]()
    reader.feed(b"".join(pieces))
    while (frame := reader.next()) is not None:
        assert frame.channel == 3
        found.append((frame.performative, frame.payload))
    return found


@given(
    st.one_of(
        st.lists(st.binary(max_size=60), min_size=1, max_size=6),
        st.integers(0, 60).flatmap(
            lambda size: st.lists(st.binary(min_size=size, max_size=size), min_size=1, max_size=6)
        ),
    ),
    st.one_of(st.integers(0, 1 << 33), st.just((1 << 32) - 2)),
    st.booleans(),
    st.integers(512, 600),
    st.data(),
)
def test_messages_become_the_transfers_that_one_by_one_they_would(
    bodies: list[bytes], first: int, settled: bool, most: int, data: Any
) -> None:
    messages = [encode_message("/t", "1", 2, 1, body * data.draw(st.sampled_from((1, 1, 30)))) for body in bodies]
    tries = data.draw(st.lists(st.sampled_from((0, 0, 0, 1, 255)), min_size=len(bodies), max_size=len(bodies)))
    ends = np.cumsum([len(each) for each in messages], dtype=np.int64)
    pieces, frames = transfers(
        3, first, b"".join(messages), ends, np.array(tries, np.uint8), settled=settled, most=most
    )
    found = _read(pieces)
    assert len(found) == frames
    assert len(pieces) in (1, frames)
    position = 0
    for number, (message, tried) in enumerate(zip(messages, tries, strict=True), first):
        parts = b""
        while True:
            said, payload = found[position]
            position += 1
            parts += payload
            assert (said.handle, said.delivery_id, said.settled) == (0, number % (1 << 32), settled)
            assert said.delivery_tag == (number % (1 << 32)).to_bytes(4, "big")
            if not said.more:
                break
        assert parts.endswith(message)
        assert decode_message(parts) == dataclasses.replace(decode_message(message), tries=tried)
    assert position == frames


def test_no_frame_is_larger_than_the_receiver_takes() -> None:
    message = encode_message("/t", "1", 2, 1, b"x" * 5_000)
    pieces, frames = transfers(0, 0, message, np.array([len(message)]), np.zeros(1, np.uint8), settled=False, most=512)
    assert frames == len(pieces) == -(-len(message) // (512 - OVERHEAD))
    assert max(map(len, pieces)) <= 512


# SASL.


def test_a_plain_response_is_read() -> None:
    assert sasl.Plain.parse("\0ä|b|\0c".encode()) == sasl.Plain("ä|b|", "c")


@pytest.mark.parametrize("octets", [b"", b"a\0b", b"\0a\0b\0c", b"\0\xff\0b"])
def test_what_is_no_plain_response_is_refused(octets: bytes) -> None:
    with pytest.raises(AmqpError):
        sasl.Plain.parse(octets)


def test_passwords_are_not_shown() -> None:
    assert "hidden" not in repr(sasl.Plain("name", "hidden"))


def test_sasl_frames_have_their_own_type() -> None:
    frame = encode_frame(Frame(0, sasl.SaslOutcome(sasl.Outcome.AUTH), type=FrameType.SASL))
    assert frame.hex() == "0000001002010000005344c003015001"


def test_a_null_source_address_is_an_address() -> None:
    value = decode_value(encode_value(Described(Ulong(0x28), (None,))))
    assert isinstance(value, Described)
    assert as_composite(value) == Source()
