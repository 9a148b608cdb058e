"""The tables of the past, one row of `KINDS` each: columns, and what a post, an event or a call adds to them.

`time` is when it was so, `received` when the platform heard of it, both UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from jinqiao.gateway.stores.extras import load

__all__ = ["KINDS", "Entry", "TableKind", "schema", "table"]

#: One thing taken: kind, product key, device name, received ms, and what is the kind's own.
Entry = tuple[str, str, str, int, tuple[Any, ...]]
Cells = tuple[Any, ...]

#: Columns all kinds have. Words repeat from row to row: Parquet's dictionaries make them cost next to nothing.
_COMMON = (
    ("time", "timestamp"),
    ("received", "timestamp"),
    ("product_key", "word"),
    ("device_name", "word"),
    ("identifier", "word"),
)


@dataclass(frozen=True, slots=True)
class TableKind:
    """`columns` behind the common ones; `rows` gives (time ms, identifier, *columns) of an entry's own part."""

    columns: tuple[tuple[str, str], ...]
    rows: Callable[[int, tuple[Any, ...]], Iterator[Cells]]


#: Later than any time in ms that is a date; Arrow and Python end at about the same.
_LATEST_MS = 253_402_300_799_000


def _property_rows(received_ms: int, own: tuple[Any, ...]) -> Iterator[Cells]:
    params, refused = own
    for address, value in params.items():
        if address in refused:
            continue
        time_ms: Any = received_ms
        if type(value) is dict and "value" in value:
            time_ms, value = value.get("time"), value["value"]
            if type(time_ms) is not int or not 0 < time_ms < _LATEST_MS:  # a product may check nothing
                time_ms = received_ms
        number = float(value) if type(value) is int or type(value) is float else None
        yield time_ms, address, as_text(value), number


def _event_rows(_: int, own: tuple[Any, ...]) -> Iterator[Cells]:
    identifier, output, time_ms = own
    yield time_ms, identifier, as_text(output)


def _service_rows(received_ms: int, own: tuple[Any, ...]) -> Iterator[Cells]:
    identifier, call, given, output = own
    yield received_ms, identifier, call, given, output


KINDS: Mapping[str, TableKind] = {
    "property": TableKind((("value", "text"), ("number", "number")), _property_rows),
    "event": TableKind((("output", "text"),), _event_rows),
    "service": TableKind((("call", "text"), ("input", "text"), ("output", "text")), _service_rows),
}


def as_text(value: Any) -> str:
    """Values are texts on the cloud side: a text as it is, everything else as JSON."""
    return value if type(value) is str else orjson.dumps(value).decode()


def schema(kind: str) -> Any:
    """The Arrow schema of a kind's table."""
    pa = load("pyarrow", "store", "history")
    types = {
        "timestamp": pa.timestamp("ms"),
        "word": pa.string(),
        "text": pa.string(),
        "number": pa.float64(),
    }
    return pa.schema([pa.field(name, types[type_]) for name, type_ in (*_COMMON, *KINDS[kind].columns)])


def table(kind: str, entries: Sequence[Entry]) -> Any:
    """Entries of one kind as an Arrow table, sorted by device, identifier and time, as a query reads them."""
    pa = load("pyarrow", "store", "history")
    rows = KINDS[kind].rows
    cells: list[Cells] = []
    for _, product_key, device_name, received_ms, own in entries:
        for time_ms, identifier, *more in rows(received_ms, own):
            cells.append((time_ms, received_ms, product_key, device_name, identifier, *more))
    cells.sort(key=lambda row: (row[2], row[3], row[4], row[0]))
    columns = list(zip(*cells, strict=True)) or [()] * len(schema(kind))
    shape = schema(kind)
    arrays = []
    for field, column in zip(shape, columns, strict=True):
        if pa.types.is_timestamp(field.type):
            arrays.append(pa.array(column, pa.int64()).cast(field.type))
        else:
            arrays.append(pa.array(column, field.type))
    return pa.Table.from_arrays(arrays, schema=shape)
