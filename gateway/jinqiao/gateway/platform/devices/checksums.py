"""The checksums of files by MQTT: CRC-16/ARC behind each block, CRC-64/XZ of the whole file (reflected polynomials).

A block of 128 KB takes 8 ms byte by byte, on the event loop. A CRC is linear, so a block is cut into pieces whose
checksums are worked out side by side, and then joined two by two: what a piece contributes to the whole is its checksum
carried over as many zero bytes as follow it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc16", "crc64"]

#: Bytes of a piece, bytes that are cut into pieces at once, bytes from which on that pays.
_PIECE, _PORTION, _LONG = 64, 128 << 10, 4_096

Words = NDArray[np.uint64]


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
        self._bytes = width // 8
        self._table = _table(polynomial)
        self._words: Words = np.array(self._table, dtype=np.uint64)
        #: For each power of two how a register changes over that many zero bytes, by each of its bytes.
        self._over_zeros: list[list[Words]] = []

    def carry_on(self, register: int, data: bytes) -> int:
        """The register after these bytes."""
        if len(data) < _LONG:
            return self._one_by_one(register, data)
        for start in range(0, len(data), _PORTION):
            portion = data[start : start + _PORTION]
            register = self._carried(register, len(portion)) ^ self._from_zero(portion)
        return register

    def _one_by_one(self, register: int, data: bytes) -> int:
        table = self._table
        for byte in data:
            register = register >> 8 ^ table[(register ^ byte) & 0xFF]
        return register

    def _from_zero(self, data: bytes) -> int:
        """The register after these bytes if it begins at 0; zero bytes in front change nothing then."""
        pieces = 1 << (-(-len(data) // _PIECE) - 1).bit_length()
        padded = np.zeros(pieces * _PIECE, dtype=np.uint8)
        padded[len(padded) - len(data) :] = np.frombuffer(data, dtype=np.uint8)
        registers: Words = np.zeros(pieces, dtype=np.uint64)
        for column in np.ascontiguousarray(padded.reshape(pieces, _PIECE).T):
            registers = (registers >> np.uint64(8)) ^ self._words[registers.astype(np.uint8) ^ column]
        power = _PIECE.bit_length() - 1
        while len(registers) > 1:
            registers = self._over(power, registers[0::2]) ^ registers[1::2]
            power += 1
        return int(registers[0])

    def _carried(self, register: int, zeros: int) -> int:
        """The register after that many zero bytes."""
        registers: Words = np.array([register], dtype=np.uint64)
        for power in range(zeros.bit_length()):
            if zeros >> power & 1:
                registers = self._over(power, registers)
        return int(registers[0])

    def _over(self, power: int, registers: Words) -> Words:
        """Each register after `2**power` zero bytes."""
        tables = self._over_zeros
        while len(tables) <= power:
            each = np.arange(256, dtype=np.uint64)
            alone = [each << np.uint64(8 * place) for place in range(self._bytes)]
            if tables:
                tables.append([_changed(tables[-1], _changed(tables[-1], one)) for one in alone])
            else:
                tables.append([(one >> np.uint64(8)) ^ self._words[one.astype(np.uint8)] for one in alone])
        return _changed(tables[power], registers)


def _changed(tables: Sequence[Words], registers: Words) -> Words:
    """Registers changed by a linear rule that is given by each of their bytes."""
    changed: Words = np.zeros_like(registers)
    for place, table in enumerate(tables):
        changed ^= table[(registers >> np.uint64(8 * place)).astype(np.uint8)]
    return changed


def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ polynomial if byte & 1 else byte >> 1
        table.append(byte)
    return tuple(table)


_CRC16, _CRC64, _ONES = _Crc(0xA001, 16), _Crc(0xC96C5795D7870F42, 64), 0xFFFFFFFFFFFFFFFF
