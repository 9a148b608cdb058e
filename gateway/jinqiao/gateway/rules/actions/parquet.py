"""PARQUET: a row of each output, `{"folder": "fast_cars"}`, in segments below `rules/` of the data folder. Ours.

Members of the output are columns, beside `time`, `product_key`, `device_name`, `topic` and `message_id`. A segment has
the columns of its own rows; DuckDB reads them together with `read_parquet('…/*.parquet', union_by_name=true)`. One is
finished after so many rows or seconds, and is whole and on the disk when it has its name; the oldest make room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinqiao.base.errors import InputError
from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.segments import PART, SUFFIX, finish, writer_options

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind
from .members import members

__all__ = ["MOST_FOLDER_BYTES", "Parquet"]

_KEYS = frozenset({"folder"})
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Rows of a segment, those that wait, and how long they wait for others, s.
_LOT, _MOST, _LINGER_S = 10_000, 50_000, 10.0
#: Of one action's folder; the oldest segments make room.
MOST_FOLDER_BYTES = 1 << 30
#: A closed action writes what waits: so long is waited for it, s.
_FINISH_S = 2.0


@kind("PARQUET")
class Parquet:
    """Writes segments, in a thread."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:
        folder = context.folder
        self._folder = None if folder is None else folder / str(context.rule.id) / str(configuration["folder"])
        self._outcome = outcome
        self._behind = Behind(
            "parquet", self._deliver, outcome, most=_MOST, lot=_LOT, linger_s=_LINGER_S, finishes=True
        )

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """The name of a folder; pyarrow must be there."""
        if not _NAME.fullmatch(text_of(configuration, "folder", _KEYS)):
            raise ActionFault("folder must be a name of letters, digits, _ and -", "folder")
        try:
            load("pyarrow", "store", "a PARQUET action")
        except InputError as error:
            raise ActionFault(str(error), "folder") from error

    def send(self, output: Output) -> None:
        """Queue it."""
        if self._folder is None:
            self._outcome.failed(output, "PARQUET needs a data folder: start with --data DIR")
        else:
            self._behind.send(output)

    def close(self) -> None:
        """What waits is written."""
        self._behind.close(_FINISH_S)

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        assert self._folder is not None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self._folder, lot)
        except OSError as error:
            return f"cannot write to {self._folder.name}: {error.strerror or error}", True
        return None, False


def _write(folder: Path, lot: Sequence[Output]) -> None:
    pq = load("pyarrow.parquet", "store", "a PARQUET action")
    found = sorted(folder.glob(f"*{SUFFIX}"))
    number = int(found[-1].stem) + 1 if found else 1
    part = folder / f"{number:09d}{SUFFIX}{PART}"
    pq.write_table(_table(lot), part, **writer_options({}))
    finish(part)
    _make_room(folder)


def _table(lot: Sequence[Output]) -> Any:
    pa = load("pyarrow", "store", "a PARQUET action")
    rows = [_row(output) for output in lot]
    columns = {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
    times = pa.array([output.generated_ms for output in lot], pa.timestamp("ms", tz="UTC"))
    arrays = {"time": times} | {name: _array(pa, values) for name, values in columns.items()}
    return pa.table(arrays)


def _row(output: Output) -> dict[str, Any]:
    known = {
        "product_key": output.product_key,
        "device_name": output.device_name,
        "topic": output.topic,
        "message_id": output.message_id,
    }
    made = members(output)
    made.pop("time", None)
    if not made and isinstance(output.result, bytes):
        made = {"payload": output.result}
    return {**known, **made}


def _array(pa: Any, values: Iterable[Any]) -> Any:
    """A column of numbers, truth values, texts or bytes; what is mixed becomes text."""
    there = list(values)
    kinds = {type(value) for value in there if value is not None}
    try:
        if kinds == {int, float}:
            return pa.array([None if value is None else float(value) for value in there])
        if len(kinds) < 2:
            return pa.array(there)
    except (pa.ArrowInvalid, OverflowError):  # an integer that 64 bits do not hold
        pass
    return pa.array([None if value is None else _text(value) for value in there])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _make_room(folder: Path) -> None:
    files = sorted(folder.glob(f"*{SUFFIX}"))
    size = sum(file.stat().st_size for file in files)
    for file in files[:-1]:
        if size <= MOST_FOLDER_BYTES:
            return
        size -= file.stat().st_size
        file.unlink()
