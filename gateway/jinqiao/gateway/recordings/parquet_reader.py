"""Reads what `parquet_writer` wrote: a folder of kinds, or one of its files. Damaged files are named and left out."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jinqiao.base.errors import InputError

from .parquet_writer import INFO
from .parts import Info, Part, missing_extra

__all__ = ["ParquetReader"]

_ROWS = 32_768
_MAGIC = b"PAR1"


class ParquetReader:
    """One folder or file; `parts` reads it anew each time. Raises InputError when there is nothing to read."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq

            from . import tables
        except ImportError as error:
            raise missing_extra(error) from error
        self._parquet: Any = pq
        self._arrow: Any = pa
        self._tables: Any = tables
        self.path = path
        self.problems: list[str] = []
        self.info = Info()
        self._files: dict[str, list[Path]] = {}
        if path.is_dir():
            for kind in tables.KINDS:
                found = sorted(path.glob(f"{kind}/[0-9]*.parquet"))
                if found:
                    self._files[kind] = found
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
            self.problems.append(f"{path}: cannot be read: {error}")

    def _kind(self, path: Path) -> str:
        """The kind of a single file: its columns say it."""
        try:
            names = set(self._parquet.read_schema(path).names)
        except (OSError, self._arrow.ArrowException) as error:
            raise InputError(f"{path}: {self._fault(path, error)}") from error
        if "payload" in names:
            return "messages"
        if "output" in names:
            return "events"
        if {"bus", "identifier"} <= names:
            return "can"
        if {"time", "device_name"} <= names:
            return "core" if "vehicle_state" in names or "speed" in names else "detail"
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
            return f"offset 0: found {start!r}, expected {_MAGIC!r}: this is no Parquet file"
        if end != _MAGIC:
            return f"offset {max(0, size - 4)}: found {end!r}, expected {_MAGIC!r}: the file was cut off"
        return f"cannot be read: {str(error).splitlines()[0]}"

    def parts(self) -> Iterator[Part]:
        """Everything that can be read, kinds merged in the order of time."""
        self.problems = []
        if self.path.is_dir():
            for path in sorted(self.path.glob("*/.[0-9]*.parquet")):
                self.problems.append(f"{path}: an unfinished segment: the writer was killed, or is still writing")
        streams = [self._of_kind(kind, files) for kind, files in self._files.items()]
        if len(streams) == 1:
            yield from streams[0]
            return
        yield from _merged(streams)

    def _of_kind(self, kind: str, files: list[Path]) -> Iterator[Part]:
        for path in files:
            try:
                with self._parquet.ParquetFile(path) as file:
                    for batch in file.iter_batches(_ROWS, use_threads=False):
                        if len(batch):
                            yield self._tables.from_table(kind, self._arrow.Table.from_batches([batch]))
            except (OSError, self._arrow.ArrowException, KeyError) as error:
                self.problems.append(f"{path}: {self._fault(path, error)}; the rest is left out")


def _merged(streams: list[Iterator[Part]]) -> Iterator[Part]:
    """Parts of several streams, each cut so that none reaches beyond the next part of another.

    Of equal times, samples of the stream named first come first.
    """
    waiting: list[tuple[int, int, Any, Iterator[Part]]] = []
    for number, stream in enumerate(streams):
        first = next(stream, None)
        if first is not None:
            waiting.append((_start_ns(first), number, first, stream))
    heapq.heapify(waiting)
    while waiting:
        _, number, part, stream = heapq.heappop(waiting)
        if waiting:
            until, rival = waiting[0][0], waiting[0][1]
            times = _times(part)
            cut = int(np.searchsorted(times, until, side="right" if number < rival else "left"))
            if 0 < cut < len(times):
                rest = part.rows(slice(cut, None)) if not isinstance(part, list) else part[cut:]
                heapq.heappush(waiting, (int(times[cut]), number, rest, stream))
                yield part.rows(slice(0, cut)) if not isinstance(part, list) else part[:cut]
                continue
        yield part
        following = next(stream, None)
        if following is not None:
            heapq.heappush(waiting, (_start_ns(following), number, following, stream))


def _times(part: Any) -> Any:
    return np.array([frame.time_ns for frame in part], np.int64) if isinstance(part, list) else part.time_ns


def _start_ns(part: Any) -> int:
    return int(_times(part)[0])
