"""Fields of a message: little-endian numbers, bits, characters, as GB/T 27930-2015, 10 lays them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinqiao.base.errors import InputError

__all__ = ["Ascii", "Bcd", "Field", "Number", "Raw", "Split", "Twos"]


@dataclass(frozen=True, slots=True)
class Number:
    """`size` bytes in steps of 1/`per` above `offset`."""

    size: int
    per: int = 1
    offset: int = 0

    def pack(self, value: Any, path: str) -> bytes:
        raw = round((value - self.offset) * self.per)
        if not 0 <= raw < 256**self.size:
            raise InputError(
                f"{path}: found {value:g}, expected {self.offset} to {(256**self.size - 1) / self.per + self.offset:g}"
            )
        return int(raw).to_bytes(self.size, "little")

    def unpack(self, data: bytes) -> int | float:
        shifted = int.from_bytes(data, "little") + self.offset * self.per
        return shifted if self.per == 1 else shifted / self.per


@dataclass(frozen=True, slots=True)
class Split:
    """Two bytes: a number in the low 12 bits, another in the high 4; the value is the pair."""

    per: int
    size: int = 2

    def pack(self, value: Any, path: str) -> bytes:
        first, second = round(value[0] * self.per), value[1]
        if not 0 <= first < 1 << 12 or not 0 <= second < 1 << 4:
            raise InputError(f"{path}: found {value}, expected 0 to {4095 / self.per:g} and 0 to 15")
        return int(second << 12 | first).to_bytes(2, "little")

    def unpack(self, data: bytes) -> tuple[float, int]:
        raw = int.from_bytes(data, "little")
        return (raw & 0xFFF) / self.per, raw >> 12


@dataclass(frozen=True, slots=True)
class Twos:
    """Names of two bits each, from the lowest on: 0 no, 1 yes, 2 not to be trusted. Bits without a name are `spare`."""

    names: Sequence[str]
    size: int = 1
    spare: int = 0

    def pack(self, value: Any, path: str) -> bytes:
        raw = 0 if not self.spare else (1 << 8 * self.size) - (1 << 2 * len(self.names))
        for name in value.keys() - set(self.names):
            raise InputError(f"{path}: no bits {name!r}, expected some of {', '.join(self.names)}")
        for place, name in enumerate(self.names):
            raw |= (int(value.get(name, 0)) & 3) << 2 * place
        return raw.to_bytes(self.size, "little")

    def unpack(self, data: bytes) -> Mapping[str, int]:
        raw = int.from_bytes(data, "little")
        return {name: raw >> 2 * place & 3 for place, name in enumerate(self.names)}


@dataclass(frozen=True, slots=True)
class Ascii:
    """Characters of a fixed length, filled with NUL."""

    size: int

    def pack(self, value: Any, path: str) -> bytes:
        if not isinstance(value, str) or not value.isascii() or len(value) > self.size:
            raise InputError(f"{path}: found {value!r}, expected at most {self.size} ASCII characters")
        return value.encode().ljust(self.size, b"\0")

    def unpack(self, data: bytes) -> str:
        return data.rstrip(b"\0").decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Bcd:
    """Digits, two in a byte; the lower byte first."""

    size: int = 1

    def pack(self, value: Any, path: str) -> bytes:
        if not 0 <= value < 100**self.size:
            raise InputError(f"{path}: found {value}, expected {2 * self.size} digits")
        return bytes.fromhex(f"{value:0{2 * self.size}d}")[::-1]

    def unpack(self, data: bytes) -> int:
        return int(data[::-1].hex())


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are."""

    size: int

    def pack(self, value: Any, path: str) -> bytes:
        if len(value) != self.size:
            raise InputError(f"{path}: found {len(value)} bytes, expected {self.size}")
        return bytes(value)

    def unpack(self, data: bytes) -> bytes:
        return bytes(data)


Field = Number | Split | Twos | Ascii | Bcd | Raw
