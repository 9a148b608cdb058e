"""Writes CSV: OUT.csv for a recording of one kind, OUT.core.csv, OUT.events.csv … for one of several."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError

from .parts import Part, missing_extra

__all__ = ["CsvWriter"]


class CsvWriter:
    """A file a kind. `files` are those there are after `close`."""

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            import pyarrow.csv

            from . import tables
        except ImportError as error:
            raise missing_extra(error) from error
        self._arrow: Any = pa
        self._csv: Any = pyarrow.csv
        self._tables: Any = tables
        self.path = path
        self._writers: dict[str, tuple[Path, Any]] = {}
        self.files: list[Path] = []
        taken = [path, *(self._of_kind(kind) for kind in tables.KINDS)]
        exists = next((file for file in taken if file.exists()), None)
        if exists is not None:
            raise InputError(f"{exists} exists already; remove it, or choose another name")

    def _of_kind(self, kind: str) -> Path:
        return self.path.with_suffix(f".{kind}.csv")

    def write(self, part: Part) -> None:
        """Add a part."""
        kind = self._tables.kind_of(part)
        table = self._readable(self._tables.to_table(part))
        try:
            if kind not in self._writers:
                path = self._of_kind(kind)
                self._writers[kind] = path, self._csv.CSVWriter(path, table.schema)
            self._writers[kind][1].write_table(table)
        except OSError as error:
            raise EnvironmentFault(f"{self.path} cannot be written any more: {error}") from error

    def tick(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Finish; a single kind's file gets the name that was asked for."""
        for path, writer in self._writers.values():
            writer.close()
            self.files.append(path)
        if len(self.files) == 1:
            self.files = [self.files[0].rename(self.path)]

    def _readable(self, table: Any) -> Any:
        """Payloads as text where they are text, and in base64 otherwise; CAN data and identifiers in hexadecimal."""
        names = table.column_names
        if "payload" in names:
            text, other = [], []
            for payload in table["payload"].to_pylist():
                readable = _text(payload)
                text.append(readable)
                other.append(None if readable is not None else base64.b64encode(payload).decode())
            at = names.index("payload")
            table = table.set_column(at, "payload", self._arrow.array(text, self._arrow.string()))
            return table.add_column(at + 1, "payload_base64", self._arrow.array(other, self._arrow.string()))
        if "data" in names:
            data = [found.hex() for found in table["data"].to_pylist()]
            numbers = [f"{number:X}" for number in table["identifier"].to_pylist()]
            table = table.set_column(names.index("data"), "data", self._arrow.array(data, self._arrow.string()))
            return table.set_column(
                names.index("identifier"), "identifier", self._arrow.array(numbers, self._arrow.string())
            )
        return table


def _text(payload: bytes) -> str | None:
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return None
