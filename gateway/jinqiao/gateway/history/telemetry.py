"""The past of simulated vehicles, from the Parquet files that their run itself writes (`--sink parquet:DIR`).

Their posts are not looked into on the way, so this is where their values can be had: from every finished segment, that
is from about a minute after they were posted. A property is made of its signals again as the post was: members of a
struct and elements of an array are columns of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from jinqiao.base.signals import SIGNALS, Signal, by_property, property_value
from jinqiao.gateway.platform.devices.past import Page, Query, Row, cut
from jinqiao.gateway.stores.extras import load
from jinqiao.gateway.stores.segments import SUFFIX
from jinqiao.gateway.stores.telemetry_tables import EVENTS

__all__ = ["TelemetryPast"]

_MOST_EVENTS = 5_000


def _text(signals: Sequence[Signal], values: Sequence[Any]) -> str:
    """The value of the property that these signals make, as the cloud side shows it."""
    value = property_value(signals, values)
    return orjson.dumps(value).decode() if isinstance(value, (dict, list)) else repr(value)


class TelemetryPast:
    """Answers from the segments in `folder`, which a store is writing. Raises InputError without the extra `store`."""

    def __init__(self, folder: Path) -> None:
        duckdb = load("duckdb", "store", "the history of simulated vehicles")
        load("pyarrow.parquet", "store", "the history of simulated vehicles")
        self._folder = folder
        self._base = duckdb.connect(":memory:", config={"threads": 1, "memory_limit": "512MB"})
        self._base.execute("SET TimeZone = 'UTC'")  # else a time without a zone is one of this machine's
        self._lock = threading.Lock()
        self._properties = by_property(SIGNALS.values())
        #: Earliest and latest time of each segment, ms: a segment does not change.
        self._spans: dict[Path, tuple[int, int]] = {}

    def ask(self, query: Query) -> Page:
        """The rows of finished segments; of services there are none."""
        with self._lock:
            if query.kind == "event":
                return self._events(query)
            rows: list[Row] = []
            for identifier in query.identifiers if query.kind == "property" else ():
                if (known := self._properties.get(identifier)) is not None:
                    rows += self._values(query, identifier, known)
        rows.sort(key=lambda row: row.time_ms, reverse=not query.ascending)
        return cut(rows, query.page, ascending=query.ascending, together=False)

    def _values(self, query: Query, identifier: str, known: Sequence[Signal]) -> list[Row]:
        columns = ", ".join(f'"{signal.name}"' for signal in known)
        found = self._select(known[0].group, columns, query, query.page + 1)
        return [Row(identifier, row[0], {"value": _text(known, row[1:])}) for row in found]

    def _events(self, query: Query) -> Page:
        found = self._select(EVENTS, "identifier, output", query, _MOST_EVENTS)
        wanted = set(query.identifiers)
        rows = [
            Row(name, time_ms, {"output": output}) for time_ms, name, output in found if not wanted or name in wanted
        ]
        return cut(rows, query.page, ascending=query.ascending, together=True)

    def _select(self, group: str, columns: str, query: Query, most: int) -> list[tuple[Any, ...]]:
        files = self._within(group, query.from_ms, query.to_ms)
        if not files:
            return []
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        statement = f"""SELECT epoch_ms(time) AS moment, {columns} FROM read_parquet([{listed}])
            WHERE vehicle = $vehicle AND time BETWEEN epoch_ms($from_ms) AND epoch_ms($to_ms)
            ORDER BY moment {"" if query.ascending else "DESC"} LIMIT {most}"""
        parameters: Mapping[str, Any] = {
            "vehicle": query.device_name,
            "from_ms": query.from_ms,
            "to_ms": query.to_ms,
        }
        rows: list[tuple[Any, ...]] = self._base.execute(statement, parameters).fetchall()
        return rows

    def _within(self, group: str, from_ms: int, to_ms: int) -> list[Path]:
        found = []
        for path in sorted(self._folder.glob(f"{group}-*{SUFFIX}")):
            first_ms, last_ms = self._span(path)
            if last_ms >= from_ms and first_ms <= to_ms:
                found.append(path)
        return found

    def _span(self, path: Path) -> tuple[int, int]:
        span = self._spans.get(path)
        if span is None:
            about = load("pyarrow.parquet", "store", "history").read_metadata(path)
            times = [about.row_group(number).column(0).statistics for number in range(about.num_row_groups)]
            span = (_ms(min(one.min for one in times)), _ms(max(one.max for one in times)))
            self._spans[path] = span
        return span


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
