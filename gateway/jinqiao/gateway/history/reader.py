"""Questions about the past as SQL for DuckDB, over segments and the tables that are in none yet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinqiao.gateway.platform.devices.past import Page, Query, Row, cut
from jinqiao.gateway.stores.extras import load

from .tables import KINDS, schema

__all__ = ["Reader"]

#: Rows of one time that are answered at most; only events and calls can have more than one.
_MOST = 5_000

_WHERE = """
    product_key = $product AND device_name = $device AND received >= epoch_ms($since)
    AND time BETWEEN epoch_ms($from_ms) AND epoch_ms($to_ms) AND (len($names) = 0 OR list_contains($names, identifier))
"""
#: What a page is made of: identifier, time in ms, and the kind's own members. A property has one value at one time, the
#: one that came last; a call and its answer are one row, and an
#: answer alone is none.
_ROWS = {
    "property": f"""SELECT identifier, epoch_ms(time) AS moment, arg_max(value, received) AS value
        FROM past WHERE {_WHERE} GROUP BY identifier, time""",
    "event": f"SELECT identifier, epoch_ms(time) AS moment, output FROM past WHERE {_WHERE}",
    "service": f"""SELECT any_value(identifier) AS identifier, epoch_ms(min(time)) AS moment, max(input) AS input,
        max(output) AS output FROM past WHERE {_WHERE} GROUP BY call HAVING max(input) <> ''""",
}
#: Properties are paged each for itself, everything else together.
_TOGETHER = {"property": False, "event": True, "service": True}


class Reader:
    """One connection to a DuckDB in memory, for one thread at a time."""

    def __init__(self) -> None:
        duckdb = load("duckdb", "store", "history")
        self._base = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"})

    def ask(self, query: Query, files: Sequence[Path], young: Sequence[Any]) -> Page:
        """A page of the rows in `files` and in the Arrow tables `young`."""
        pa = load("pyarrow", "store", "history")
        names = ", ".join(f'"{name}"' for name in schema(query.kind).names)
        self._base.register("young", pa.concat_tables(young) if young else schema(query.kind).empty_table())
        past = f"SELECT {names} FROM young"
        if files:
            listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
            past += f" UNION ALL SELECT {names} FROM read_parquet([{listed}])"
        together = _TOGETHER[query.kind]
        order = "moment" if query.ascending else "moment DESC"
        groups = "" if together else "PARTITION BY identifier"
        statement = f"""WITH past AS ({past}), found AS ({_ROWS[query.kind]})
            SELECT * FROM found QUALIFY dense_rank() OVER ({groups} ORDER BY {order}) <= $page
            ORDER BY {order}, identifier LIMIT {_MOST}"""
        parameters = {
            "product": query.product_key,
            "device": query.device_name,
            "since": query.since_ms,
            "from_ms": query.from_ms,
            "to_ms": query.to_ms,
            "names": list(query.identifiers),
            "page": query.page + 1,  # one time more, to know whether and where it goes on
        }
        try:
            rows = self._base.execute(statement, parameters).fetchall()
        finally:
            self._base.unregister("young")
        members = [name for name, _ in KINDS[query.kind].columns if name not in {"call", "number"}]
        found = [Row(row[0], row[1], dict(zip(members, row[2:], strict=True))) for row in rows]
        return cut(found, query.page, ascending=query.ascending, together=together)

    def close(self) -> None:
        self._base.close()
