"""PARQUET: rows of files in the data folder, `{"folder": "speeds"}` for `DATA/rules/speeds/part-….parquet`.

Columns are those of the message (`time_ms`, `topic`, `product_key`, `device_name`, `message_id`) and the members of the
output; what is a list or an object is JSON text. A file is whole when it is there: it is written beside and renamed,
when it has 10,000 rows, after ten seconds, and at the end; the oldest make room. Needs the extra `store`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from jinqiao.gateway.platform.rules.judge import ActionFault
from jinqiao.gateway.stores.segments import PART, SUFFIX, finish

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind

__all__ = ["MOST_FOLDER_BYTES", "ToParquet", "table_of"]

_KEYS = frozenset({"folder"})
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Rows of a file, rows that wait for the disk, seconds before a file is written that has fewer.
_ROWS, _MOST_WAITING, _AGE_S = 10_000, 50_000, 10.0
#: Of one folder; the oldest files make room.
MOST_FOLDER_BYTES = 1 << 30
#: A closed action writes what waits: so long it is waited for, s.
_FINISH_S = 2.0


@kind("PARQUET")
class ToParquet:
    """Gathers rows in a thread, which writes them."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:
        data = context.data
        self._folder = None if data is None else data / "rules" / str(configuration["folder"])
        self._outcome = outcome
        self._behind = Behind(
            "parquet", self._deliver, outcome, most=_MOST_WAITING, lot=_ROWS, linger_s=_AGE_S, finishes=True
        )

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A plain folder name: a caller of the cloud side cannot write anywhere else."""
        folder = text_of(configuration, "folder", _KEYS)
        if not _FOLDER.fullmatch(folder):
            raise ActionFault("folder must be 1 to 64 letters, digits, _ and -", "folder")
        if importlib.util.find_spec("pyarrow") is None:
            raise ActionFault("needs pyarrow: pip install 'jinqiao[store]'", "folder")

    def send(self, output: Output) -> None:
        """Keep it for the next file."""
        if self._folder is None:
            self._outcome.failed(output, "there is no data folder: start with --data")
        else:
            self._behind.send(output)

    def close(self) -> None:
        """What waits is written."""
        self._behind.close(_FINISH_S)

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        assert self._folder is not None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._folder, lot)
        except OSError as error:
            return f"cannot write to {self._folder.name}: {error.strerror or error}", True
        return None, False


def _write(folder: Path, rows: Sequence[Output]) -> None:
    """A file under a name that no other has: message ids are given once, and grow."""
    import pyarrow.parquet as pq

    name = f"part-{rows[0].rule_id}-{int(rows[0].message_id):020d}{SUFFIX}"
    beside = folder / f"{name}{PART}"
    pq.write_table(table_of(rows), beside)
    finish(beside)
    _make_room(folder)


def _make_room(folder: Path) -> None:
    files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
    size = sum(file.stat().st_size for file in files)
    for file in files[:-1]:
        if size <= MOST_FOLDER_BYTES:
            return
        size -= file.stat().st_size
        file.unlink()


def table_of(rows: Sequence[Output]) -> Any:
    """The rows as an Arrow table, one at least."""
    import pyarrow as pa

    return pa.table({name: _array(pa, values) for name, values in _columns(rows).items()})


def _array(pa: Any, values: list[Any]) -> Any:
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, OverflowError):  # an integer that 64 bits do not hold
        return pa.array([None if value is None else str(value) for value in values])


def _columns(rows: Sequence[Output]) -> dict[str, list[Any]]:
    """Columns of the messages, then of the results; one that holds values of several types is text."""
    columns: dict[str, list[Any]] = {
        "time_ms": [row.generated_ms for row in rows],
        "topic": [row.topic for row in rows],
        "product_key": [row.product_key for row in rows],
        "device_name": [row.device_name for row in rows],
        "message_id": [row.message_id for row in rows],
    }
    results = [row.result if not isinstance(row.result, bytes) else {"payload": row.result} for row in rows]
    for name in dict.fromkeys(key for result in results for key in result):
        values = [result.get(name) for result in results]
        kinds = {type(value) for value in values if value is not None}
        if kinds <= {int, float}:
            values = [None if value is None else float(value) for value in values] if float in kinds else values
        elif len(kinds) > 1 or kinds & {dict, list}:
            values = [None if value is None else value if isinstance(value, str) else _text(value) for value in values]
        columns[name if name not in columns else f"{name}_"] = values
    return columns


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value) if type(value) is int else orjson.dumps(value).decode()
