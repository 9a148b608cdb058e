"""The text form of SocketCAN's `candump -l`: `(1700000000.000000) can0 1A0#0011223344556677`, one frame a line.

Written for many frames at once: lines of one length are rows of a byte matrix, whatever their order in the file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["candump_lines"]

_HEX = np.frombuffer(b"0123456789ABCDEF", dtype=np.uint8)
#: Digits of an identifier: 11 bits are three, 29 bits eight (candump's own form).
BASE_DIGITS, EXTENDED_DIGITS = 3, 8
#: Whole seconds are ten digits from 2001 to 2286; fractions are microseconds.
SECOND_DIGITS, FRACTION_DIGITS = 10, 6
MICROSECONDS = 1_000_000


def candump_lines(
    time_s: ArrayLike,
    ids: ArrayLike,
    extended: ArrayLike,
    lengths: ArrayLike,
    data: NDArray[np.uint8],
    channel: str = "can0",
) -> bytes:
    """Lines of a candump log, in the order given.

    `time_s` are seconds since 1970 (float64, microseconds are kept), `ids` identifiers, `extended` whether one
    has 29 bits (one for all or one each), `lengths` data bytes 0 to 8 (likewise), `data` bytes of shape (n, 8).
    ValueError for values that the form cannot hold.
    """
    time_us = np.rint(np.asarray(time_s, dtype=np.float64) * MICROSECONDS).astype(np.int64)
    count = len(time_us)
    numbers = np.broadcast_to(np.asarray(ids, dtype=np.int64), count)
    wide = np.broadcast_to(np.asarray(extended, dtype=np.bool_), count)
    sizes = np.broadcast_to(np.asarray(lengths, dtype=np.int64), count)
    if count and not (sizes.min() >= 0 and sizes.max() <= 8 and data.shape == (count, 8)):
        raise ValueError("a frame has 0 to 8 data bytes, given as rows of eight")
    if count and not (time_us.min() >= 0 and time_us.max() < 10**SECOND_DIGITS * MICROSECONDS):
        raise ValueError("a time stamp is seconds since 1970 with at most ten digits")
    if (numbers < 0).any() or (numbers >= np.where(wide, 1 << 29, 1 << 11)).any():
        raise ValueError("an identifier does not fit its 11 or 29 bits")
    kinds = wide * 9 + sizes  # all lines of a kind are equally long
    lengths_of_line = _line_lengths(wide, sizes, channel)
    ends = np.cumsum(lengths_of_line)
    out = np.empty(int(ends[-1]) if count else 0, dtype=np.uint8)
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        lines = _lines(time_us[rows], numbers[rows], kind >= 9, int(kind % 9), data[rows], channel)
        start = ends[rows] - lines.shape[1]
        if len(rows) == count:
            out = lines.ravel()
        else:
            out[(start[:, None] + np.arange(lines.shape[1])).ravel()] = lines.ravel()
    return out.tobytes()


def _line_lengths(wide: NDArray[np.bool_], sizes: NDArray[np.int64], channel: str) -> NDArray[np.int64]:
    fixed = SECOND_DIGITS + FRACTION_DIGITS + len("(.)  #\n") + len(channel)
    lengths: NDArray[np.int64] = fixed + np.where(wide, EXTENDED_DIGITS, BASE_DIGITS) + 2 * sizes
    return lengths


def _lines(
    time_us: NDArray[np.int64], ids: NDArray[np.int64], wide: bool, size: int, data: NDArray[np.uint8], channel: str
) -> NDArray[np.uint8]:
    """Lines of one kind, shape (rows, characters)."""
    digits = EXTENDED_DIGITS if wide else BASE_DIGITS
    pattern = f"({'0' * SECOND_DIGITS}.{'0' * FRACTION_DIGITS}) {channel} {'0' * digits}#{'0' * (2 * size)}\n"
    out = np.empty((len(time_us), len(pattern)), dtype=np.uint8)
    out[:] = np.frombuffer(pattern.encode("ascii"), dtype=np.uint8)
    seconds, fraction = np.divmod(time_us, MICROSECONDS)
    _decimal(out[:, 1 : 1 + SECOND_DIGITS], seconds)
    _decimal(out[:, 2 + SECOND_DIGITS : 2 + SECOND_DIGITS + FRACTION_DIGITS], fraction)
    first = SECOND_DIGITS + FRACTION_DIGITS + 5 + len(channel)
    for place in range(digits):
        out[:, first + place] = _HEX[(ids >> (4 * (digits - 1 - place))) & 0xF]
    start = first + digits + 1
    out[:, start : start + 2 * size : 2] = _HEX[data[:, :size] >> 4]
    out[:, start + 1 : start + 1 + 2 * size : 2] = _HEX[data[:, :size] & 0xF]
    return out


def _decimal(columns: NDArray[np.uint8], numbers: NDArray[np.int64]) -> None:
    for place in range(columns.shape[1] - 1, -1, -1):
        numbers, digit = np.divmod(numbers, 10)
        columns[:, place] = digit + ord("0")
