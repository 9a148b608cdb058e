"""How long a base-format data frame occupies the bus: ISO 11898-1 fields, its own CRC, and its stuff bits.

From start of frame to the end of the CRC sequence a bit of the other level follows every five equal ones. Both the
CRC and the stuffing are read byte by byte from tables, so that many frames are measured at once.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BIT_RATE", "INTERFRAME_BITS", "frame_bits", "worst_case_bits"]

BIT_RATE = 500_000
#: Intermission between frames.
INTERFRAME_BITS = 3
#: CRC delimiter, acknowledge slot and delimiter, end of frame: not stuffed.
_TAIL_BITS = 1 + 2 + 7
#: Start of frame, identifier, RTR, IDE, reserved bit, length code.
_HEAD_BITS = 1 + 11 + 3 + 4
_CRC_BITS, _CRC_POLYNOMIAL = 15, 0x4599
_LONGEST_RUN = 5


class _Tables(NamedTuple):
    """By state and byte: the next state and the stuff bits inserted; of the CRC, by byte."""

    stuffed: NDArray[np.uint16]  # (states × 256,): next state × 256
    added: NDArray[np.uint8]
    added_of_7: NDArray[np.uint8]  # the same for seven bits only
    after_7: NDArray[np.uint16]
    crc: NDArray[np.uint16]


def _stuff(state: int, bits: list[int]) -> tuple[int, int]:
    """State (level × 5 + run − 1) after these bits, and how many bits were stuffed."""
    level, run = divmod(state, _LONGEST_RUN)
    run, added = run + 1, 0
    for bit in bits:
        run = run + 1 if bit == level else 1
        level = bit
        if run == _LONGEST_RUN:  # the stuffed bit has the other level and begins a run
            level, run, added = 1 - level, 1, added + 1
    return level * _LONGEST_RUN + run - 1, added


def _bits(value: int, width: int) -> list[int]:
    return [value >> place & 1 for place in range(width - 1, -1, -1)]


def _crc_step(crc: int, bits: list[int]) -> int:
    for bit in bits:
        flip = (crc >> (_CRC_BITS - 1) & 1) ^ bit
        crc = (crc << 1) & 0x7FFF
        crc ^= _CRC_POLYNOMIAL if flip else 0
    return crc


@cache
def _tables() -> _Tables:
    states = 2 * _LONGEST_RUN
    octets = [[_stuff(state, _bits(byte, 8)) for byte in range(256)] for state in range(states)]
    sevens = [[_stuff(state, _bits(byte, 7)) for byte in range(128)] for state in range(states)]
    return _Tables(
        np.array([[after * 256 for after, _ in row] for row in octets], dtype=np.uint16).ravel(),
        np.array([[added for _, added in row] for row in octets], dtype=np.uint8).ravel(),
        np.array([[added for _, added in row] for row in sevens], dtype=np.uint8).ravel(),
        np.array([[after * 256 for after, _ in row] for row in sevens], dtype=np.uint16).ravel(),
        np.array([_crc_step(0, _bits(byte, 8)) for byte in range(256)], dtype=np.uint16),
    )


@cache
def _head(identifier: int, length: int) -> tuple[int, int, int]:
    """CRC, stuffing state and stuff bits after the head of a frame."""
    bits = [0, *_bits(identifier, 11), 0, 0, 0, *_bits(length, 4)]
    # Before the start of frame the bus is recessive; its first dominant bit begins the first run.
    state, added = _stuff(0, bits[1:])
    return _crc_step(0, bits), state, added


def frame_bits(identifier: int, length: int, data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Bits on the bus of frames of one message, intermission included; `data` has shape (n, 8), the result (n,)."""
    tables = _tables()
    crc0, state0, added0 = _head(identifier, length)
    crc = np.full(len(data), crc0, dtype=np.uint16)
    state = np.full(len(data), state0 * 256, dtype=np.uint16)
    added = np.full(len(data), added0, dtype=np.int64)
    for place in range(length):
        octet = data[:, place]
        at = state + octet
        added += tables.added[at]
        state = tables.stuffed[at]
        crc = ((crc << 8) & 0x7FFF) ^ tables.crc[(crc >> 7) ^ octet]
    at = (state >> 1) + (crc >> 8)  # seven bits: tables of 128 entries a state
    added += tables.added_of_7[at]
    added += tables.added[tables.after_7[at] + (crc & 0xFF)]
    total: NDArray[np.int64] = added + (_HEAD_BITS + 8 * length + _CRC_BITS + _TAIL_BITS + INTERFRAME_BITS)
    return total


def worst_case_bits(length: int) -> int:
    """The most that a frame of so many data bytes can occupy, intermission included."""
    stuffed = _HEAD_BITS + 8 * length + _CRC_BITS
    return stuffed + (stuffed - 1) // 4 + _TAIL_BITS + INTERFRAME_BITS
