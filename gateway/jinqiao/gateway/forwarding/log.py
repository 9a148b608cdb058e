"""What outlives the process of one group's queue: a folder of segments, the last of which is written."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from .messages import Messages
from .segment import MARKS, MESSAGES, Segment, Stored, read_segment

__all__ = ["Log", "folder_of"]

_logger = logging.getLogger(__name__)


def folder_of(folder: Path, group_id: str) -> Path:
    """Where a group's segments are; `=` keeps any name from being one that the system gives a meaning."""
    return folder / f"={quote(group_id, safe='')}"


class Log:
    """The segments of one group, in a folder that is made if it is not there, for nobody else to read.

    `aside` runs a function in the thread in which segments are brought to the disk. Raises OSError.
    """

    def __init__(self, folder: Path, segment_bytes: int, aside: Callable[[Callable[[], None]], object]) -> None:
        #: Segments that were written to and not synced.
        self._unsynced: set[Segment] = set()
        self._folder, self._segment_bytes, self._aside = folder, segment_bytes, aside
        self._current: Segment | None = None
        self._segments: deque[Segment] = deque()
        self._number = 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def read(self) -> list[tuple[Segment, Stored]]:
        """What the last process has left, oldest first. A segment that cannot be read costs itself, and is reported."""
        found: list[tuple[Segment, Stored]] = []
        for path in self._paths():
            self._number = int(path.stem)
            if not path.with_suffix(MESSAGES).exists():  # killed between the two
                path.with_suffix(MARKS).unlink(missing_ok=True)
                continue
            try:
                segment, stored = read_segment(path)
            except OSError as error:
                _logger.error("%s cannot be read, and its messages are not delivered: %s", path, error)
                continue
            found.extend((segment, each) for each in stored)
            if segment.left:
                self._segments.append(segment)
        return found

    @property
    def size(self) -> int:
        """Bytes of all segments in which something is left."""
        while self._segments and not self._segments[0].left and self._segments[0] is not self._current:
            self._segments.popleft()
        return sum(segment.size for segment in self._segments if segment.left)

    @property
    def oldest(self) -> Segment | None:
        """The segment to give up where there are too many."""
        return next((segment for segment in self._segments if segment.left and segment is not self._current), None)

    def append(self, messages: Messages) -> tuple[Segment, int]:
        """Write messages, no more than a segment holds: where they are now. They are not on the disk yet."""
        segment = self._current
        if segment is None or not segment.has_room(len(messages), self._segment_bytes):
            segment = self._next()
        first = segment.append(messages)
        self._unsynced.add(segment)
        return segment, first

    def take_unsynced(self) -> set[Segment]:
        """What has been written since this was last called."""
        unsynced, self._unsynced = self._unsynced, set()
        return unsynced

    def close(self) -> None:
        """Bring to the disk what was written, and write no more."""
        self._end_current()
        for segment in self._unsynced:
            segment.sync()

    def remove(self) -> None:
        """Remove everything."""
        self._end_current()
        self._unsynced.clear()
        for path in self._folder.iterdir():
            if path.suffix in {MESSAGES, MARKS}:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self._folder.rmdir()

    def _next(self) -> Segment:
        self._number += 1
        segment = Segment(self._folder / f"{self._number:08d}")
        _sync_folder(self._folder)
        self._end_current()
        self._current = segment
        self._segments.append(segment)
        return segment

    def _paths(self) -> list[Path]:
        """The segments' files without their suffixes, oldest first."""
        found = {path.with_suffix("") for path in self._folder.iterdir() if path.suffix in {MESSAGES, MARKS}}
        return sorted((path for path in found if path.name.isdecimal()), key=lambda path: int(path.name))

    def _end_current(self) -> None:
        segment, self._current = self._current, None
        if segment is not None:
            segment.end()
            self._aside(segment.sync)
            self._aside(segment.release)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a failure of the machine, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
