"""Constructors of the primitive types: one row per format code (AMQP 1.0 part 1 § 1.6)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from .values import Byte, Char, Decimal, Float, Int, Long, Short, Symbol, Timestamp, Ubyte, Uint, Ulong, Ushort

__all__ = [
    "ARRAY8",
    "ARRAY32",
    "CONSTANTS",
    "DESCRIBED",
    "FIXED",
    "LIST0",
    "LIST8",
    "LIST32",
    "MAP8",
    "MAP32",
    "NULL",
    "NUMBERS",
    "UUID16",
    "VARIABLE",
    "Fixed",
]

DESCRIBED: Final = 0x00
NULL: Final = 0x40
LIST0, LIST8, LIST32 = 0x45, 0xC0, 0xD0
MAP8, MAP32 = 0xC1, 0xD1
ARRAY8, ARRAY32 = 0xE0, 0xF0
UUID16: Final = 0x98


@dataclass(frozen=True, slots=True)
class Fixed:
    """A type whose values all take the same number of octets."""

    made: type
    form: struct.Struct


def _fixed(made: type, form: str) -> Fixed:
    return Fixed(made, struct.Struct(">" + form))


#: Format codes of values that have no octets of their own.
CONSTANTS: Final = {NULL: None, 0x41: True, 0x42: False, 0x43: Uint(0), 0x44: Ulong(0), LIST0: ()}

#: Numbers: the narrow forms of a type before its full form.
NUMBERS: Final = {
    0x50: _fixed(Ubyte, "B"),
    0x51: _fixed(Byte, "b"),
    0x52: _fixed(Uint, "B"),
    0x53: _fixed(Ulong, "B"),
    0x54: _fixed(Int, "b"),
    0x55: _fixed(Long, "b"),
    0x60: _fixed(Ushort, "H"),
    0x61: _fixed(Short, "h"),
    0x70: _fixed(Uint, "I"),
    0x71: _fixed(Int, "i"),
    0x72: _fixed(Float, "f"),
    0x80: _fixed(Ulong, "Q"),
    0x81: _fixed(Long, "q"),
    0x82: _fixed(float, "d"),
    0x83: _fixed(Timestamp, "q"),
}

#: All of fixed width; boolean, char, UUID and decimals are checked or kept as octets.
FIXED: Final = {
    **NUMBERS,
    0x56: _fixed(bool, "B"),
    0x73: _fixed(Char, "I"),
    0x74: _fixed(Decimal, "4s"),
    0x84: _fixed(Decimal, "8s"),
    0x94: _fixed(Decimal, "16s"),
    UUID16: _fixed(bytes, "16s"),
}

#: Types with a length before them: the octets of the length, and what they are.
VARIABLE: Final = {
    0xA0: (1, bytes),
    0xA1: (1, str),
    0xA3: (1, Symbol),
    0xB0: (4, bytes),
    0xB1: (4, str),
    0xB3: (4, Symbol),
}
