"""How a file of an older version becomes one of this: a step for each version, all in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping

__all__ = ["SCHEMA", "STEPS", "VERSION"]

#: Raised when the tables change; a file of a later version is refused.
VERSION = 3

SCHEMA = (
    """CREATE TABLE kept (
        tenant TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,
        PRIMARY KEY (tenant, kind, key)
    ) WITHOUT ROWID""",
    """CREATE TABLE log (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        time_ms INTEGER NOT NULL, product_key TEXT NOT NULL, device_name TEXT NOT NULL,
        topic TEXT NOT NULL, code INTEGER NOT NULL, message TEXT NOT NULL, stranger INTEGER NOT NULL DEFAULT 0
    )""",
)


def _keys_of_two_columns(base: sqlite3.Connection) -> None:
    """1 → 2: a key in place of product key and device name (which a firmware's id stood in for), and a tenant."""
    base.execute("ALTER TABLE kept RENAME TO kept_1")
    base.execute(SCHEMA[0])
    base.execute(
        """INSERT INTO kept SELECT '', kind,
            CASE WHEN kind = 'firmware' THEN product_key || '#' || device_name
                 WHEN device_name = '' THEN product_key
                 ELSE product_key || '/' || device_name END,
            value FROM kept_1"""
    )
    base.execute("DROP TABLE kept_1")


def _whose_entry(base: sqlite3.Connection) -> None:
    """2 → 3: whether an entry of the log is of somebody who did not prove who it is."""
    base.execute("ALTER TABLE log ADD COLUMN stranger INTEGER NOT NULL DEFAULT 0")


#: Version → what makes the next one of it.
STEPS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _keys_of_two_columns, 2: _whose_entry}
