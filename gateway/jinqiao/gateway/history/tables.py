"""The tables of the past, one row of `KINDS` each: columns, and what a post, an event or a call adds to them.

`time` is when it was so, `received` when the platform heard of it, both UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from jinqiao.gateway.stores.extras import load

__all__ = ["KINDS", "Entry", "TableKind", "as_text", "in_order", "schema", "table"]

#: One thing taken: kind, product key, device name, received ms, and what is the kind's own.
Entry = tuple[str, str, str, int, tuple[Any, ...]]
Columns = list[list[Any]]

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
    """`columns` behind the common ones; `fill` appends an entry's own part: times (ms), identifiers, then columns."""

    columns: tuple[tuple[str, str], ...]
    fill: Callable[[int, tuple[Any, ...], Columns], None]


#: Later than any time in ms that is a date; Arrow and Python end at about the same.
_LATEST_MS = 253_402_300_799_000


def _fill_properties(received_ms: int, own: tuple[Any, ...], columns: Columns) -> None:
    """Tens of thousands of values a second come this way: no call for a number that needs none."""
    params, refused = own
    times, addresses, texts, numbers = columns
    for address, value in params.items():
        if address in refused:
            continue
        time_ms: Any = received_ms
        if type(value) is dict and "value" in value:
            time_ms, value = value.get("time"), value["value"]
            if type(time_ms) is not int or not 0 < time_ms < _LATEST_MS:  # a product may check nothing
                time_ms = received_ms
        kind = type(value)
        times.append(time_ms)
        addresses.append(address)
        if kind is float or kind is int:
            texts.append(repr(value))
            numbers.append(float(value))
        else:
            texts.append(as_text(value))
            numbers.append(None)


def _fill_event(received_ms: int, own: tuple[Any, ...], columns: Columns) -> None:
    identifier, output, time_ms = own
    if type(time_ms) is not int or not 0 < time_ms < _LATEST_MS:
        time_ms = received_ms
    for column, cell in zip(columns, (time_ms, identifier, as_text(output)), strict=True):
        column.append(cell)


def _fill_service(received_ms: int, own: tuple[Any, ...], columns: Columns) -> None:
    for column, cell in zip(columns, (received_ms, *own), strict=True):
        column.append(cell)


KINDS: Mapping[str, TableKind] = {
    "property": TableKind((("value", "text"), ("number", "number")), _fill_properties),
    "event": TableKind((("output", "text"),), _fill_event),
    "service": TableKind((("call", "text"), ("input", "text"), ("output", "text")), _fill_service),
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
    fill, shape = KINDS[kind].fill, schema(kind)
    own: Columns = [[] for _ in range(len(shape) - 3)]
    counts = []
    for entry in entries:
        before = len(own[0])
        fill(entry[3], entry[4], own)
        counts.append(len(own[0]) - before)
    entry_of = pa.array(np.repeat(np.arange(len(entries)), counts))
    common = [pa.array([entry[at] for entry in entries]).take(entry_of) for at in (3, 1, 2)]
    times, identifiers, *more = own
    arrays = []
    for field, column in zip(shape, [times, *common, identifiers, *more], strict=True):
        if pa.types.is_timestamp(field.type):
            arrays.append(pa.array(column, pa.int64()).cast(field.type))
        else:
            arrays.append(pa.array(column, field.type))
    return in_order(pa.Table.from_arrays(arrays, schema=shape))


def in_order(rows: Any) -> Any:
    """A table sorted by device, identifier and time."""
    return rows.sort_by([(name, "ascending") for name in ("product_key", "device_name", "identifier", "time")])
