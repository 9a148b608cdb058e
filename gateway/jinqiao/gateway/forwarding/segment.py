"""A file of messages, written at its end only, and beside it one byte for each message that says what became of it.

    00000012.messages    8 bytes that name the format, then records: header, ends of the messages, the messages
    00000012.marks       a byte for each message: how often it may have been delivered, or 255: it is gone

The marks are mapped into memory. So noting that a thousand messages were delivered is an assignment and no call of the
system, and a killed process leaves them as they were. (A failure of the machine may lose marks, which costs duplicates
that are not marked; it loses no message: those are brought to the disk by `sync`.)

A record is whole or is not there: its header has its length and a checksum. What follows the last whole record, because
the process was killed while it wrote, is cut off when the segment is read.
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .messages import Messages

__all__ = ["CAPACITY", "MARKS", "MESSAGES", "Segment", "Stored", "read_segment"]

_logger = logging.getLogger(__name__)

#: Not every system can leave out what only says when a file was changed.
_sync = getattr(os, "fdatasync", os.fsync)
#: Messages of one segment.
CAPACITY = 1 << 15
MESSAGES, MARKS = ".messages", ".marks"
_MAGIC = b"JQFWD1\r\n"
#: Bytes behind the header, checksum of these with the other fields, generate time in ms, number of messages.
_HEADER = struct.Struct("<IIqI")
_FIELDS = struct.Struct("<qI")
#: A mark: gone. And the highest number of tries that is noted.
_GONE, _MOST_TRIES = 255, 254


class Stored(NamedTuple):
    """Messages of a segment that are not gone; `first` is the place of the first, `tries` what is known of each."""

    messages: Messages
    first: int
    tries: NDArray[np.uint8]


class Segment:
    """One segment. Raises OSError when it is made, written and synced; the rest touches no file.

    `left` are its messages that are not gone: it is removed when there are none, and no more come.
    """

    def __init__(self, path: Path) -> None:
        self.left = self.count = 0
        self.size = len(_MAGIC)
        self._path = path
        self._open = True
        try:
            marks = _private(path.with_suffix(MARKS), bytes(CAPACITY))
            try:
                self._marks = _mapped(marks)
            finally:
                os.close(marks)
            self._descriptor = _private(path.with_suffix(MESSAGES), _MAGIC)
        except OSError:
            self.give_up()
            raise

    @classmethod
    def of_file(cls, path: Path, size: int, count: int, marks: NDArray[np.uint8]) -> Segment:
        """One that was read: nothing is added to it."""
        segment = cls.__new__(cls)
        segment._path, segment._open, segment._descriptor, segment._marks = path, False, -1, marks
        segment.size, segment.count = size, count
        segment.left = int(np.count_nonzero(marks[:count] != _GONE))
        segment._remove_if_done()
        return segment

    def has_room(self, count: int, most_bytes: int) -> bool:
        """Whether so many messages more belong here."""
        return self.count + count <= CAPACITY and (self.size < most_bytes)

    def append(self, messages: Messages) -> int:
        """Write messages at the end, and return the place of the first; they are all there, or none is.

        The process may be killed from now on; `sync` makes them outlive the machine.
        """
        fields = _FIELDS.pack(messages.generated_ms, len(messages))
        body = messages.ends.astype("<u4").tobytes() + messages.data
        head = _HEADER.pack(len(body), zlib.crc32(body, zlib.crc32(fields)), messages.generated_ms, len(messages))
        try:
            _write(self._descriptor, head + body)
        except OSError:
            with suppress(OSError):  # what is half a record is cut off when the segment is read
                os.ftruncate(self._descriptor, self.size)
            raise
        first = self.count
        self.size += len(head) + len(body)
        self.count += len(messages)
        self.left += len(messages)
        return first

    def sync(self) -> None:
        """Bring to the disk what was written. Called in a thread of its own, as is `release`."""
        if self._descriptor >= 0:
            _sync(self._descriptor)

    def delivered(self, first: int, tries: NDArray[np.uint8]) -> None:
        """The messages from place `first` on are about to be delivered, each after so many tries."""
        self._marks[first : first + len(tries)] = np.minimum(tries, _MOST_TRIES - 1) + 1

    def gone(self, first: int, last: int) -> None:
        """The messages from `first` up to `last` are not wanted any more."""
        self._marks[first:last] = _GONE
        self.left -= last - first
        self._remove_if_done()

    def end(self) -> None:
        """Nothing is added any more."""
        self._open = False
        self._remove_if_done()

    def release(self) -> None:
        """Close the file, which has ended."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def give_up(self) -> None:
        """Remove it, whatever is in it."""
        self.size = 0
        for suffix in (MESSAGES, MARKS):
            with suppress(OSError):
                self._path.with_suffix(suffix).unlink(missing_ok=True)

    def _remove_if_done(self) -> None:
        if not self.left and not self._open:
            self.give_up()


