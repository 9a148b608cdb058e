"""Seconds of CAN traffic as protobuf `CanBatch` messages (proto/jinqiao/telemetry/v1/can.proto), many vehicles at once.

All columns have fixed width, so batches of equally many frames are rows of one byte matrix. Field tags are those of
the schema; a test compares the bytes' meaning with Google's runtime.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .message import Bus
from .traffic import Frames

__all__ = ["can_batches"]

#: Wire types of protobuf.
_FIXED64, _BYTES, _FIXED32 = 1, 2, 5
_VIN, _BUS, _START, _OFFSET, _ID, _LENGTH, _DATA, _ERRORS, _LOAD = range(1, 10)


def can_batches(
    frames: Frames, bus: Bus, start_ms: int, vins: NDArray[np.bytes_], rows: NDArray[np.intp]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """Encoded batches of the vehicles `rows` (of the frames' n), grouped by size: (rows, bytes of shape (m, size)).

    `vins` (n,) has 17 characters each. A vehicle that sent nothing and saw no error frame has no batch.
    """
    counts = frames.sent[rows].sum(axis=1)
    for count in np.unique(counts).tolist():
        chosen = rows[counts == count]
        if not count:
            chosen = chosen[frames.errors[chosen] > 0]
        if len(chosen):
            yield chosen, _encode(frames, bus, start_ms, vins[chosen], chosen, count)


def _encode(
    frames: Frames, bus: str, start_ms: int, vins: NDArray[np.bytes_], rows: NDArray[np.intp], count: int
) -> NDArray[np.uint8]:
    sent = frames.sent[rows]

    def column(values: NDArray[np.generic], dtype: str) -> NDArray[np.uint8]:
        """Of the frames that were sent, as bytes, shape (rows, bytes)."""
        kept = np.ascontiguousarray(values[rows][sent].astype(dtype))
        return kept.view(np.uint8).reshape(len(rows), -1)

    offset_us = np.rint(np.maximum(frames.offset_s, 0.0) * 1e6)
    name = np.frombuffer(bus.encode("ascii"), dtype=np.uint8)
    letters = np.frombuffer(vins.tobytes(), dtype=np.uint8).reshape(len(rows), -1)
    start = np.frombuffer(np.uint64(start_ms).astype("<u8").tobytes(), dtype=np.uint8)
    parts: list[tuple[bytes, NDArray[np.uint8]]] = [
        (_head(_VIN, _BYTES, letters.shape[1]), letters),
        (_head(_BUS, _BYTES, len(name)), name),
        (_head(_START, _FIXED64), start),
    ]
    if count:
        parts += [
            (_head(_OFFSET, _BYTES, 4 * count), column(offset_us, "<u4")),
            (_head(_ID, _BYTES, 4 * count), column(frames.id, "<u4")),
            (_head(_LENGTH, _BYTES, count), column(frames.length, "u1")),
            (_head(_DATA, _BYTES, 8 * count), column(frames.data, "u1")),
        ]
    parts += [
        (_head(_ERRORS, _FIXED32), _each(frames.errors[rows].astype("<u4"))),
        (_head(_LOAD, _FIXED32), _each(frames.load[rows].astype("<f4"))),
    ]
    size = sum(len(head) + values.shape[-1] for head, values in parts)
    out = np.empty((len(rows), size), dtype=np.uint8)
    at = 0
    for head, values in parts:
        out[:, at : at + len(head)] = np.frombuffer(head, dtype=np.uint8)
        at += len(head)
        out[:, at : at + values.shape[-1]] = values
        at += values.shape[-1]
    return out


def _each(values: NDArray[np.generic]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1)


def _head(field: int, kind: int, size: int | None = None) -> bytes:
    """Tag of a field and, for what has one, its length as a varint."""
    head = bytearray([field << 3 | kind])
    while size is not None:
        more, size = size >> 7, size & 0x7F
        head.append(size | (0x80 if more else 0))
        size = more or None
    return bytes(head)
