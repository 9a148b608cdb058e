"""Rolling Parquet segments: a file is written under another name until it is whole, so each finished one is readable.

`NAME-000001.parquet.part` is being written, `NAME-000001.parquet` is whole and on the disk. A crash costs the part.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .extras import load

__all__ = ["PART", "SUFFIX", "Limits", "Segments", "finish"]

SUFFIX = ".parquet"
PART = ".part"

#: zstd's first level: twice the speed of its third for a tenth more bytes, measured with telemetry.
_LEVEL = 1
#: One name for each vehicle: dictionaries of 100,000 and more names stay dictionaries.
_DICTIONARY_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """When a row group is written, and when a segment is full: whichever comes first. Time is the wall clock's."""

    row_group_rows: int = 1 << 18
    segment_bytes: int = 64 << 20
    segment_s: float = 60.0


class Segments:
    """The segments of one kind of rows, in one folder.

    Rows come as Arrow tables of `schema`. Raises OSError (`pyarrow` raises it, too) when the disk fails.
    """

    def __init__(self, folder: Path, name: str, schema: Any, limits: Limits, **options: Any) -> None:
        self.schema = schema
        self.files = self.rows = 0
        self.bytes = 0
        self._folder, self._name, self._limits = folder, name, limits
        self._options: Mapping[str, Any] = options
        self._waiting: list[Any] = []
        self._waiting_rows = self._open_rows = 0
        self._file: Any = None
        self._writer: Any = None
        self._began = 0.0

    @property
    def unfinished(self) -> int:
        """Rows that are in no finished segment yet."""
        return self._waiting_rows + self._open_rows

    def add(self, table: Any) -> None:
        """Take rows; they are written when there are enough for a row group."""
        if not self.unfinished:
            self._began = time.monotonic()
        self._waiting.append(table)
        self._waiting_rows += len(table)
        if self._waiting_rows >= self._limits.row_group_rows:
            self._write()
        self.roll()

    def roll(self) -> None:
        """Finish the segment if it is large or old enough."""
        if not self.unfinished:
            return
        large = self._file is not None and self._file.tell() >= self._limits.segment_bytes
        if large or time.monotonic() - self._began >= self._limits.segment_s:
            self.finish()

    def finish(self) -> None:
        """Finish the segment with all rows that came; nothing when there are none."""
        if self._waiting:
            self._write()
        if self._writer is None:
            return
        self._writer.close()
        self._file.close()
        self.bytes += finish(self._part)
        self._writer = self._file = None
        self.rows += self._open_rows
        self.files += 1
        self._open_rows = 0

    def give_up(self) -> None:
        """The disk fails: leave what is finished, remove what is not."""
        pa, _ = _arrow()
        for thing in (self._writer, self._file):
            if thing is not None:
                with suppress(OSError, pa.ArrowException):  # it has failed before: this is why we give up
                    thing.close()
        self._writer = self._file = None
        self._waiting, self._waiting_rows, self._open_rows = [], 0, 0
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self._folder / f"{self._name}-{self.files + 1:06d}{SUFFIX}{PART}"

    def _write(self) -> None:
        pa, pq = _arrow()
        if self._writer is None:
            self._file = pa.OSFile(str(self._part), "wb")
            self._writer = pq.ParquetWriter(self._file, self.schema, **writer_options(self._options))
        table = pa.concat_tables(self._waiting)
        self._open_rows += len(table)
        self._waiting, self._waiting_rows = [], 0
        self._writer.write_table(table, row_group_size=self._limits.row_group_rows)


def writer_options(more: Mapping[str, Any]) -> dict[str, Any]:
    """What all our Parquet files are written with."""
    fixed = {"compression": "zstd", "compression_level": _LEVEL, "dictionary_pagesize_limit": _DICTIONARY_BYTES}
    return {**fixed, **more}


def finish(part: Path) -> int:
    """Bring a whole file to the disk and give it its name; returns its bytes."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
        size = os.fstat(file.fileno()).st_size
    part.rename(part.with_suffix(""))
    sync_folder(part.parent)
    return size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a crash of the machine, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _arrow() -> Sequence[Any]:
    return load("pyarrow", "store", "Parquet"), load("pyarrow.parquet", "store", "Parquet")
