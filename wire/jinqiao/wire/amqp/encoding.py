"""From values to octets, each in its shortest form."""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from .codes import ARRAY8, ARRAY32, CONSTANTS, FIXED, LIST0, LIST8, LIST32, MAP8, MAP32, NUMBERS, UUID16, VARIABLE
from .errors import AmqpError
from .values import Array, Char, Decimal, Described, Map, Symbol, Value

__all__ = ["encode_list", "encode_value"]

_U8, _U32 = struct.Struct(">BB"), struct.Struct(">BI")

#: For each number type its codes, the narrow one first, and for text and octets the codes of the lengths.
_CODES_OF: Final[dict[type, list[int]]] = {}
for _code, _row in NUMBERS.items():
    _CODES_OF.setdefault(_row.made, []).append(_code)
_LENGTHS_OF: Final[dict[type, tuple[int, int]]] = {bytes: (0xA0, 0xB0), str: (0xA1, 0xB1), Symbol: (0xA3, 0xB3)}
_DECIMALS: Final = {4: 0x74, 8: 0x84, 16: 0x94}
_ZEROS: Final = {type(CONSTANTS[code]): bytes((code,)) for code in (0x43, 0x44)}


def encode_value(value: Value) -> bytes:
    """The octets of a value; raises AmqpError for one that has none: out of its type's range, or of no AMQP type."""
    kind = type(value)
    if value is None:
        return b"\x40"
    if kind is bool:
        return b"\x41" if value else b"\x42"
    if value == 0 and kind in _ZEROS:
        return _ZEROS[kind]
    if kind in _CODES_OF:
        return _number(value, kind)
    if kind in _LENGTHS_OF:
        octets = _plain(value)
        narrow, wide = _LENGTHS_OF[kind]
        return (_U8.pack(narrow, len(octets)) if len(octets) < 256 else _U32.pack(wide, len(octets))) + octets
    if isinstance(value, tuple):
        return encode_list([encode_value(each) for each in value])
    if isinstance(value, Described):
        return b"\x00" + encode_value(value.descriptor) + encode_value(value.value)
    if isinstance(value, Map):
        each = [encode_value(part) for pair in value.pairs for part in pair]
        return _compound(MAP8, MAP32, len(each), b"".join(each))
    if isinstance(value, Array):
        return _array(value)
    return bytes((_code_of(value),)) + _plain(value)


def encode_list(encoded: list[bytes]) -> bytes:
    """A list of values that are octets already."""
    return _compound(LIST8, LIST32, len(encoded), b"".join(encoded)) if encoded else bytes((LIST0,))


def _compound(narrow: int, wide: int, count: int, body: bytes) -> bytes:
    if len(body) < 255 and count < 256:
        return struct.pack(">BBB", narrow, len(body) + 1, count) + body
    return struct.pack(">BII", wide, len(body) + 4, count) + body


def _number(value: Value, kind: type) -> bytes:
    for code in _CODES_OF[kind]:
        try:
            return bytes((code,)) + NUMBERS[code].form.pack(value)
        except (struct.error, OverflowError):
            continue
    raise AmqpError(f"{value!r} is out of the range of {kind.__name__.lower()}")


def _code_of(value: Value) -> int:
    if isinstance(value, Char):
        return 0x73
    if isinstance(value, UUID):
        return UUID16
    if isinstance(value, Decimal) and len(value) in _DECIMALS:
        return _DECIMALS[len(value)]
    raise AmqpError(f"{type(value).__name__} is not an AMQP type")


def _plain(value: Value) -> bytes:
    """Octets of a value without its constructor, of the types that have only one of a width."""
    if isinstance(value, Char):
        if len(value) != 1:
            raise AmqpError(f"{len(value)} characters in a char")
        return _code_point(value)
    if isinstance(value, UUID):
        return value.bytes
    if isinstance(value, bytes):
        return bytes(value)
    assert isinstance(value, str)
    try:
        return value.encode("ascii" if isinstance(value, Symbol) else "utf-8")
    except UnicodeEncodeError as error:
        raise AmqpError(f"text cannot be encoded: {error.reason}") from None


def _code_point(value: str) -> bytes:
    point = ord(value)
    if 0xD800 <= point < 0xE000:
        raise AmqpError(f"character U+{point:X}")
    return point.to_bytes(4, "big")


def _array(array: Array) -> bytes:
    head = b"" if array.descriptor is None else b"\x00" + encode_value(array.descriptor)
    body = head + bytes((array.code,)) + b"".join([_with_code(array.code, each) for each in array.items])
    return _compound(ARRAY8, ARRAY32, len(array.items), body)


def _with_code(code: int, value: Value) -> bytes:
    """The octets of a value behind a constructor that is given."""
    if code in CONSTANTS:
        if value != CONSTANTS[code] or type(value) is not type(CONSTANTS[code]):
            raise AmqpError(f"{value!r} in an array of 0x{code:02x}")
        return b""
    if code in (ARRAY8, ARRAY32, LIST8, LIST32, MAP8, MAP32):
        return _compound_with(code, value)
    if code in VARIABLE:
        width, made = VARIABLE[code]
        octets = _plain(value) if type(value) is made else None
        if octets is not None and len(octets) < 1 << 8 * width:
            return len(octets).to_bytes(width, "big") + octets
    elif code in FIXED:
        row = FIXED[code]
        if code in NUMBERS or row.made is bool:
            try:
                if type(value) is row.made:
                    return row.form.pack(value)
            except (struct.error, OverflowError):
                pass  # out of the range of this width
        elif _code_of(value) == code:
            return _plain(value)
    raise AmqpError(f"{value!r} in an array of 0x{code:02x}")


def _compound_with(code: int, value: Value) -> bytes:
    """A list, map or array within an array: with lengths of the width that the code says."""
    wanted = Array if code in (ARRAY8, ARRAY32) else Map if code in (MAP8, MAP32) else tuple
    if not isinstance(value, wanted):
        raise AmqpError(f"{value!r} in an array of 0x{code:02x}")
    octets = encode_value(value)
    if octets[0] == LIST0:
        return b"\x01\x00" if code == LIST8 else b"\x00\x00\x00\x04\x00\x00\x00\x00"
    is_wide = octets[0] in (LIST32, MAP32, ARRAY32)
    if is_wide == (code in (LIST32, MAP32, ARRAY32)):
        return octets[1:]
    if is_wide:
        raise AmqpError("a value is too long for its array")
    return struct.pack(">II", octets[1] + 3, octets[2]) + octets[3:]
