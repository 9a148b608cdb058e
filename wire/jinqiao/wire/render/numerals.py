"""Decimal numerals for whole columns, by table look-up: four digits are one gather.

A numeral is a list of `Piece`s, each a fixed number of characters wide, so that it can stand at a fixed place of a row.
Numbers shorter than their place are padded with spaces on the left, which JSON allows before a value. A sign, or the
opening quote of a number sent as a string, stands directly before the first digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Numeral", "Piece", "numeral"]

_BASE = 10_000  # four digits a look-up: the tables of 20,000 short strings stay in the second-level cache
_MAX_INTEGER = _BASE * _BASE - 1

Texts = NDArray[np.bytes_]
Ints = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """`width` characters of a numeral: row i shows `table[index[i]]`."""

    width: int
    table: Texts
    index: Ints

    def texts(self) -> Texts:
        """The characters, shape (n,), dtype S{width}."""
        return self.table.take(self.index)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A column as text: its pieces from left to right, and the closing characters all rows share."""

    pieces: tuple[Piece, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(piece.width for piece in self.pieces)


@lru_cache(maxsize=64)
def _padded(width: int, mark: str) -> Texts:
    """0 … 9999 right-aligned in `width` characters; entry 10,000 + i the same with `mark` before the first digit."""
    plain = [f"{i:>{width}}"[-width:] for i in range(_BASE)]
    marked = [f"{mark}{i}".rjust(width)[-width:] for i in range(_BASE)]
    return np.array(plain + marked, dtype=f"S{width}")


@lru_cache(maxsize=16)
def _zeros(width: int, lead: str = "") -> Texts:
    """0 … 10^width - 1 with leading zeros, each after `lead`."""
    return np.array([f"{lead}{i:0{width}d}" for i in range(10**width)], dtype=f"S{width + len(lead)}")


@lru_cache(maxsize=8)
def _low_half(mark: str) -> Texts:
    """Last four digits of a longer number: zero-padded, then, for numbers without a higher half, `_padded`."""
    return np.concatenate([_zeros(4), _padded(4, mark)])


@lru_cache(maxsize=32)
def _high_half(width: int, mark: str) -> Texts:
    """Leading digits of a longer number: as `_padded`; entry 20,000 is blank, 20,001 blank but for a final `mark`."""
    blank = [" " * width, mark.rjust(width)]
    return np.concatenate([_padded(width, mark), np.array(blank, dtype=f"S{width}")])


def numeral(
    scaled: Ints,
    decimals: int,
    *,
    mark: str = "-",
    marked: NDArray[np.bool_] | None = None,
    reach: tuple[int, int] | None = None,
) -> Numeral:
    """The text of `scaled / 10**decimals` for each row.

    `scaled` holds whole numbers, shape (n,), n ≥ 1. `mark` stands before the first digit of the rows that are negative,
    or of those in `marked`. The places are wide enough for all numbers of `reach`, from lowest to highest, which holds
    those of `scaled`; if it is absent, for those that are here. Raises ValueError when an integer part has more than
    eight digits.
    """
    lowest, highest = (int(scaled.min()), int(scaled.max())) if reach is None else reach
    if marked is None and lowest < 0:
        marked = scaled < 0
        scaled = np.abs(scaled)
        highest = max(-lowest, highest)
    if decimals:
        unit = 10**decimals
        whole = scaled // unit
        fraction = scaled - whole * unit
        return Numeral((*_integer(whole, highest // unit, mark, marked), *_fraction(fraction, decimals)))
    return Numeral(_integer(scaled, highest, mark, marked))


def _integer(whole: Ints, highest: int, mark: str, marked: NDArray[np.bool_] | None) -> tuple[Piece, ...]:
    width = len(str(highest)) + (marked is not None)
    if highest < _BASE:
        index = whole if marked is None else whole + _BASE * marked
        return (Piece(width, _padded(width, mark), index),)
    if highest > _MAX_INTEGER:
        raise ValueError(f"{highest} has more than eight digits before the decimal point")
    high = whole // _BASE
    low = whole - high * _BASE
    short = high == 0
    high_index = high if marked is None else high + _BASE * marked
    low_index = low
    if short.any():
        flag = np.zeros(len(whole), bool) if marked is None else marked
        mark_in_high = flag & short & (low >= _BASE // 10)  # four digits fill the low piece, their mark spills over
        high_index = np.where(short, 2 * _BASE + mark_in_high, high_index)
        low_index = np.where(short, _BASE * (1 + (flag & ~mark_in_high)) + low, low)
    return Piece(width - 4, _high_half(width - 4, mark), high_index), Piece(4, _low_half(mark), low_index)


def _fraction(fraction: Ints, decimals: int) -> tuple[Piece, ...]:
    if decimals <= 4:
        return (Piece(decimals + 1, _zeros(decimals, "."), fraction),)
    high = fraction // _BASE
    return Piece(decimals - 3, _zeros(decimals - 4, "."), high), Piece(4, _zeros(4), fraction - high * _BASE)
