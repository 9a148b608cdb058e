"""Values of the AMQP type system in Python (AMQP 1.0 part 1 § 1.6).

Where Python has a type for exactly one AMQP type it is that: None, bool, float (double), bytes (binary), str (string),
UUID. All others have a class here, so that what was read is written as the same type. Everything is immutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

__all__ = [
    "Array",
    "Byte",
    "Char",
    "Decimal",
    "Described",
    "Float",
    "Int",
    "Long",
    "Map",
    "Short",
    "Symbol",
    "Timestamp",
    "Ubyte",
    "Uint",
    "Ulong",
    "Ushort",
    "Value",
]


class Ubyte(int):
    """8 bits, unsigned."""


class Ushort(int):
    """16 bits, unsigned."""


class Uint(int):
    """32 bits, unsigned."""


class Ulong(int):
    """64 bits, unsigned."""


class Byte(int):
    """8 bits, two's complement."""


class Short(int):
    """16 bits, two's complement."""


class Int(int):
    """32 bits, two's complement."""


class Long(int):
    """64 bits, two's complement."""


class Timestamp(int):
    """Milliseconds since 1970, UTC."""


class Float(float):
    """IEEE 754 binary32; a plain float is a double."""


class Char(str):
    """One Unicode character."""


class Symbol(str):
    """ASCII from a constrained domain."""


class Decimal(bytes):
    """IEEE 754 decimal32, decimal64 or decimal128: its 4, 8 or 16 octets, which nobody here calculates with."""


@dataclass(frozen=True, slots=True)
class Map:
    """Pairs in their order; keys may be of any type, and of equal keys of one type there is only one."""

    pairs: tuple[tuple[Value, Value], ...] = ()

    def get(self, key: Value, otherwise: Value = None) -> Value:
        """The value of the key that is equal to this one and of its type."""
        return next((value for each, value in self.pairs if type(each) is type(key) and each == key), otherwise)


@dataclass(frozen=True, slots=True)
class Array:
    """Values of one type, with the constructor that all share; `descriptor` not None: each is a described value."""

    code: int
    items: tuple[Value, ...] = ()
    descriptor: Value = None


@dataclass(frozen=True, slots=True)
class Described:
    """A value and what says what it means."""

    descriptor: Value
    value: Value


#: A list is a tuple.
Value: TypeAlias = bool | int | float | str | bytes | UUID | tuple[Any, ...] | Map | Array | Described | None
