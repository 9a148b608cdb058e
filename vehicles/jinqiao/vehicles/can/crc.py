"""CRC-8/SAE-J1850 over many messages at once: polynomial 0x1D, initial and final 0xFF, not reflected.

A CRC is linear: the checksum of a message is the exclusive-or of what each of its bytes contributes at its place. So a
frame needs a lookup per two bytes, none of which waits for another. ("123456789" gives 0x4B.)
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["crc8", "protect"]

POLYNOMIAL = 0x1D
INITIAL = FINAL = 0xFF
#: Bytes 0 to 6 are covered; before them stand the two bytes of the identifier, low first.
COVERED = 7


def _step_table() -> NDArray[np.uint8]:
    table: NDArray[np.int64] = np.arange(256)
    for _ in range(8):
        table = np.where(table & 0x80, (table << 1) ^ POLYNOMIAL, table << 1) & 0xFF
    return table.astype(np.uint8)


_STEP = _step_table()


def crc8(data: bytes) -> int:
    """Checksum of any bytes."""
    crc = INITIAL
    for byte in data:
        crc = int(_STEP[crc ^ byte])
    return crc ^ FINAL


@cache
def _contributions() -> tuple[NDArray[np.uint8], ...]:
    """Of bytes (0, 1), (2, 3), (4, 5) as little-endian pairs, shape (65536,), and of byte 6, shape (256,)."""
    alone = [_STEP]
    for _ in range(COVERED - 1):
        alone.append(_STEP[alone[-1]])
    by_byte = alone[::-1]  # by place in the message
    pairs = [(by_byte[place + 1][:, None] ^ by_byte[place][None, :]).ravel() for place in (0, 2, 4)]
    return (*pairs, by_byte[6])


@cache
def _constant(identifier: int) -> int:
    """Checksum of a message of zeros under this identifier."""
    return crc8(bytes((identifier & 0xFF, identifier >> 8)) + bytes(COVERED))


def protect(identifier: int, words: NDArray[np.uint64]) -> None:
    """Write byte 7 of little-endian frames, shape (n,), in place."""
    first, second, third, last = _contributions()
    pairs = words.view("<u2").reshape(-1, 4)
    octets = words.view(np.uint8).reshape(-1, 8)
    crc = first[pairs[:, 0]]
    crc ^= second[pairs[:, 1]]
    crc ^= third[pairs[:, 2]]
    crc ^= last[octets[:, 6]]
    crc ^= np.uint8(_constant(identifier))
    octets[:, 7] = crc
