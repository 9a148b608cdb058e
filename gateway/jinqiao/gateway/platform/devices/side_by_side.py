"""The checksum of a long block: cut into pieces whose checksums are worked out side by side, and then joined in pairs.

A CRC is linear: what a piece contributes to the whole is its checksum carried over as many zero bytes as follow it. So
128 KB take 1 ms, and 16 MB 0.2 s.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pieces"]

#: Bytes of a piece, and bytes that are cut into pieces at once.
_PIECE, _PORTION = 64, 128 << 10

Words = NDArray[np.uint64]


class Pieces:
    """One reflected CRC of up to 64 bits, given by what it makes of each byte."""

    def __init__(self, table: Sequence[int], width: int) -> None:
        self._bytes = width // 8
        self._words: Words = np.array(table, dtype=np.uint64)
        #: For each power of two how a register changes over that many zero bytes, by each of its bytes.
        self._over_zeros: list[list[Words]] = []

    def carry_on(self, register: int, data: bytes) -> int:
        """The register after these bytes."""
        for start in range(0, len(data), _PORTION):
            portion = data[start : start + _PORTION]
            register = self._carried(register, len(portion)) ^ self._from_zero(portion)
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
