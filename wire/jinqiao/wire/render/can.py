"""Seconds of CAN as protobuf `CanBatch` messages (proto/jinqiao/telemetry/v1/can.proto), many vehicles at once.

Nobody else in this project encodes or decodes a `CanBatch`. All of its columns have fixed width, so the batches of
vehicles with equally many frames are rows of one byte matrix, field by field as Google's serialisers order them; a test
compares them with Google's runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from jinqiao.base.telemetry import CanSecond
from jinqiao.telemetry.v1.can_pb2 import CanBatch
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish

from .packets import Packets

__all__ = ["CAN_TOPICS", "CanRenderer", "can_batch", "can_batches", "read_frames"]

#: By product key and device name: the thing model's raw data, and a custom topic for those who want CAN alone.
CAN_TOPICS = ("/sys/{}/{}/thing/model/up_raw", "/{}/{}/user/can")
#: Frames of one batch of requests that are looked at: the longest ISO-TP message is 586.
MOST_FRAMES = 1024
#: Wire types of protobuf.
_FIXED64, _BYTES, _FIXED32 = 1, 2, 5
_VIN, _BUS, _START, _OFFSET, _ID, _LENGTH, _DATA, _ERRORS, _LOAD = range(1, 10)


class CanRenderer:
    """Seconds of CAN as whole MQTT packets, each batch on both of `CAN_TOPICS`.

    `device_names` and `vins`, shape (n,), are those of the fleet's rows; VINs have 17 characters each.
    """

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_], vins: NDArray[np.bytes_]) -> None:
        self._product_key, self._names, self._vins = product_key, device_names, vins
        self._name_lengths = np.char.str_len(device_names)

    def blocks(self, second: CanSecond) -> Iterator[Packets]:
        """The packets of one bus and second; names and payloads of one length make packets of one length."""
        for places, payloads in can_batches(second, self._vins):
            vehicles = second.vehicles[places]
            lengths = self._name_lengths[vehicles]
            for length in np.unique(lengths).tolist():
                same = lengths == length
                names = self._names[vehicles[same]].astype(f"S{length}")
                for topic in CAN_TOPICS:
                    yield self._packets(topic, names, vehicles[same], payloads[same])

    def _packets(
        self, topic: str, names: NDArray[np.bytes_], vehicles: NDArray[np.int32], payloads: NDArray[np.uint8]
    ) -> Packets:
        length, size = names.dtype.itemsize, payloads.shape[1]
        head, place = _head_of(topic, self._product_key, length, size)
        matrix = np.empty((len(names), len(head) + size), dtype=np.uint8)
        matrix[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
        matrix[:, place : place + length] = np.frombuffer(names.tobytes(), dtype=np.uint8).reshape(-1, length)
        matrix[:, len(head) :] = payloads
        return Packets(matrix, len(head), vehicles)


@lru_cache(maxsize=256)
def _head_of(topic: str, product_key: str, length: int, size: int) -> tuple[bytes, int]:
    """What stands before a payload of `size` bytes, and where in it the device name of `length` bytes stands."""
    mark = "\x01" * length  # stands for the name while the head is made
    head = bytes(encode(Publish(topic.format(product_key, mark), bytes(size))))[:-size]
    return head, head.index(mark.encode())


def can_batches(second: CanSecond, vins: NDArray[np.bytes_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.uint8]]]:
    """Encoded batches, grouped by size: (places in `second.vehicles`, bytes of shape (len(places), size)).

    `vins`, shape (n,), are those of the fleet's rows.
    """
    starts = np.cumsum(second.counts) - second.counts
    for count in np.unique(second.counts).tolist():
        places = np.flatnonzero(second.counts == count)
        frames = None
        if len(places) < len(second):
            frames = (starts[places][:, None] + np.arange(count)).ravel()
        yield places, _encode(second, vins[second.vehicles[places]], places, frames, count)


def can_batch(second: CanSecond, vins: NDArray[np.bytes_]) -> bytes:
    """The batch of a second that holds one vehicle."""
    ((_, matrix),) = can_batches(second, vins)
    return matrix.tobytes()


def _encode(
    second: CanSecond,
    vins: NDArray[np.bytes_],
    places: NDArray[np.intp],
    frames: NDArray[np.intp] | None,
    count: int,
) -> NDArray[np.uint8]:
    """Batches of `count` frames each; `frames` chooses them, None stands for all."""

    def column(values: NDArray[np.generic], dtype: str) -> NDArray[np.uint8]:
        kept = np.ascontiguousarray(values if frames is None else values[frames], dtype=dtype)
        return kept.view(np.uint8).reshape(len(places), -1)

    def each(values: NDArray[np.generic], dtype: str) -> NDArray[np.uint8]:
        return values[places].astype(dtype)[:, None].view(np.uint8)

    name = np.frombuffer(second.bus.encode("ascii"), dtype=np.uint8)
    letters = np.frombuffer(vins.tobytes(), dtype=np.uint8).reshape(len(places), -1)
    start = np.frombuffer(np.uint64(second.start_ms).astype("<u8").tobytes(), dtype=np.uint8)
    parts: list[tuple[bytes, NDArray[np.uint8]]] = [
        (_head(_VIN, _BYTES, letters.shape[1]), letters),
        (_head(_BUS, _BYTES, len(name)), name),
        (_head(_START, _FIXED64), start),
    ]
    if count:
        parts += [
            (_head(_OFFSET, _BYTES, 4 * count), column(second.offset_us, "<u4")),
            (_head(_ID, _BYTES, 4 * count), column(second.id, "<u4")),
            (_head(_LENGTH, _BYTES, count), column(second.length, "u1")),
            (_head(_DATA, _BYTES, 8 * count), column(second.data, "u1")),
        ]
    if second.errors is not None:
        parts.append((_head(_ERRORS, _FIXED32), each(second.errors, "<u4")))
    if second.load is not None:
        parts.append((_head(_LOAD, _FIXED32), each(second.load, "<f4")))
    size = sum(len(head) + values.shape[-1] for head, values in parts)
    out = np.empty((len(places), size), dtype=np.uint8)
    at = 0
    for head, values in parts:
        out[:, at : at + len(head)] = np.frombuffer(head, dtype=np.uint8)
        at += len(head)
        out[:, at : at + values.shape[-1]] = values
        at += values.shape[-1]
    return out


def _head(field: int, kind: int, size: int | None = None) -> bytes:
    """Tag of a field and, for what has one, its length as a varint."""
    head = bytearray([field << 3 | kind])
    while size is not None:
        more, size = size >> 7, size & 0x7F
        head.append(size | (0x80 if more else 0))
        size = more or None
    return bytes(head)


def read_frames(payload: bytes, bus: str) -> Sequence[tuple[int, bytes]]:
    """The frames (identifier, data) of a `CanBatch` of this bus; none where the payload is not one, or not whole."""
    try:
        batch = CanBatch.FromString(payload)
    except DecodeError:
        return ()
    count = len(batch.id)
    if batch.bus != bus or not 0 < count <= MOST_FRAMES:
        return ()
    if len(batch.length) != count or len(batch.data) != 8 * count or max(batch.length) > 8:
        return ()
    return [(batch.id[i], batch.data[8 * i : 8 * i + batch.length[i]]) for i in range(count)]
