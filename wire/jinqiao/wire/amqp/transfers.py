"""Deliveries as frames, many at once: the octets of a transfer before each message (AMQP 1.0 part 2 § 2.7.5).

    octet  what
    0      size of the frame, 02, 00, channel
    8      00 53 14              transfer
    11     c0 size count         list; with five fields 0f 05, with `more` 10 06
    14     43                    handle 0: a link of ours is the only one of its session
    15     70 delivery id
    20     a0 04 delivery tag    the delivery id again
    26     43                    message format 0
    27     41 or 42              settled
    28     41                    more, where the message goes on in the next frame

Messages of one length become rows of a matrix, so that a thousand cost what one does. A delivery that was tried before
begins with a header section that says how often, and the message follows unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["OVERHEAD", "transfers"]

_HEAD = struct.Struct(">IBBH")
_U32 = struct.Struct(">I")
#: Octets of a frame before its message, where that does not go on.
_BEFORE = 28
#: Octets that a frame may have beside its part of a message.
OVERHEAD = _BEFORE + 1 + 12
_ID_AT, _TAG_AT = 16, 22
_WRAP = 1 << 32


def transfers(
    channel: int,
    first_id: int,
    data: bytes,
    ends: NDArray[np.int64],
    tries: NDArray[np.uint8],
    *,
    settled: bool,
    most: int,
) -> tuple[list[bytes | memoryview], int]:
    """Messages as deliveries `first_id`, `first_id + 1` …: pieces of octets, and how many frames they are.

    `ends` and `tries`, shape (n,): the offset in `data` behind each message, and how often it was delivered before.
    `most` is the receiver's largest frame. Where one message takes several frames, each frame is a piece of its own.
    """
    lengths = np.diff(ends, prepend=0)
    longest = int(lengths.max())
    if longest + OVERHEAD > most:
        frames: list[bytes | memoryview] = [*_cut(channel, first_id, data, ends, tries, settled=settled, most=most)]
        return frames, len(frames)
    if int(lengths.min()) == longest and not tries.any():
        return [_rows(channel, first_id, data, len(ends), longest, settled=settled)], len(ends)
    return [b"".join(_single(channel, first_id, data, ends, tries, settled=settled))], len(ends)


def _before(channel: int, size: int, delivery_id: int, *, settled: bool) -> bytes:
    number = _U32.pack(delivery_id % _WRAP)
    end = b"\x43\x41" if settled else b"\x43\x42"
    return b"".join(
        (_HEAD.pack(size, 2, 0, channel), b"\x00\x53\x14\xc0\x0f\x05\x43\x70", number, b"\xa0\x04", number, end)
    )


def _rows(channel: int, first_id: int, data: bytes, count: int, length: int, *, settled: bool) -> memoryview:
    matrix = np.empty((count, _BEFORE + length), np.uint8)
    matrix[:, :_BEFORE] = np.frombuffer(_before(channel, _BEFORE + length, 0, settled=settled), np.uint8)
    numbers = ((np.arange(count, dtype=np.int64) + first_id) % _WRAP).astype(">u4").view(np.uint8).reshape(count, 4)
    matrix[:, _ID_AT : _ID_AT + 4] = numbers
    matrix[:, _TAG_AT : _TAG_AT + 4] = numbers
    matrix[:, _BEFORE:] = np.frombuffer(data, np.uint8).reshape(count, length)
    return matrix.reshape(-1).data.cast("B")


def _header(tries: int) -> bytes:
    """The section that says how often a message was delivered before (part 3 § 3.2.1)."""
    return b"\x00\x53\x70\xc0\x07\x05\x40\x40\x40\x40\x52" + bytes((tries,)) if tries else b""


def _single(
    channel: int, first_id: int, data: bytes, ends: NDArray[np.int64], tries: NDArray[np.uint8], *, settled: bool
) -> Iterator[bytes]:
    start = 0
    for number, (end, tried) in enumerate(zip(ends.tolist(), tries.tolist(), strict=True), first_id):
        header = _header(tried)
        yield _before(channel, _BEFORE + len(header) + end - start, number, settled=settled)
        yield header
        yield data[start:end]
        start = end


def _cut(
    channel: int,
    first_id: int,
    data: bytes,
    ends: NDArray[np.int64],
    tries: NDArray[np.uint8],
    *,
    settled: bool,
    most: int,
) -> Iterator[bytes]:
    """Frames of messages that do not all fit into one."""
    start, part = 0, most - OVERHEAD
    for number, (end, tried) in enumerate(zip(ends.tolist(), tries.tolist(), strict=True), first_id):
        message = _header(tried) + data[start:end]
        start = end
        for at in range(0, max(len(message), 1), part):
            piece = message[at : at + part]
            before = bytearray(_before(channel, _BEFORE + len(piece), number, settled=settled))
            if at + part < len(message):
                before += b"\x41"
                before[:4] = _U32.pack(len(before) + len(piece))
                before[12:14] = b"\x10\x06"
            yield bytes(before) + piece
