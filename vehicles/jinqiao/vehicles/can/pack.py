"""Signals into frames, many frames at once; the bytes are those of cantools.

A value outside a signal's range is sent as the nearest bound (a control unit saturates, it does not wrap round), and a
value that is not a number as the lower bound. Ties round to even, as Python does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .crc import protect
from .message import CanMessage, CanSignal

__all__ = ["COUNTS", "pack", "raw_values"]

#: The counter runs from 0 to 14.
COUNTS = 15
COUNTER_SHIFT = 48

Values = Callable[[CanSignal], ArrayLike]


def raw_values(signal: CanSignal, physical: ArrayLike) -> NDArray[np.int64]:
    """Raw values of one signal, saturated."""
    value: NDArray[np.float64] = np.atleast_1d(np.asarray(physical, dtype=np.float64))
    value = np.fmin(np.fmax(value, signal.low), signal.high)
    if signal.offset:
        value -= signal.offset
    if signal.scale != 1.0:
        value /= signal.scale  # and not times its reciprocal: the last bit decides ties
    raw: NDArray[np.int64] = np.rint(value, out=value).astype(np.int64)
    return raw


def pack(
    message: CanMessage,
    values: Mapping[str, ArrayLike] | Values,
    count: int,
    *,
    counter: ArrayLike = 0,
    turn: ArrayLike = 0,
) -> NDArray[np.uint8]:
    """`count` frames of one message, shape (count, 8); bytes past the message's length are zero.

    `values` gives each signal's physical values, shape (count,) or one for all, by name or by call; a multiplexed
    message takes its slots by number ("0", "1", …) or by the slot itself. `counter` (0 … 14) and `turn` are likewise.
    """
    intel, motorola = np.zeros(count, dtype="<u8"), None
    for place, signal in enumerate(message.multiplex.slots if message.multiplex else message.signals):
        given: Any = values(signal) if callable(values) else values[signal.name or str(place)]
        raw = raw_values(signal, given).view(np.uint64)
        if signal.signed:
            raw = raw & np.uint64((1 << signal.length) - 1)
        raw = raw << np.uint64(signal.shift)
        if not signal.motorola:
            intel |= raw
        elif motorola is None:
            motorola = np.zeros(count, dtype=np.uint64)
            motorola |= raw
        else:
            motorola |= raw
    if motorola is not None:
        intel |= motorola.byteswap()
    if message.multiplex is not None:
        intel |= np.asarray(turn, dtype=np.uint64)
    if message.protected:
        intel |= np.asarray(counter, dtype=np.uint64) << np.uint64(COUNTER_SHIFT)
        protect(message.id, intel)
    return intel.view(np.uint8).reshape(count, 8)
