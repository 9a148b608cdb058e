"""From octets to values. Total: whatever comes in, what comes out is a value or an AmqpError with its position.

What a stranger can make us build is bounded: the depth of nesting, and the number of values, which an array of
values without octets (null, true, 0) could put at four billion.
"""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from .codes import (
    ARRAY8,
    ARRAY32,
    CONSTANTS,
    DESCRIBED,
    FIXED,
    LIST8,
    LIST32,
    MAP8,
    MAP32,
    UUID16,
    VARIABLE,
)
from .errors import AmqpError
from .values import Array, Char, Described, Map, Symbol, Value

__all__ = ["MOST_DEPTH", "MOST_VALUES", "Decoder", "decode_value"]

#: Nesting, and values in all, of one frame: a performative has a depth of six and some forty values.
MOST_DEPTH: Final = 16
MOST_VALUES: Final = 4_096

_COMPOUND: Final = {LIST8: 1, MAP8: 1, ARRAY8: 1, LIST32: 4, MAP32: 4, ARRAY32: 4}
_U32: Final = struct.Struct(">I")


def decode_value(data: bytes) -> Value:
    """The one value in these octets; raises AmqpError."""
    decoder = Decoder(data)
    value = decoder.value()
    if decoder.position != decoder.end:
        raise AmqpError("more octets than the value has", position=decoder.position)
    return value


class Decoder:
    """Reads one value after the other from `data`, between `position` and `end`."""

    __slots__ = ("_depth", "_left", "data", "end", "position")

    def __init__(self, data: bytes, position: int = 0, end: int | None = None, *, values: int = MOST_VALUES) -> None:
        self.data, self.position = data, position
        self.end = len(data) if end is None else end
        self._depth, self._left = 0, values

    def value(self) -> Value:
        """The next value; raises AmqpError."""
        at = self.position
        return self._value_of(self._octets(1), at)

    def _value_of(self, code: int, at: int) -> Value:
        self._left -= 1
        if self._left < 0:
            raise AmqpError("too many values", position=at)
        if code in CONSTANTS:
            return CONSTANTS[code]
        if code in FIXED:
            return self._fixed(code, at)
        if code in VARIABLE:
            return self._variable(code)
        if code not in _COMPOUND and code != DESCRIBED:
            raise AmqpError(f"format code 0x{code:02x} is not a type", position=at)
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise AmqpError("values nested too deep", position=at)
        value = Described(self.value(), self.value()) if code == DESCRIBED else self._compound(code, at)
        self._depth -= 1
        return value

    def _octets(self, count: int) -> int:
        """An unsigned number of one or four octets."""
        at = self.position
        if self.end - at < count:
            raise AmqpError("value ends early", position=at)
        self.position = at + count
        return self.data[at] if count == 1 else int(_U32.unpack_from(self.data, at)[0])

    def _fixed(self, code: int, at: int) -> Value:
        row, start = FIXED[code], self.position
        if self.end - start < row.form.size:
            raise AmqpError("value ends early", position=start)
        self.position = start + row.form.size
        (raw,) = row.form.unpack_from(self.data, start)
        if row.made is bool and raw > 1:
            raise AmqpError(f"boolean of {raw}", position=at)
        if row.made is Char:
            return _char(raw, at)
        return UUID(bytes=raw) if code == UUID16 else row.made(raw)

    def _variable(self, code: int) -> Value:
        width, made = VARIABLE[code]
        size = self._octets(width)
        start = self.position
        if size > self.end - start:
            raise AmqpError(f"{size} octets announced, {self.end - start} there", position=start)
        self.position = start + size
        octets = bytes(self.data[start : self.position])
        if made is bytes:
            return octets
        try:
            return Symbol(octets.decode("ascii")) if made is Symbol else octets.decode()
        except UnicodeDecodeError as error:
            raise AmqpError("text is not in its encoding", position=start + error.start) from None

    def _compound(self, code: int, at: int) -> Value:
        width = _COMPOUND[code]
        size = self._octets(width)
        outer, end = self.end, self.position + size
        if end > outer:
            raise AmqpError(f"{size} octets announced, {outer - self.position} there", position=self.position)
        self.end = end
        count = self._octets(width)
        if count > self._left:
            raise AmqpError("too many values", position=at)
        value: Value
        if code in (ARRAY8, ARRAY32):
            value = self._array(count)
        elif code in (MAP8, MAP32):
            value = self._map(count, at)
        else:
            value = tuple([self.value() for _ in range(count)])
        if self.position != end:
            raise AmqpError("size and content differ", position=self.position)
        self.end = outer
        return value

    def _map(self, count: int, at: int) -> Map:
        if count % 2:
            raise AmqpError("map with a key and no value", position=at)
        pairs = tuple([(self.value(), self.value()) for _ in range(count // 2)])
        if len({(type(key), key) for key, _ in pairs}) < len(pairs):
            raise AmqpError("map with the same key twice", position=at)
        return Map(pairs)

    def _array(self, count: int) -> Array:
        at = self.position
        code, descriptor = self._octets(1), None
        described = code == DESCRIBED
        if described:
            descriptor = self.value()
            at = self.position
            code = self._octets(1)
        if code == DESCRIBED or (described and descriptor is None):
            raise AmqpError("array of values described twice, or by null", position=at)
        if not count and code not in CONSTANTS and code not in FIXED and code not in VARIABLE and code not in _COMPOUND:
            raise AmqpError(f"format code 0x{code:02x} is not a type", position=at)
        return Array(code, tuple([self._value_of(code, at) for _ in range(count)]), descriptor)


def _char(raw: int, at: int) -> Char:
    if raw > 0x10FFFF or 0xD800 <= raw < 0xE000:
        raise AmqpError(f"character U+{raw:X}", position=at)
    return Char(chr(raw))
