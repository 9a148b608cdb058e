"""What outlives the process: one SQLite file in the data folder, one transaction for each change that is acknowledged.

Write-ahead log with `synchronous=FULL`: a change is on the disk before its reply leaves, so a kill at any moment loses
nothing that was acknowledged. Values are JSON, one row per tenant, kind and key; SQLite is asked for no more.
Several processes may have the file open: a running platform notices what the command line has changed.
"""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.devices.device_log import LogEntry

from .migrations import SCHEMA, STEPS, VERSION

__all__ = ["FILE", "FILE_KIND", "MOST_OF_STRANGERS", "Row", "Storage"]

_logger = logging.getLogger(__name__)

#: The file's name in the data folder.
FILE = "jinqiao.sqlite"
#: Kind of what a registry file said last of a product: it outlives the product (see `products.py`).
FILE_KIND = "product_of_file"
#: Entries of the device log that are kept.
_MOST_LOGGED = 10_000
#: … and of them what strangers did.
MOST_OF_STRANGERS = 1_000
#: Seconds to wait for another process that writes.
_PATIENCE_S = 5.0


class Row(NamedTuple):
    """One value. `key` is `product_key`, `product_key/device_name` or `product_key#id`; empty for what belongs to no
    product, `&username` for an application, its id for a group. `tenant` is whose it is, '' while there is one."""

    kind: str
    key: str
    value: Any
    tenant: str = ""

    @property
    def product_key(self) -> str:
        return re.split("[/#]", self.key, maxsplit=1)[0]

    @property
    def device_name(self) -> str:
        """Empty for what is no device's."""
        return self.key.partition("/")[2]


def _keep_private(path: Path) -> None:
    """Make folder and file, if they are not there, so that nobody else reads what is kept: it holds all secrets."""
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        return
    open_to_others = path.parent.stat().st_mode & 0o077 and path.stat().st_mode & 0o077
    if open_to_others and path.stat().st_uid == os.getuid():
        _logger.warning("%s holds secrets and others on this machine can read it: chmod 700 %s", path, path.parent)


