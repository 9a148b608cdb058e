"""PARQUET: rows of files in the data folder, `{"folder": "speeds"}` for `DATA/rules/speeds/part-….parquet`.

Columns are those of the message (`time_ms`, `topic`, `product_key`, `device_name`, `message_id`) and the members of the
output; what is a list or an object is JSON text. A file is whole when it is there: it is written beside and renamed,
when it has 10,000 rows, after a minute, and at the end. Needs pyarrow: `pip install 'jinqiao[store]'`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from jinqiao.gateway.platform.rules.judge import ActionFault

from ..output import Output
from .base import Context, Outcome, kind, text_of

__all__ = ["ToParquet"]

_KEYS = frozenset({"folder"})
_FOLDER = re.compile(r"[A-Za-z0-9_-]{1,64}")
#: Rows of a file, rows that wait for the disk, seconds before a file is written that has fewer.
_ROWS, _MOST_WAITING, _AGE_S = 10_000, 40_000, 60.0


@kind("PARQUET")
class ToParquet:
    """Gathers rows and has a thread write them."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:
        self._folder = str(configuration["folder"])
        self._data, self._outcome = context.data, outcome
        self._rows: list[Output] = []
        self._writing = 0
        self._timer: asyncio.TimerHandle | None = None
        self._number = 0

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
        if self._data is None:
            self._outcome.failed(output, "there is no data folder: start with --data")
            return
        if len(self._rows) + self._writing >= _MOST_WAITING:
            self._outcome.dropped(output)
            return
        self._rows.append(output)
        if len(self._rows) >= _ROWS:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_AGE_S, self._flush)

    def close(self) -> None:
        """What waits is written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        if rows:
            try:
                self._write(rows)
            except Exception as error:
                for output in rows:
                    self._outcome.failed(output, str(error))
            else:
                for output in rows:
                    self._outcome.sent(output)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._rows = self._rows, []
        if not rows:
            return
        self._writing += len(rows)
        task = asyncio.get_running_loop().run_in_executor(None, self._write, rows)

        def written(done: asyncio.Future[None]) -> None:
            self._writing -= len(rows)
            error = done.exception()
            for output in rows:
                if error is None:
                    self._outcome.sent(output)
                else:
                    self._outcome.failed(output, str(error))

        task.add_done_callback(written)

    def _write(self, rows: Sequence[Output]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as parquet

        assert self._data is not None
        folder = self._data / "rules" / self._folder
        folder.mkdir(parents=True, exist_ok=True)
        self._number += 1
        name = f"part-{rows[0].message_id}-{self._number}.parquet"
        beside = folder / f".{name}.tmp"
        parquet.write_table(pa.table(_columns(rows)), beside)
        beside.rename(folder / name)


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
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else orjson.dumps(value).decode()
