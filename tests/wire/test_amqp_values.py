"""Values of the type system: every type there and back, and no octets that make the decoder fail in another way."""

from __future__ import annotations

import struct
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.wire.amqp.decoding import MOST_DEPTH, MOST_VALUES, decode_value
from jinqiao.wire.amqp.encoding import encode_value
from jinqiao.wire.amqp.errors import AmqpError
from jinqiao.wire.amqp.values import (
    Array,
    Byte,
    Char,
    Decimal,
    Described,
    Float,
    Int,
    Long,
    Map,
    Short,
    Symbol,
    Timestamp,
    Ubyte,
    Uint,
    Ulong,
    Ushort,
    Value,
)

_RANGES: dict[type, tuple[int, int]] = {
    Ubyte: (0, (1 << 8) - 1),
    Ushort: (0, (1 << 16) - 1),
    Uint: (0, (1 << 32) - 1),
    Ulong: (0, (1 << 64) - 1),
    Byte: (-(1 << 7), (1 << 7) - 1),
    Short: (-(1 << 15), (1 << 15) - 1),
    Int: (-(1 << 31), (1 << 31) - 1),
    Long: (-(1 << 63), (1 << 63) - 1),
    Timestamp: (-(1 << 63), (1 << 63) - 1),
}
_ASCII = st.text(st.characters(max_codepoint=127), max_size=300)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    *(st.integers(*bounds).map(made) for made, bounds in _RANGES.items()),
    st.floats(allow_nan=False),
    st.floats(width=32, allow_nan=False).map(Float),
    st.characters(exclude_categories=["Cs"]).map(Char),
    st.sampled_from((4, 8, 16)).flatmap(lambda size: st.binary(min_size=size, max_size=size)).map(Decimal),
    st.uuids(),
    st.binary(max_size=300),
    st.text(max_size=300),
    _ASCII.map(Symbol),
)


def _map_of(pairs: list[tuple[Value, Value]]) -> Map:
    return Map(tuple({(type(key), key): (key, value) for key, value in pairs}.values()))


values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5).map(tuple),
        st.lists(st.tuples(scalars, inner), max_size=5).map(_map_of),
        st.builds(Described, st.one_of(st.builds(Ulong, st.integers(0, 1 << 40)), _ASCII.map(Symbol)), inner),
        st.lists(_ASCII.map(Symbol), max_size=5).map(lambda items: Array(0xB3, tuple(items))),
        st.lists(st.integers(0, 255).map(Uint), max_size=5).map(lambda items: Array(0x52, tuple(items))),
        st.lists(st.lists(scalars, max_size=3).map(tuple), max_size=3).map(lambda items: Array(0xD0, tuple(items))),
    ),
    max_leaves=20,
)


def shape(value: Value) -> Any:
    """A value with the types of all that is in it, which `==` leaves out: True is 1, and Uint(1) is Long(1)."""
    match value:
        case tuple():
            return [shape(each) for each in value]
        case Map(pairs):
            return "map", [(shape(key), shape(each)) for key, each in pairs]
        case Array(code, items, descriptor):
            return "array", code, shape(descriptor), [shape(each) for each in items]
        case Described(descriptor, inner):
            return "described", shape(descriptor), shape(inner)
    return type(value), value


def refused_at(octets: bytes) -> int:
    """Where these octets are refused; 0 if they are a value."""
    try:
        decode_value(octets)
    except AmqpError as error:
        return error.position
    return 0


@given(values)
def test_a_value_is_read_as_it_was_written(value: Value) -> None:
    assert shape(decode_value(encode_value(value))) == shape(value)


