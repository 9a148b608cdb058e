"""Reads BLF: containers one after the other, objects in what they hold together. A wrong one costs itself only.

An object's size says where the next one is. Where it cannot be right (smaller than its own header, or larger than any),
or no object stands where one should, the next `LOBJ` is looked for, and the gap is named.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from jinqiao.base.errors import InputError
from jinqiao.base.onward import Onward

from ..parts import CanFrame
from ..problems import Problems
from .blf_format import (
    BASE,
    CAN,
    CONTAINER,
    ERROR,
    FD,
    FD64,
    FILE,
    HEADS,
    MAGIC,
    OBJECT,
    TEN_MICROSECONDS,
    Flag,
    Type,
    moment_ns,
)
from .lengths import CLASSIC
from .lengths import FD as FD_MOST

__all__ = ["BlfReader"]

#: Larger objects are none: Vector's containers hold 128 KiB unpacked, other writers' some MiB.
_LARGEST = 16 << 20
#: Objects stand at most so far apart: padding.
_PADDING = 8
_SEARCHED = 1 << 20
_ID = (1 << 29) - 1
#: Compression of a container.
_ZLIB, _PLAIN = 2, 0


class BlfReader:
    """One file. `problems` gets what cannot be read, `path` stands in its messages."""

    def __init__(self, file: BinaryIO, path: object, problems: Problems) -> None:
        self._file, self._path, self._problems = file, path, problems
        self._start_ns = 0
        self._objects = 0
        self._pending = b""  # unpacked, and not an object yet: objects may reach into the next container

    def frames(self) -> Iterator[CanFrame]:
        """All frames in the order of the file. Raises InputError for what is no BLF file at all."""
        head = self._file.read(FILE.size)
        if len(head) < FILE.size or head[:4] != MAGIC:
            raise InputError(f"{self._path}: offset 0: found {head[:4]!r}, expected {MAGIC!r}: this is not a BLF file")
        fields = FILE.unpack(head)
        promised = fields[12]
        start_ns = moment_ns(fields[14:22])
        if start_ns is None:
            self._add(0, "found no date; times count from 1970")
        self._start_ns = start_ns or 0
        self._file.seek(max(fields[1], FILE.size))
        at = start = self._file.tell()
        for at, kind, whole in self._outer(start):
            if kind == Type.CONTAINER:
                self._pending += self._unpacked(at, whole)
                yield from self._inner(at, last=False)
            else:
                yield from self._one(at, whole, 0)
        yield from self._inner(at, last=True)
        if self._objects < promised:
            end = self._file.seek(0, 2)
            self._add(end, f"found {self._objects:,} of {promised:,} objects: the file was cut off here")

    def _add(self, at: int, what: str) -> None:
        self._problems.add(f"{self._path}: offset {at}: {what}")

    def _outer(self, start: int) -> Iterator[tuple[int, int, bytes]]:
        """The file's own objects: offset, type, and all bytes there are of it."""
        place = Onward(start - 1)
        place.to(start)
        while True:
            self._file.seek(place.at)
            head = self._file.read(BASE.size)
            if len(head) == BASE.size and head[:4] == OBJECT:
                _, head_bytes, _, size, kind = BASE.unpack(head)
                if BASE.size <= head_bytes <= size <= _LARGEST:
                    whole = head + self._file.read(size - BASE.size)
                    if len(whole) < size:
                        self._add(place.at, f"found {len(whole):,} of an object's {size:,} bytes")
                    yield place.at, kind, whole
                    if len(whole) == size:
                        place.to(place.at + size)
                        continue
                else:
                    self._add(place.at, f"found an object of {size:,} bytes, expected {head_bytes:,} or more")
                following = self._find(place.at + len(OBJECT))
            else:
                following = self._find(place.at + 1)
                if head and (following is None or following - place.at > _PADDING) and head.strip(b"\0"):
                    self._add(place.at, f"found {head[:4]!r}, expected {OBJECT!r}: looking for the next object")
            if following is None:
                return
            place.to(following)

    def _find(self, start: int) -> int | None:
        """Where the next object's magic stands in the file."""
        place = Onward(start - 1)
        place.to(start)
        while True:
            self._file.seek(place.at)
            block = self._file.read(_SEARCHED)
            found = block.find(OBJECT)
            if found >= 0:
                return place.at + found
            if len(block) < _SEARCHED:
                return None
            place.to(place.at + len(block) - len(OBJECT) + 1)

    def _unpacked(self, at: int, whole: bytes) -> bytes:
        """What a container holds, as far as it can be unpacked."""
        try:
            method, _ = CONTAINER.unpack_from(whole, BASE.size)
            packed = whole[BASE.size + CONTAINER.size :]
            if method == _PLAIN:
                return packed
            if method != _ZLIB:
                raise ValueError(f"compression {method} is not known")
            unpacking = zlib.decompressobj()
            found = unpacking.decompress(packed, _LARGEST)
            if unpacking.unconsumed_tail:
                raise ValueError(f"it unpacks to more than {_LARGEST:,} bytes")
        except (struct.error, zlib.error, ValueError) as error:
            self._add(at, f"a container cannot be read: {error}; it is left out")
            return b""
        return found

    def _inner(self, at: int, *, last: bool) -> Iterator[CanFrame]:
        """Frames of the objects that have come whole; `at` is the container's place in the file."""
        data = self._pending
        place = Onward(-1, len(data))
        place.to(0)
        broken = False
        while True:
            start = data.find(OBJECT, place.at)
            if start < 0 or start + BASE.size > len(data):
                break
            if start - place.at > _PADDING and not broken:
                self._add(
                    at, f"found {start - place.at:,} bytes in its container that are not an object; they are left out"
                )
            _, head_bytes, _, size, kind = BASE.unpack_from(data, start)
            end = start + size
            if not BASE.size <= head_bytes <= size <= _LARGEST or not _goes_on(data, end):
                self._objects += 1
                self._add(
                    at,
                    f"found an object of type {kind} and {size:,} bytes, an impossible size; it is left out",
                )
                place.to(start + len(OBJECT))
                broken = True
                continue
            broken = False
            if end > len(data):
                if not last:
                    break
                self._add(at, f"found {len(data) - start:,} of the {size:,} bytes of the last object")
                place.to(start + len(OBJECT))
                continue
            yield from self._one(at, data[start:end], start)
            place.to(end)
        self._pending = b"" if last else data[place.at :]

    def _one(self, at: int, whole: bytes, inside: int) -> Iterator[CanFrame]:
        self._objects += 1
        _, _, version, _, kind = BASE.unpack_from(whole)
        read, head = _READ.get(kind), HEADS.get(version)
        if read is None or head is None:
            what = f"of type {kind}" if read is None else f"of header version {version}"
            self._problems.count(f"objects {what} are not readable CAN frames and are left out")
            return
        try:
            flags, _, _, stamp = head.unpack_from(whole, BASE.size)
            unit = 10_000 if flags == TEN_MICROSECONDS else 1
            yield read(self._start_ns + stamp * unit, whole[BASE.size + head.size :])
        except (struct.error, IndexError) as error:
            self._add(at, f"an object of type {kind} at byte {inside} of its container cannot be read: {error}")


