"""Forms of single fields: how a value stands in bytes, big-endian (GB/T 32960.3-2016 and -2025, 6.1 and 7).

A form turns a value into bytes and bytes into a value. Numbers are in their unit, or one of the two marks `abnormal`
and `invalid`: all bits 1, and one less. Wrong bytes raise `Fault` with their offset; a value that does not fit raises
InputError with its path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from struct import unpack
from typing import Any, NamedTuple, Protocol

from jinqiao.base.errors import InputError
from jinqiao.base.words import did_you_mean

from .cursor import Cursor, Fault

__all__ = [
    "ABNORMAL",
    "BEIJING",
    "INVALID",
    "Bits",
    "Blob",
    "Choice",
    "Count",
    "Flags",
    "Form",
    "Listing",
    "Number",
    "Part",
    "Record",
    "Text",
    "Time",
]

ABNORMAL, INVALID = "abnormal", "invalid"
#: All times on the wire are China's (6.4: GMT+8).
BEIJING = timezone(timedelta(hours=8))


#: Letters of `struct` by size.
_UNPACK: Mapping[int, str] = {1: "B", 2: "H", 4: "I"}


class Form(Protocol):
    """How a value stands in bytes. `path` names the value in messages."""

    def encode(self, value: Any, path: str) -> bytes:
        """The bytes of a value; InputError when it has none."""

    def decode(self, cursor: Cursor, path: str) -> Any:
        """The value of the bytes at the cursor; Fault when they have none."""


@dataclass(frozen=True, slots=True)
class Number:
    """An unsigned whole number of `size` bytes in steps of 1/`per` above `offset`; `marks` says if it has marks."""

    size: int
    per: int = 1
    offset: int = 0
    marks: bool = True

    @property
    def most(self) -> int:
        """The largest raw number that is a value."""
        return int(256**self.size) - (3 if self.marks else 1)

    def encode(self, value: Any, path: str) -> bytes:
        if self.marks and value in (ABNORMAL, INVALID):
            return (self.most + (1 if value == ABNORMAL else 2)).to_bytes(self.size, "big")
        if isinstance(value, str | bool) or not isinstance(value, int | float) or value != value:
            raise InputError(f"{path}: found {value!r}, expected a number")
        raw = round((value - self.offset) * self.per) if abs(value) < 1e12 else -1
        if not 0 <= raw <= self.most:
            low, high = self.value(0), self.value(self.most)
            raise InputError(f"{path}: found {value:g}, expected {low:g} to {high:g}")
        return raw.to_bytes(self.size, "big")

    def decode(self, cursor: Cursor, path: str) -> Any:
        raw = cursor.number(self.size, path)
        if raw > self.most:
            return ABNORMAL if raw == self.most + 1 else INVALID
        return self.value(raw)

    def decode_many(self, cursor: Cursor, count: int, path: str) -> list[Any]:
        """The same for `count` numbers, one behind the other: cells of a pack are hundreds."""
        raws = unpack(f">{count}{_UNPACK[self.size]}", cursor.take(count * self.size, path))
        shift, per, most = self.offset * self.per, self.per, self.most
        if max(raws, default=0) > most:
            marks = {most + 1: ABNORMAL, most + 2: INVALID}
            return [marks[raw] if raw > most else self.value(raw) for raw in raws]
        return [raw + shift for raw in raws] if per == 1 else [(raw + shift) / per for raw in raws]

    def value(self, raw: int) -> int | float:
        """The value of a raw number: whole numbers divided once, so that nothing is lost."""
        shifted = raw + self.offset * self.per
        return shifted if self.per == 1 else shifted / self.per


@dataclass(frozen=True, slots=True)
class Choice:
    """One byte out of a list of words; a code that is not in the list stays a number."""

    words: Mapping[int, str]

    def encode(self, value: Any, path: str) -> bytes:
        codes = {word: code for code, word in self.words.items()} | {ABNORMAL: 0xFE, INVALID: 0xFF}
        code = codes.get(value, value)
        if isinstance(code, bool) or not isinstance(code, int) or not 0 <= code <= 0xFF:
            known = ", ".join(codes)
            hint = did_you_mean(value, codes) if isinstance(value, str) else ""
            raise InputError(f"{path}: found {value!r}{hint}, expected one of {known}")
        return bytes((code,))

    def decode(self, cursor: Cursor, path: str) -> Any:
        code = cursor.number(1, path)
        return {0xFE: ABNORMAL, 0xFF: INVALID}.get(code) or self.words.get(code, code)


@dataclass(frozen=True, slots=True)
class Flags:
    """A whole number of which each bit has a name; the value is the list of names, a bit without one is its number."""

    size: int
    names: Sequence[str]

    def encode(self, value: Any, path: str) -> bytes:
        raw = 0
        for name in value:
            if name not in self.names and not (isinstance(name, int) and 0 <= name < 8 * self.size):
                hint = did_you_mean(name, self.names) if isinstance(name, str) else ""
                raise InputError(f"{path}: no flag {name!r}{hint}")
            raw |= 1 << (name if isinstance(name, int) else self.names.index(name))
        return raw.to_bytes(self.size, "big")

    def decode(self, cursor: Cursor, path: str) -> list[str | int]:
        raw = cursor.number(self.size, path)
        bits = [bit for bit in range(8 * self.size) if raw >> bit & 1]
        return [self.names[bit] if bit < len(self.names) else bit for bit in bits]


class Part(NamedTuple):
    """Some bits of a byte: how many, from which; with `words` a choice, else true or false."""

    low: int
    width: int = 1
    words: Mapping[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Bits:
    """One byte of several parts; a value of all parts by name, and `reserved` if bits outside of them are set."""

    parts: Mapping[str, Part]

    def encode(self, value: Any, path: str) -> bytes:
        raw = int(value.get("reserved", 0))
        for name, part in self.parts.items():
            given = value[name]
            if part.words is not None:
                given = {word: code for code, word in part.words.items()}.get(given, given)
            if not isinstance(given, int) or not 0 <= given < 1 << part.width:
                raise InputError(f"{path}.{name}: found {value[name]!r}, expected {part.words or 'true or false'}")
            raw |= given << part.low
        return bytes((raw,))

    def decode(self, cursor: Cursor, path: str) -> dict[str, Any]:
        raw = cursor.number(1, path)
        found: dict[str, Any] = {}
        for name, part in self.parts.items():
            mask = (1 << part.width) - 1 << part.low
            code = (raw & mask) >> part.low
            found[name] = bool(code) if part.words is None else part.words.get(code, code)
            raw &= ~mask
        return found | ({"reserved": raw} if raw else {})


@dataclass(frozen=True, slots=True)
class Text:
    """ASCII of a fixed length, filled with NUL."""

    length: int

    def encode(self, value: Any, path: str) -> bytes:
        if not isinstance(value, str) or not value.isascii() or len(value) > self.length:
            raise InputError(f"{path}: found {value!r}, expected at most {self.length} ASCII characters")
        return value.encode().ljust(self.length, b"\0")

    def decode(self, cursor: Cursor, path: str) -> str:
        at = cursor.at
        raw = cursor.take(self.length, path)
        if not raw.isascii():
            raise Fault(at, path, raw.hex(), "ASCII")
        return raw.decode().rstrip("\0")


@dataclass(frozen=True, slots=True)
class Time:
    """Six bytes: year of this century, month, day, hour, minute, second, in Beijing time."""

    def encode(self, value: Any, path: str) -> bytes:
        if not isinstance(value, datetime) or value.tzinfo is None:
            raise InputError(f"{path}: found {value!r}, expected a datetime with its time zone")
        there = value.astimezone(BEIJING)
        if not 2000 <= there.year <= 2255:
            raise InputError(f"{path}: found the year {there.year}, expected 2000 to 2255")
        return bytes((there.year - 2000, there.month, there.day, there.hour, there.minute, there.second))

    def decode(self, cursor: Cursor, path: str) -> datetime:
        at = cursor.at
        year, month, day, hour, minute, second = raw = cursor.take(6, path)
        try:
            return datetime(2000 + year, month, day, hour, minute, second, tzinfo=BEIJING)
        except ValueError:
            found = " ".join(str(number) for number in raw)
            raise Fault(at, path, found, "year, month, day, hour, minute, second") from None

    @staticmethod
    def at_ms(time_ms: int) -> datetime:
        """A moment given in UTC ms since 1970."""
        return datetime.fromtimestamp(time_ms // 1000, UTC).astimezone(BEIJING)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes behind their length; with `each`, the length is fixed."""

    length_size: int = 2
    fixed: int | None = None

    def encode(self, value: Any, path: str) -> bytes:
        most = 256**self.length_size - 1 if self.fixed is None else self.fixed
        if not isinstance(value, bytes) or len(value) > most or (self.fixed is not None and len(value) != most):
            raise InputError(f"{path}: found {value!r}, expected {'' if self.fixed else 'at most '}{most} bytes")
        return (b"" if self.fixed is not None else len(value).to_bytes(self.length_size, "big")) + value

    def decode(self, cursor: Cursor, path: str) -> bytes:
        count = cursor.number(self.length_size, f"{path}.length") if self.fixed is None else self.fixed
        return bytes(cursor.take(count, path))


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries follow. A count has the two marks of a number: then it is its own value, and nothing follows."""

    size: int = 1
    limit: int | None = None

    @property
    def most(self) -> int:
        """The largest count that is one."""
        return Number(self.size).most if self.limit is None else self.limit

    def encode(self, value: Any, path: str) -> bytes:
        """Of the entries, or of the mark in their place."""
        if not isinstance(value, str) and len(value) > self.most:
            raise InputError(f"{path}: found {len(value)} entries, expected at most {self.most}")
        return Number(self.size).encode(value if isinstance(value, str) else len(value), path)

    def decode(self, cursor: Cursor, path: str) -> int | str:
        found: int | str = Number(self.size).decode(cursor, path)
        return found


@dataclass(frozen=True, slots=True)
class Listing:
    """Values of one form behind their count; the value is `abnormal` or `invalid` where the count is."""

    form: Form
    count_size: int = 1
    most: int | None = None

    def encode(self, value: Any, path: str) -> bytes:
        count = Count(self.count_size, self.most).encode(value, path)
        if isinstance(value, str):
            return count
        return count + b"".join(self.form.encode(entry, f"{path}[{number}]") for number, entry in enumerate(value))

    def decode(self, cursor: Cursor, path: str) -> list[Any] | str:
        count = Count(self.count_size).decode(cursor, f"{path}.count")
        if isinstance(count, str):
            return count
        if isinstance(self.form, Number) and self.form.size in _UNPACK:
            return self.form.decode_many(cursor, count, path)
        return [self.form.decode(cursor, f"{path}[{number}]") for number in range(count)]


@dataclass(frozen=True, slots=True)
class Record:
    """Fields one behind the other, by name."""

    fields: Mapping[str, Form] = field(default_factory=dict)

    def encode(self, value: Any, path: str) -> bytes:
        for name in self.fields.keys() - value.keys():
            raise InputError(f"{path}.{name}: expected a value, found none")
        for name in value.keys() - self.fields.keys():
            raise InputError(f"{path}: no field {name!r}{did_you_mean(name, self.fields)}")
        return b"".join(form.encode(value[name], f"{path}.{name}") for name, form in self.fields.items())

    def decode(self, cursor: Cursor, path: str) -> dict[str, Any]:
        return {name: form.decode(cursor, f"{path}.{name}") for name, form in self.fields.items()}