def read_segment(path: Path) -> tuple[Segment, list[Stored]]:
    """A segment that another process has written, and what of it is not gone. Raises OSError.

    What is damaged is cut off, with all that follows it, and reported.
    """
    file = path.with_suffix(MESSAGES)
    data = file.read_bytes()
    records = list(_records(data))
    size = records[-1][1] if records else len(_MAGIC)
    if size < len(data):
        _logger.warning("%s: its end is damaged; %d bytes are cut off", file, len(data) - size)
        os.truncate(file, size)
    count = sum(len(messages) for messages, _ in records)
    marks = _read_marks(path.with_suffix(MARKS), count)
    found, first = [], 0
    for messages, _ in records:
        stop = first + len(messages)
        for begin, end in _runs(marks[first:stop] != _GONE):
            tries = np.array(marks[first + begin : first + end])
            found.append(Stored(messages.cut(begin, end), first + begin, tries))
        first = stop
    return Segment.of_file(path, size, count, marks), found


def _records(data: bytes) -> Iterator[tuple[Messages, int]]:
    """The whole records from the beginning on, each with the offset behind it."""
    position, count = len(_MAGIC), 0
    if not data.startswith(_MAGIC):
        return
    while position + _HEADER.size <= len(data):
        length, checksum, generated_ms, number = _HEADER.unpack_from(data, position)
        begin, end = position + _HEADER.size, position + _HEADER.size + length
        count += number
        if end > len(data) or 4 * number > length or not number or count > CAPACITY:
            return
        body = data[begin:end]
        if zlib.crc32(body, zlib.crc32(_FIELDS.pack(generated_ms, number))) != checksum:
            return
        ends = np.frombuffer(body, dtype="<u4", count=number).astype(np.int64)
        if ends[-1] != length - 4 * number or np.any(np.diff(ends, prepend=0) < 0):
            return
        yield Messages(body[4 * number :], ends, generated_ms), end
        position = end


def _read_marks(path: Path, count: int) -> NDArray[np.uint8]:
    """The marks; where they are lost, every message may have been delivered."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        _logger.warning("%s is lost: its messages are delivered again, marked as such", path)
        return np.ones(max(count, 1), dtype=np.uint8)
    try:
        if os.fstat(descriptor).st_size == CAPACITY:
            return _mapped(descriptor)
    finally:
        os.close(descriptor)
    _logger.warning("%s is damaged: its messages are delivered again, marked as such", path)
    return np.ones(max(count, 1), dtype=np.uint8)


def _mapped(descriptor: int) -> NDArray[np.uint8]:
    return np.frombuffer(mmap.mmap(descriptor, CAPACITY), dtype=np.uint8)


def _private(path: Path, content: bytes) -> int:
    """A new file that nobody else reads, with this content, open to be written at its end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    try:
        _write(descriptor, content)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _runs(wanted: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where consecutive values are true: begin and end of each run."""
    edges = np.flatnonzero(np.diff(wanted.astype(np.int8), prepend=0, append=0))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        yield int(begin), int(end)
