"""What outlives the process: one SQLite file in the data folder, one transaction for each change that is acknowledged.

Write-ahead log with `synchronous=FULL`: a change is on the disk before its reply leaves, so a kill at any moment loses
nothing that was acknowledged. Values are JSON, one row per kind, product and device; SQLite is asked for no more.
Several processes may have the file open: a running platform notices what the command line has changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.devices.device_log import LogEntry

__all__ = ["FILE", "Row", "Storage"]

#: The file's name in the data folder.
FILE = "jinqiao.sqlite"
#: Raised when the tables change; a file of another version is refused.
_VERSION = 1
#: Entries of the device log that are kept.
_MOST_LOGGED = 10_000
#: Seconds to wait for another process that writes.
_PATIENCE_S = 5.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS kept (
    kind TEXT NOT NULL, product_key TEXT NOT NULL, device_name TEXT NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (kind, product_key, device_name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time_ms INTEGER NOT NULL, product_key TEXT NOT NULL, device_name TEXT NOT NULL,
    topic TEXT NOT NULL, code INTEGER NOT NULL, message TEXT NOT NULL
);
"""


class Row(NamedTuple):
    """One value; `device_name` is empty for what belongs to a product, both are for what belongs to the house."""

    kind: str
    product_key: str
    device_name: str
    value: Any


class Storage:
    """The file of one data folder, which is made if it is not there. Raises EnvironmentFault."""

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder) / FILE
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            version = self._base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise EnvironmentFault(f"{path} is of version {version}, this program reads version {_VERSION}")
            if version == 0:  # opening alone writes nothing: others would take it for a change
                self._base.executescript(_SCHEMA)
                self._base.execute(f"PRAGMA user_version={_VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentFault(f"cannot keep data in {path}: {error}") from error
        self._seen = self._data_version()

    def keep(self, kind: str, product_key: str, device_name: str, value: Any) -> None:
        """Keep a value, or with None nothing; on the disk when this returns."""
        self.keep_all([Row(kind, product_key, device_name, value)])

    def keep_all(self, rows: Sequence[Row]) -> None:
        """All or nothing. With a device that is deleted goes everything else that is kept of it."""
        with self._transaction(", ".join(sorted({row.kind for row in rows}))):
            for row in rows:
                if row.kind == "device" and row.value and "deleted" in row.value:
                    self._base.execute("DELETE FROM kept WHERE product_key = ? AND device_name = ?", row[1:3])
                if row.value is None:
                    self._base.execute(
                        "DELETE FROM kept WHERE kind = ? AND product_key = ? AND device_name = ?", row[:3]
                    )
                else:
                    self._base.execute("REPLACE INTO kept VALUES (?, ?, ?, ?)", (*row[:3], orjson.dumps(row.value)))

    def delete_product(self, product_key: str) -> None:
        """Nothing of this product and its devices is kept any more."""
        with self._transaction(product_key):
            self._base.execute("DELETE FROM kept WHERE product_key = ?", (product_key,))

    def rows(self, *kinds: str) -> Iterator[Row]:
        """What is kept of these kinds, of all if none is named, sorted by kind, product and device."""
        where = f" WHERE kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        for kind, product_key, device_name, value in self._base.execute(f"SELECT * FROM kept{where}", kinds):
            yield Row(kind, product_key, device_name, orjson.loads(value))

    def changed_elsewhere(self) -> bool:
        """Whether another process has written since this was last asked."""
        before, self._seen = self._seen, self._data_version()
        return self._seen != before

    def write_log(self, entries: Iterable[LogEntry]) -> None:
        """Add to the device log; the oldest make room."""
        with self._transaction("the device log"):
            self._base.executemany("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?)", entries)
            self._base.execute("DELETE FROM log WHERE number <= (SELECT MAX(number) FROM log) - ?", (_MOST_LOGGED,))

    def log(self, product_key: str | None = None, device_name: str | None = None) -> Iterator[LogEntry]:
        """The device log, oldest first, of one product or device if named."""
        wanted = {"product_key": product_key, "device_name": device_name}
        named = {column: value for column, value in wanted.items() if value is not None}
        where = " WHERE " + " AND ".join(f"{column} = :{column}" for column in named) if named else ""
        columns = "time_ms, product_key, device_name, topic, code, message"
        for row in self._base.execute(f"SELECT {columns} FROM log{where} ORDER BY number", named):
            yield LogEntry(*row)

    def close(self) -> None:
        self._base.close()

    @contextmanager
    def _transaction(self, what: str) -> Iterator[None]:
        try:
            self._base.execute("BEGIN IMMEDIATE")
            yield
            self._base.execute("COMMIT")
        except (sqlite3.Error, TypeError) as error:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            raise EnvironmentFault(f"cannot keep {what}: {error}") from error

    def _data_version(self) -> int:
        return int(self._base.execute("PRAGMA data_version").fetchone()[0])