@pytest.mark.parametrize(
    ("octets", "value"),
    [  # forms of AMQP 1.0 part 1 § 1.6, the wide ones that we do not write included
        ("40", None),
        ("41", True),
        ("5600", False),
        ("43", Uint(0)),
        ("5207", Uint(7)),
        ("7000000007", Uint(7)),
        ("44", Ulong(0)),
        ("5310", Ulong(16)),
        ("800000000000000010", Ulong(16)),
        ("54ff", Int(-1)),
        ("71ffffffff", Int(-1)),
        ("55fe", Long(-2)),
        ("600102", Ushort(258)),
        ("50ff", Ubyte(255)),
        ("82400921fb54442d18", 3.141592653589793),
        ("723f800000", Float(1)),
        ("7300000041", Char("A")),
        ("83000001311d4a2a00", Timestamp(0x1311D4A2A00)),
        ("98" + "00" * 15 + "01", UUID(int=1)),
        ("a0020102", b"\1\2"),
        ("b0000000020102", b"\1\2"),
        ("a1024869", "Hi"),
        ("b1000000024869", "Hi"),
        ("a305504c41494e", Symbol("PLAIN")),
        ("45", ()),
        ("c0050240a10148", (None, "H")),
        ("d0000000080000000240a10148", (None, "H")),
        ("c1050243a10148", Map(((Uint(0), "H"),))),
        ("e00602a301500151", Array(0xA3, (Symbol("P"), Symbol("Q")))),
    ],
)
def test_forms_of_the_standard(octets: str, value: Value) -> None:
    assert shape(decode_value(bytes.fromhex(octets))) == shape(value)


def test_the_standards_example_of_a_described_value() -> None:
    """Part 1 § 1.1.2: a URL described by a symbol or string."""
    octets = b"\x00\xa1\x03URL\xa1\x1ehttp://example.org/hello-world"
    assert decode_value(octets) == Described("URL", "http://example.org/hello-world")


def test_an_array_of_described_values_is_read_as_it_was_written() -> None:
    value = Array(0x52, (Uint(1), Uint(2)), Ulong(7))
    assert shape(decode_value(encode_value(value))) == shape(value)


@given(st.binary(max_size=100))
def test_whatever_comes_in_is_a_value_or_refused_with_a_position(octets: bytes) -> None:
    assert refused_at(octets) >= 0


@given(values, st.data())
def test_a_changed_octet_is_a_value_or_refused_with_a_position(value: Value, data: Any) -> None:
    octets = bytearray(encode_value(value))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    assert refused_at(bytes(octets)) >= 0


@given(values, st.data())
def test_a_value_that_ends_early_is_refused(value: Value, data: Any) -> None:
    octets = encode_value(value)
    with pytest.raises(AmqpError):
        decode_value(octets[: data.draw(st.integers(0, len(octets) - 1))])


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"\xf0" + struct.pack(">II", 5, 0xFFFF_FFFF) + b"\x40", "too many values"),
        (b"\xd0" + struct.pack(">II", 4 + MOST_VALUES, MOST_VALUES + 1) + b"\x40" * MOST_VALUES, "too many values"),
        (b"\xc0\x02\x01\x40\x40", "more octets than the value has"),
        (b"\x00\x40" * (MOST_DEPTH + 1) + b"\x40", "nested too deep"),
        (b"\xc1\x04\x03\x40\x40\x40", "a key and no value"),
        (b"\xc1\x05\x04\x40\x40\x40\x41", "the same key twice"),
        (b"\xa1\x02\xc3\x28", "not in its encoding"),
        (b"\xa3\x01\xe4", "not in its encoding"),
        (b"\x73\x00\x00\xd8\x00", "U\\+D800"),
        (b"\x56\x02", "boolean of 2"),
        (b"\x3f", "not a type"),
        (b"\xb0\xff\xff\xff\xff", "announced"),
        (b"", "ends early"),
    ],
)
def test_octets_that_are_refused(octets: bytes, why: str) -> None:
    with pytest.raises(AmqpError, match=why):
        decode_value(octets)


@pytest.mark.parametrize(
    "value",
    [Ubyte(256), Uint(-1), Long(1 << 63), 7, Symbol("ä"), Char("ab"), Decimal(b"123"), "\ud800", Array(0x52, ("a",))],
)
def test_a_value_without_octets_is_refused(value: Value) -> None:
    with pytest.raises(AmqpError):
        encode_value(value)
