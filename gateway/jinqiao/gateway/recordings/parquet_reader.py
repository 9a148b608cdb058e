"""Reads what `parquet_writer` wrote: a folder of kinds, or one of its files. Damaged files are named and left out.

Another program may have written it again (`table_reading`), and may call its files as it likes: in a kind's folder all
of them are read, and files beside each other are told apart by their columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.base.onward import Onward, Standstill
from jinqiao.base.signals import GROUPS, SIGNALS

from .parquet_writer import INFO
from .parts import Info, Part, merged, missing_extra
from .problems import Problems

__all__ = ["ParquetReader"]

_ROWS = 32_768
_MAGIC = b"PAR1"


class ParquetReader:
    """One folder or file; `parts` reads it anew each time. Raises InputError when there is nothing to read."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq

            from . import table_reading, tables
        except ImportError as error:
            raise missing_extra(error) from error
        self._parquet: Any = pq
        self._arrow: Any = pa
        self._reading: Any = table_reading
        self.path = path
        self._problems = Problems()
        self.info = Info()
        self._files: dict[str, list[Path]] = {}
        if path.is_dir():
            for kind in tables.KINDS:
                found = _finished(path / kind)
                if found:
                    self._files[kind] = found
            for file in _finished(path):
                self._files.setdefault(self._kind(file), []).append(file)
            if not self._files:
                kinds = ", ".join(tables.KINDS)
                raise InputError(f"{path}: found no Parquet recording in this folder, expected folders {kinds}")
            self._read_info(path / INFO)
        else:
            self._files[self._kind(path)] = [path]

    def _read_info(self, path: Path) -> None:
        try:
            self.info = Info.of(json.loads(path.read_text()))
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self._problems.add(f"{path}: cannot be read: {error}")

    @property
    def problems(self) -> list[str]:
        """What could not be read, and what was left out."""
        return self._problems.lines(self.path)

    def _kind(self, path: Path) -> str:
        """The kind of a single file: its columns say it."""
        try:
            names = set(self._parquet.read_schema(path).names)
        except (OSError, ValueError, self._arrow.ArrowException) as error:
            raise InputError(f"{path}: {self._fault(path, error)}") from error
        if "payload" in names:
            return "messages"
        if "output" in names:
            return "events"
        if {"bus", "identifier"} <= names:
            return "can"
        of_group = {group: sum(SIGNALS[name].group == group for name in names & set(SIGNALS)) for group in GROUPS}
        most = max(of_group, key=lambda group: of_group[group])
        if {"time", "device_name"} <= names and of_group[most]:
            return most
        raise InputError(f"{path}: found the columns {', '.join(sorted(names)[:8])} …, expected those of a recording")

    @staticmethod
    def _fault(path: Path, error: Exception) -> str:
        """What is wrong, with the offset where it shows."""
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                start = file.read(4)
                file.seek(max(0, size - 4))
                end = file.read(4)
        except OSError as problem:
            return f"cannot be read: {problem.strerror}"
        if start != _MAGIC:
            return f"offset 0: found {start!r}, expected {_MAGIC!r}: this is not a Parquet file"
        if end != _MAGIC:
            return f"offset {max(0, size - 4)}: found {end!r}, expected {_MAGIC!r}: the file was cut off"
        return f"cannot be read: {str(error).splitlines()[0]}"

    def parts(self) -> Iterator[Part]:
        """Everything that can be read, kinds merged in the order of time."""
        self._problems = Problems()
        if self.path.is_dir():
            for path in sorted(self.path.glob("*/.[0-9]*.parquet")):
                self._problems.add(f"{path}: an unfinished segment: the writer was killed, or is still writing")
        streams = [self._of_kind(kind, files) for kind, files in self._files.items()]
        if len(streams) == 1:
            yield from streams[0]
            return
        yield from merged(streams)

    def _of_kind(self, kind: str, files: list[Path]) -> Iterator[Part]:
        for path in files:
            try:
                with self._parquet.ParquetFile(path) as file:
                    place = Onward(0, file.metadata.num_rows)
                    for batch in file.iter_batches(_ROWS, use_threads=False):
                        if len(batch):
                            place.to(place.at + len(batch))
                            table = self._arrow.Table.from_batches([batch])
                            yield from self._reading.parts_of(kind, table, self._problems)
            except (InputError, Standstill) as error:
                self._problems.add(f"{path}: {error}; the rest is left out")
            except (OSError, self._arrow.ArrowException, ValueError) as error:
                self._problems.add(f"{path}: {self._fault(path, error)}; the rest is left out")


def _finished(folder: Path) -> list[Path]:
    """The files of a folder that are whole: those being written begin with a dot, a few writers' own with a line."""
    return sorted(path for path in folder.glob("*.parquet") if path.is_file() and path.name[0] not in "._")
