"""Writes a folder of Parquet files: one folder a kind, in it numbered segments.

A Parquet file can be read only when its end is written. So rows go into segments of half a minute; the one being
written has a name that begins with a dot, which readers of whole folders pass over, and gets its real name when it is
finished. After a kill every finished segment is there.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinqiao.base.errors import EnvironmentFault, InputError

from .parts import Info, Part, missing_extra

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["INFO", "UNTOLD", "ParquetWriter"]

INFO = "recording.json"
#: Metadata of a column whose nulls are meant: these samples came without such a value.
UNTOLD = {b"null": b"not told"}
#: Rows that are gathered into one row group.
GROUP_ROWS = 131_072
SEGMENT_ROWS = 8_388_608
SEGMENT_AGE_S = 30.0
#: What the rows of a folder are counted as; those of the telemetry groups are samples.
_KINDS = {"events": "events", "messages": "messages", "can": "frames"}
#: Beside names and enumerations, dictionaries of values would only cost time.
_DICTIONARY = ("device_name", "topic", "identifier", "bus", "direction")


class _Segments:
    """The files of one kind."""

    def __init__(self, folder: Path, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._number = 0
        self._waiting: list[pa.Table] = []
        self._waiting_rows = self._rows = 0
        self.kept = 0
        self._began = 0.0
        #: Columns that there were so far, and those of them that some rows lack: these may hold nulls.
        self._fields: dict[str, pa.Field] = {}
        self._lacking: set[str] = set()
        self._writer: pq.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        table = self._fitted(table)
        if not self._waiting and self._writer is None:
            self._began = self._clock()
        if self._waiting and self._waiting[0].schema != table.schema:
            self._write_group()
        self._waiting.append(table)
        self._waiting_rows += len(table)
        if self._waiting_rows >= GROUP_ROWS:
            self._write_group()
        if self._rows >= SEGMENT_ROWS:
            self.finish()

    def _fitted(self, table: pa.Table) -> pa.Table:
        """The table with nulls for what its rows lack: samples with a missing value must not begin a new file."""
        import pyarrow as pa

        own = {field.name: field for field in table.schema}
        if own.keys() - self._fields.keys():
            self._fields = own | {name: field for name, field in self._fields.items() if name not in own}
        self._lacking |= self._fields.keys() - own.keys()
        if not self._lacking:
            return table
        fields, arrays = [], []
        for name, field in self._fields.items():
            if name in self._lacking:
                field = field.with_nullable(True).with_metadata({**(field.metadata or {}), **UNTOLD})
            fields.append(field)
            arrays.append(table[name] if name in own else pa.nulls(len(table), field.type))
        return pa.Table.from_arrays(arrays, schema=pa.schema(fields))

    def tick(self) -> None:
        if (self._writer is not None or self._waiting) and self._clock() - self._began >= SEGMENT_AGE_S:
            self.finish()

    @property
    def _open_path(self) -> Path:
        return self._folder / f".{self._number:05d}.parquet"

    def _write_group(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.concat_tables(self._waiting)
        if self._writer is not None and self._writer.schema != table.schema:
            self._finish_file()
        if self._writer is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._number += 1
            names = [name for name in table.column_names if name in _DICTIONARY]
            self._writer = pq.ParquetWriter(
                self._open_path, table.schema, compression="zstd", compression_level=1, use_dictionary=names
            )
        self._writer.write_table(table, row_group_size=GROUP_ROWS * 2)
        self._waiting, self._waiting_rows = [], 0
        self._rows += len(table)

    def finish(self) -> None:
        """End the segment: from now on it can be read."""
        if self._waiting:
            self._write_group()
        self._finish_file()

    def _finish_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._open_path.rename(self._folder / f"{self._number:05d}.parquet")
            self.kept += self._rows
            self._writer, self._rows = None, 0

    def give_up(self) -> None:
        """After a failure: remove the file that can never be read."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with suppress(OSError):
                writer.close()
            self._open_path.unlink(missing_ok=True)


class ParquetWriter:
    """One folder. Raises InputError if something is in it, EnvironmentFault when it cannot be written (any more)."""

    def __init__(self, path: Path, info: Info, *, clock: Callable[[], float] = time.monotonic) -> None:
        try:
            from . import tables
        except ImportError as error:
            raise missing_extra(error) from error
        self._tables: Any = tables
        self.path = path
        self._kinds: dict[str, _Segments] = {}
        self._clock = clock
        self._failed: str | None = None
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise InputError(f"{path} exists already; remove it, or choose another name")
            path.mkdir(exist_ok=True)
            (path / INFO).write_text(json.dumps(info.as_map(), indent=2) + "\n")
        except OSError as error:
            raise EnvironmentFault(f"{path} cannot be written: {error.strerror}") from error

    def write(self, part: Part) -> None:
        """Add a part; parts come in the order of time."""
        kind = self._tables.kind_of(part)
        if kind not in self._kinds:
            self._kinds[kind] = _Segments(self.path / kind, self._clock)
        self._guard(lambda: self._kinds[kind].add(self._tables.to_table(part)))

    def tick(self) -> None:
        """Finish segments that are old enough."""
        self._guard(*(segments.tick for segments in self._kinds.values()))

    def close(self) -> None:
        """Finish all segments; after a failure remove what cannot be read."""
        if self._failed is None:
            self._guard(*(segments.finish for segments in self._kinds.values()))

    def kept(self) -> Counter[str]:
        """Rows of the segments that are finished."""
        found: Counter[str] = Counter()
        for kind, segments in self._kinds.items():
            found[_KINDS.get(kind, "samples")] += segments.kept
        return found

    def _guard(self, *acts: Callable[[], None]) -> None:
        if self._failed is not None:
            raise EnvironmentFault(self._failed)
        try:
            for act in acts:
                act()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            self._failed = f"{self.path} cannot be written any more: {reason}; its finished segments can be read"
            for segments in self._kinds.values():
                segments.give_up()
            raise EnvironmentFault(self._failed) from error