class Storage:
    """The file of one data folder, which is made if it is not there. Raises EnvironmentFault."""

    def __init__(self, folder: Path | str) -> None:
        path = self._path = Path(folder) / FILE
        try:
            _keep_private(path)
            self._base = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            self._bring_up(path)
        except (OSError, sqlite3.Error) as error:
            raise EnvironmentFault(f"cannot keep data in {path}: {error}") from error
        self._seen = self._data_version()

    def _bring_up(self, path: Path) -> None:
        """Make the tables, or bring those of an older version up to date."""
        version = int(self._base.execute("PRAGMA user_version").fetchone()[0])
        if version == VERSION:  # opening alone writes nothing: others would take it for a change
            return
        if version > VERSION:
            raise EnvironmentFault(f"{path} has version {version}, this program reads version {VERSION}")
        with self.transaction("the tables"):
            version = int(self._base.execute("PRAGMA user_version").fetchone()[0])  # somebody may have been quicker
            if version == 0:
                for statement in SCHEMA:
                    self._base.execute(statement)
            for old in range(version or VERSION, VERSION):
                STEPS[old](self._base)
            self._base.execute(f"PRAGMA user_version={VERSION}")

    def keep(self, kind: str, key: str, value: Any) -> None:
        """Keep a value, or with None nothing; on the disk when this returns."""
        self.keep_all([Row(kind, key, value)])

    def keep_all(self, rows: Sequence[Row]) -> None:
        """All or nothing. With a device or product that is deleted goes everything else that is kept of it."""
        with self.transaction(", ".join(sorted({row.kind for row in rows}))):
            for row in rows:
                if row.kind == "device" and row.value and "deleted" in row.value:
                    self._base.execute("DELETE FROM kept WHERE tenant = ? AND key = ?", (row.tenant, row.key))
                if row.kind == "product" and row.value and "deleted" in row.value:
                    self._delete_product(row.key, but=FILE_KIND)
                names = (row.tenant, row.kind, row.key)
                if row.value is None:
                    self._base.execute("DELETE FROM kept WHERE tenant = ? AND kind = ? AND key = ?", names)
                else:
                    self._base.execute("REPLACE INTO kept VALUES (?, ?, ?, ?)", (*names, orjson.dumps(row.value)))

    def delete_product(self, product_key: str) -> None:
        """Nothing of this product and its devices is kept any more."""
        with self.transaction(product_key):
            self._delete_product(product_key)

    def _delete_product(self, product_key: str, but: str = "") -> None:
        self._base.execute(
            "DELETE FROM kept WHERE (key = ? OR key GLOB ? OR key GLOB ?) AND kind != ?",
            (product_key, f"{product_key}/*", f"{product_key}#*", but),
        )

    def rows(self, *kinds: str) -> Iterator[Row]:
        """What is kept of these kinds, of all if none is named, sorted by tenant, kind and key."""
        where = f" WHERE kind IN ({','.join('?' * len(kinds))})" if kinds else ""
        for tenant, kind, key, value in self._read(f"SELECT * FROM kept{where}", kinds):
            try:
                yield Row(kind, key, orjson.loads(value), tenant)
            except (TypeError, ValueError) as error:
                raise EnvironmentFault(f"{self._path}: the kept {kind} of {key!r} cannot be read: {error}") from error

    @contextmanager
    def reading(self, row: Row) -> Iterator[None]:
        """What fails in this block fails because of that row, and says so. Raises EnvironmentFault."""
        try:
            yield
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise EnvironmentFault(f"{self._path}: the kept {row.kind} of {row.key!r} is damaged: {why}") from error

    def _read(self, statement: str, values: Any) -> Iterator[Any]:
        try:
            yield from self._base.execute(statement, values)
        except sqlite3.Error as error:
            raise EnvironmentFault(f"{self._path} is damaged: {error}; restore it from a backup") from error

    def changed_elsewhere(self) -> bool:
        """Whether another process has written since this was last asked."""
        before, self._seen = self._seen, self._data_version()
        return self._seen != before

    def write_log(self, entries: Iterable[LogEntry], *, strangers: bool = False) -> None:
        """Add to the device log; the oldest make room, of devices and of strangers each for themselves."""
        most = MOST_OF_STRANGERS if strangers else _MOST_LOGGED
        with self.transaction("the device log"):
            rows = ((*entry, int(strangers)) for entry in entries)
            self._base.executemany("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", rows)
            self._base.execute(
                """DELETE FROM log WHERE stranger = :whose AND number <=
                    (SELECT number FROM log WHERE stranger = :whose ORDER BY number DESC LIMIT 1 OFFSET :most)""",
                {"whose": int(strangers), "most": most},
            )

    def log(self, product_key: str | None = None, device_name: str | None = None) -> Iterator[LogEntry]:
        """The device log, oldest first, of one product or device if named."""
        wanted = {"product_key": product_key, "device_name": device_name}
        named = {column: value for column, value in wanted.items() if value is not None}
        where = " WHERE " + " AND ".join(f"{column} = :{column}" for column in named) if named else ""
        columns = "time_ms, product_key, device_name, topic, code, message"
        for row in self._read(f"SELECT {columns} FROM log{where} ORDER BY number", named):
            yield LogEntry(*row)

    def close(self) -> None:
        self._base.close()

    @contextmanager
    def transaction(self, what: str = "a change") -> Iterator[None]:
        """All that is written in this block is kept, or nothing is; a block within another is part of that one."""
        if self._base.in_transaction:
            yield
            return
        try:
            self._base.execute("BEGIN IMMEDIATE")
            yield
            self._base.execute("COMMIT")
        except BaseException as error:
            if self._base.in_transaction:
                self._base.execute("ROLLBACK")
            if isinstance(error, (sqlite3.Error, TypeError)):
                raise EnvironmentFault(f"cannot keep {what}: {error}") from error
            raise

    def _data_version(self) -> int:
        return int(self._base.execute("PRAGMA data_version").fetchone()[0])
