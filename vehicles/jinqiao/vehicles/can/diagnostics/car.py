"""What a diagnostic request can ask of a car, and how trouble codes are written in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["DiagnosedCar", "NotMeasured", "StoredCode", "code_bytes", "number"]

_SYSTEMS = "PCBU"


class NotMeasured(Exception):
    """The sensor of a signal says nothing."""


class StoredCode(Protocol):
    """One stored trouble code; `status` is 0 pending, 1 confirmed."""

    @property
    def code(self) -> str: ...

    @property
    def status(self) -> int: ...


class DiagnosedCar(Protocol):
    """One car as its control unit knows it."""

    vin: str

    def read(self, signal: str) -> float:
        """A signal of the table now, in its unit. Raises NotMeasured where its value is missing."""

    def codes(self) -> Sequence[StoredCode]:
        """Stored trouble codes, oldest first."""

    def clear(self) -> None:
        """Forget them."""


def code_bytes(code: str) -> bytes:
    """Two bytes of a code like P0A80 (ISO 15031-6): system in the upper two bits, then its four digits."""
    return (_SYSTEMS.index(code[0]) << 14 | int(code[1:], 16)).to_bytes(2, "big")


def number(value: float, scale: float, size: int, offset: float = 0.0, *, signed: bool = False) -> bytes:
    """A value in `size` big-endian bytes, raw = (value − offset) / scale, saturated."""
    bits = 8 * size
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    raw = round((value - offset) / scale) if value == value else 0
    return min(max(raw, low), high).to_bytes(size, "big", signed=signed)
