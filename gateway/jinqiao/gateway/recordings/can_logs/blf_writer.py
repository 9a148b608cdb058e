"""Writes BLF: objects in containers of 128 KiB, zlib, as Vector's tools do; the head is written again at the end."""

from __future__ import annotations

import zlib
from typing import BinaryIO

from ..parts import CanFrame
from ..problems import Problems
from .blf_format import (
    BASE,
    CAN,
    CONTAINER,
    ERROR,
    FD,
    FILE,
    FILE_BYTES,
    HEADS,
    MAGIC,
    NANOSECONDS,
    OBJECT,
    Flag,
    Type,
    system_time,
)
from .lengths import length_code
from .names import Channels

__all__ = ["BlfWriter"]

_CONTAINER_BYTES = 128 << 10
_ZLIB = 2
_SECOND = 1_000_000_000
#: The application that wrote the file: none of Vector's numbers.
_APPLICATION = 5
_VERSION = (0, 0, 0, 2, 6, 8, 1)


class BlfWriter:
    """Gives the bytes to append; `finish` writes the head. Times count from the whole second before the first frame."""

    def __init__(self, channels: Channels, losses: Problems) -> None:
        self._channels, self._losses = channels, losses
        self._start_ns: int | None = None
        self._last_ns = 0
        self._objects = 0
        self._unpacked = FILE_BYTES
        self._waiting = bytearray()

    @property
    def head(self) -> bytes:
        """The head as far as it is known."""
        return self._head(FILE_BYTES)

    def line(self, frame: CanFrame) -> bytes:
        """One frame; bytes come when a container is full."""
        if self._start_ns is None:
            self._start_ns = frame.time_ns // _SECOND * _SECOND
        since = frame.time_ns - self._start_ns
        if since < 0:
            self._losses.count("frames are older than the file's beginning and stand at it")
        self._last_ns = max(self._last_ns, frame.time_ns)
        kind, body = self._body(frame)
        head = HEADS[1]
        size = BASE.size + head.size + len(body)
        self._waiting += BASE.pack(OBJECT, BASE.size + head.size, 1, size, kind)
        self._waiting += head.pack(NANOSECONDS, 0, 0, max(since, 0)) + body + bytes(size % 4)
        self._objects += 1
        if len(self._waiting) < _CONTAINER_BYTES:
            return b""
        full, self._waiting = bytes(self._waiting[:_CONTAINER_BYTES]), self._waiting[_CONTAINER_BYTES:]
        return self._container(full)

    def end(self) -> bytes:
        """The last container."""
        return self._container(bytes(self._waiting)) if self._waiting else b""

    def finish(self, file: BinaryIO) -> None:
        """Write what is known now into the head."""
        size = file.tell()
        file.seek(0)
        file.write(self._head(size))

    def _container(self, unpacked: bytes) -> bytes:
        packed = zlib.compress(unpacked)
        size = BASE.size + CONTAINER.size + len(packed)
        self._unpacked += BASE.size + CONTAINER.size + len(unpacked)
        head = BASE.pack(OBJECT, BASE.size, 1, size, Type.CONTAINER) + CONTAINER.pack(_ZLIB, len(unpacked))
        return head + packed + bytes(size % 4)

    def _head(self, size: int) -> bytes:
        span = (*system_time(self._start_ns or 0), *system_time(self._last_ns))
        fields = (MAGIC, FILE_BYTES, _APPLICATION, *_VERSION, size, self._unpacked, self._objects, 0, *span)
        return FILE.pack(*fields).ljust(FILE_BYTES, b"\0")

    def _body(self, frame: CanFrame) -> tuple[Type, bytes]:
        channel = self._channels.number(frame)
        number = frame.identifier | (Flag.EXTENDED if frame.extended else 0)
        flags = Flag.CAN_TX if frame.direction == "tx" else 0
        length = len(frame.data)
        if frame.error:
            if flags:
                self._losses.count("error frames lose that they were sent here")
            return Type.CAN_ERROR_EXT, ERROR.pack(channel, 0, 0, 0, 0, length, 0, number, 0, frame.data[:8])
        if frame.fd:
            bits = Flag.FD_EDL | Flag.FD_BRS * frame.bitrate_switch | Flag.FD_ESI * frame.error_state
            code = length_code(length)
            return Type.CAN_FD_MESSAGE, FD.pack(channel, flags, code, number, 0, 0, bits, length, frame.data)
        if frame.remote:
            return Type.CAN_MESSAGE, CAN.pack(channel, flags | Flag.CAN_RTR, frame.remote_length, number, b"")
        return Type.CAN_MESSAGE, CAN.pack(channel, flags, length, number, frame.data)