def _goes_on(data: bytes, end: int) -> bool:
    """Whether another object may stand behind one that ends there; true where that cannot be seen."""
    return end + _PADDING + len(OBJECT) > len(data) or OBJECT in data[end : end + _PADDING + len(OBJECT)]


def _way(tx: int) -> str:
    return "tx" if tx else "rx"


def _identifier(number: int) -> tuple[int, bool]:
    return number & _ID, bool(number & Flag.EXTENDED)


def _message(time_ns: int, body: bytes) -> CanFrame:
    channel, flags, length, number, data = CAN.unpack_from(body)
    identifier, extended = _identifier(number)
    remote = bool(flags & Flag.CAN_RTR)
    length = min(length, CLASSIC)
    return CanFrame(
        time_ns,
        str(channel),
        identifier,
        b"" if remote else data[:length],
        extended=extended,
        remote=remote,
        remote_length=length if remote else 0,
        direction=_way(flags & Flag.CAN_TX),
    )


def _error(time_ns: int, body: bytes) -> CanFrame:
    return CanFrame(time_ns, str(int.from_bytes(body[:2], "little")), 0, b"", error=True)


def _error_64(time_ns: int, body: bytes) -> CanFrame:
    return CanFrame(time_ns, str(body[0]), 0, b"", error=True)


def _error_ext(time_ns: int, body: bytes) -> CanFrame:
    channel, _, _, _, _, length, _, number, _, data = ERROR.unpack_from(body)
    return CanFrame(time_ns, str(channel), number & _ID, data[: min(length, CLASSIC)], error=True)


def _fd(time_ns: int, body: bytes) -> CanFrame:
    channel, flags, code, number, _, _, fd_flags, valid, data = FD.unpack_from(body.ljust(FD.size, b"\0"))
    identifier, extended = _identifier(number)
    remote = bool(flags & Flag.CAN_RTR)
    return CanFrame(
        time_ns,
        str(channel),
        identifier,
        b"" if remote else data[:valid],
        extended=extended,
        remote=remote,
        fd=bool(fd_flags & Flag.FD_EDL),
        bitrate_switch=bool(fd_flags & Flag.FD_BRS),
        error_state=bool(fd_flags & Flag.FD_ESI),
        remote_length=min(code, CLASSIC) if remote else 0,
        direction=_way(flags & Flag.CAN_TX),
    )


def _fd_64(time_ns: int, body: bytes) -> CanFrame:
    channel, code, valid, _, number, _, flags, *_, way, behind, _ = FD64.unpack_from(body)
    identifier, extended = _identifier(number)
    remote = bool(flags & Flag.FD64_RTR)
    # `behind` counts from the object's start, whose header is not in the body; data beyond the object are zeros.
    until = behind - _HEAD_64 if behind > _HEAD_64 + FD64.size else len(body)
    data = body[FD64.size : until][: min(valid, FD_MOST)].ljust(min(valid, FD_MOST), b"\0")
    return CanFrame(
        time_ns,
        str(channel),
        identifier,
        b"" if remote else data,
        extended=extended,
        remote=remote,
        fd=bool(flags & Flag.FD64_EDL),
        bitrate_switch=bool(flags & Flag.FD64_BRS),
        error_state=bool(flags & Flag.FD64_ESI),
        remote_length=min(code, CLASSIC) if remote else 0,
        direction=_way(way),
    )


_HEAD_64 = BASE.size + HEADS[1].size
_READ: Mapping[int, Callable[[int, bytes], CanFrame]] = {
    Type.CAN_MESSAGE: _message,
    Type.CAN_MESSAGE2: _message,
    Type.CAN_ERROR: _error,
    Type.CAN_ERROR_EXT: _error_ext,
    Type.CAN_FD_MESSAGE: _fd,
    Type.CAN_FD_MESSAGE_64: _fd_64,
    Type.CAN_FD_ERROR_64: _error_64,
}
