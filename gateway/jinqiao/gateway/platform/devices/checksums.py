"""The checksums of files by MQTT: CRC-16/ARC behind each block, CRC-64/XZ of the whole file (reflected polynomials).

Byte by byte a block of 128 KB takes 8 ms, on the event loop; long ones are worked out by `side_by_side`, which is
imported with the first of them: it takes NumPy, and commands that only name a device do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .side_by_side import Pieces

__all__ = ["crc16", "crc64"]

#: Bytes from which on it pays to work side by side.
_LONG = 4_096


def crc16(data: bytes) -> int:
    """CRC-16/ARC: what stands behind each block."""
    return _CRC16.carry_on(0, data)


def crc64(data: bytes, before: int = 0) -> int:
    """CRC-64/XZ (ECMA-182 reflected), as object stores compute it: what `ficMode` crc64 compares.

    `before` is the checksum of what stands before `data`.
    """
    return _CRC64.carry_on(before ^ _ONES, data) ^ _ONES


class _Crc:
    """A reflected CRC of any width up to 64 bits, as the register that a polynomial divides."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._width = width
        self._table = _table(polynomial)
        self._pieces: Pieces | None = None

    def carry_on(self, register: int, data: bytes) -> int:
        """The register after these bytes."""
        if len(data) >= _LONG:
            return self._side_by_side().carry_on(register, data)
        table = self._table
        for byte in data:
            register = register >> 8 ^ table[(register ^ byte) & 0xFF]
        return register

    def _side_by_side(self) -> Pieces:
        if self._pieces is None:
            from .side_by_side import Pieces

            self._pieces = Pieces(self._table, self._width)
        return self._pieces


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ polynomial if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_CRC16, _CRC64, _ONES = _Crc(0xA001, 16), _Crc(0xC96C5795D7870F42, 64), 0xFFFFFFFFFFFFFFFF
