"""Tables of a recording back into its parts, also when another program has written them again.

polars and pandas keep the values and change the forms: times in another unit, without a zone or as text, names as
categories, whole numbers as floats with NaN for what is missing, columns left out. The column's own type counts. What
cannot be meant (a time without a unit, text for a number) is named; a row that cannot be read costs itself only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jinqiao.base.errors import InputError
from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Event

from .parquet_writer import UNTOLD
from .parts import CanFrame, Events, Messages, Part, RecordedEvent, Samples
from .problems import Problems
from .whole import whole_samples

__all__ = ["parts_of"]

_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_MS = 1_000_000
_MOST_NS = 2**63 - 1
#: A device's name has 1 to 32 characters (the platform's rule); a recording holds a few more.
_LONGEST_NAME = 127
_INDEX = "__index_level_"  # pandas' own


def parts_of(kind: str, table: pa.Table, problems: Problems) -> Iterator[Part]:
    """The parts that a table of this kind holds. Raises InputError for a column that is missing or cannot be read."""
    yield from _READ.get(kind, _samples)(kind, _Columns(table), problems)


class _Columns:
    """The columns of a table by name, in the forms that parts have."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self.names = list(table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def _column(self, name: str) -> Any:
        if name not in self.names:
            raise InputError(f"found no column {name!r} among {', '.join(self.names[:8])}, expected one")
        column = self._table.column(name).combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column

    def times(self, unit_ns: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Whole units since 1970, UTC, and which rows have one; times without a zone are taken as UTC."""
        column = self._column("time")
        if _is_text(column.type):
            column = _from_text(column)
        if not pa.types.is_timestamp(column.type):
            raise InputError(
                f"found the column 'time' of {column.type}, expected a time stamp (whose unit is known) or text"
            )
        own_ns = _NS[column.type.unit]
        there = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        numbers = np.asarray(pc.fill_null(column.cast(pa.int64()), 0).to_numpy(zero_copy_only=False), np.int64)
        if own_ns >= unit_ns:
            factor = own_ns // unit_ns
            there &= np.abs(numbers) <= _MOST_NS // own_ns
            return np.where(there, numbers, 0) * factor, there
        return numbers // (unit_ns // own_ns), there

    def device_names(self) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
        """Names, and which rows have one that can be sent."""
        column = self._column("device_name")
        if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            column = column.cast(pa.large_binary())
        else:
            column = column.cast(pa.string())
        if column.null_count:
            there = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)
        else:
            there = np.ones(len(column), np.bool_)
        names = _fixed_width(column)
        lengths = np.char.str_len(names) if len(names) else np.zeros(0, np.int64)
        return names, there & (lengths > 0) & (lengths <= _LONGEST_NAME)

    def numbers(self, name: str) -> NDArray[Any]:
        """A numeric column: as it is where every row has a value, else float64 with NaN."""
        column = self._column(name)
        if pa.types.is_decimal(column.type) or pa.types.is_boolean(column.type) or column.null_count:
            column = column.cast(pa.float64())
        if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            raise InputError(f"found the column {name!r} of {column.type}, expected numbers")
        found: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return found

    def untold(self) -> set[str]:
        """Columns whose nulls are meant."""
        return {field.name for field in self._table.schema if UNTOLD.items() <= (field.metadata or {}).items()}

    def sequence(self) -> NDArray[np.uint32]:
        """The numbers of the messages; counted anew where there are none."""
        if "sequence" not in self.names:
            return np.arange(1, len(self) + 1, dtype=np.uint32)
        numbers = np.nan_to_num(np.asarray(self.numbers("sequence"), np.float64), posinf=0, neginf=0)
        return np.clip(numbers, 0, 2**32 - 1).astype(np.uint32)

    def values(self, name: str, default: Any = None) -> list[Any]:
        """A column as Python values; `default` where there is none, or no such column."""
        if name not in self.names and default is not None:
            return [default] * len(self)
        values: list[Any] = self._column(name).to_pylist()
        return [default if value is None else value for value in values]


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _from_text(column: Any) -> Any:
    """Times that stand as text (ISO 8601); null for what is none."""
    text = column.cast(pa.string())
    for kind in (pa.timestamp("ns", tz="UTC"), pa.timestamp("ns")):
        try:
            return text.cast(kind)
        except pa.ArrowInvalid:
            continue
    return pa.array([_moment(value) for value in text.to_pylist()], pa.timestamp("us", tz="UTC"))


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _fixed_width(column: Any) -> NDArray[np.bytes_]:
    """Names as bytes of one width: without a copy of each where all are equally long."""
    if not len(column):
        return np.array([], "S1")
    if pa.types.is_string(column.type) and not column.null_count:
        _, offsets, text = column.buffers()
        edges = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
        width = int(edges[1] - edges[0])
        if width and (np.diff(edges) == width).all():
            return np.frombuffer(text, f"S{width}", len(column), int(edges[0]))
    names = [name.encode() if isinstance(name, str) else name or b"" for name in column.to_pylist()]
    return np.array(names, "S")


def _samples(kind: str, columns: _Columns, problems: Problems) -> Iterator[Part]:
    time_ms, timed = columns.times(_MS)
    names, named = columns.device_names()
    signals: dict[str, NDArray[Any]] = {}
    for name in columns.names:
        if name not in SIGNALS or SIGNALS[name].group != kind:
            if name not in ("time", "device_name", "sequence") and not name.startswith(_INDEX):
                problems.count(
                    f"rows have a column {name!r}, which is not a signal of {kind} and is left out", len(columns)
                )
            continue
        try:
            signals[name] = columns.numbers(name)
        except (InputError, pa.ArrowException) as error:
            problems.count(f"rows lose a column: {str(error).splitlines()[0]}", len(columns))
    if not signals:
        raise InputError(f"found no column that is a signal of {kind}")
    part = Samples(kind, time_ms, names, columns.sequence(), signals)
    chosen = _chosen(timed, problems, "rows have no time and are left out")
    chosen &= _chosen(named, problems, "rows have no device name that can be sent and are left out")
    if not chosen.all():
        part = part.rows(np.flatnonzero(chosen))
    if len(part):
        yield from whole_samples(part, problems, columns.untold())


def _chosen(there: NDArray[np.bool_], problems: Problems, what: str) -> NDArray[np.bool_]:
    if not there.all():
        problems.count(what, int((~there).sum()))
    return there


def _events(_: str, columns: _Columns, problems: Problems) -> Iterator[Part]:
    time_ms, timed = columns.times(_MS)
    rows = zip(
        time_ms.tolist(),
        _chosen(timed, problems, "rows have no time and are left out").tolist(),
        columns.values("device_name"),
        columns.sequence().tolist(),
        columns.values("identifier"),
        columns.values("output"),
        strict=True,
    )
    found: list[RecordedEvent] = []
    for at, there, device, sequence, identifier, output in rows:
        if not there:
            continue
        said = _output(output)
        if said is None or not device or not identifier:
            problems.count("events have no device, identifier or output and are left out")
            continue
        found.append(RecordedEvent(_text(device), sequence, Event(at, 0, _text(identifier), said)))
    if found:
        yield Events(found)


def _output(output: Any) -> dict[str, Any] | None:
    if isinstance(output, str | bytes):
        try:
            output = orjson.loads(output)
        except ValueError:
            return None
    return output if isinstance(output, dict) else None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _messages(_: str, columns: _Columns, problems: Problems) -> Iterator[Part]:
    time_ns, there = columns.times(1)
    _chosen(there, problems, "rows have no time and are left out")
    topics, payloads = columns.values("topic"), columns.values("payload")
    empty = sum(1 for topic, at in zip(topics, there.tolist(), strict=True) if at and not topic)
    if empty:
        problems.count("messages have no topic and are left out", empty)
    rows = [row for row, topic in enumerate(topics) if there[row] and topic]
    qos, retain = columns.values("qos", 0), columns.values("retain", False)
    if rows:
        yield Messages(
            time_ns[rows],
            [_text(topics[row]) for row in rows],
            [_data(payloads[row]) for row in rows],
            [min(max(int(qos[row]), 0), 2) for row in rows],
            [bool(retain[row]) for row in rows],
        )


def _data(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""


#: What a frame is where a table does not say.
_CAN_DEFAULTS: dict[str, Any] = CanFrame._field_defaults


def _can(_: str, columns: _Columns, problems: Problems) -> Iterator[Part]:
    time_ns, there = columns.times(1)
    _chosen(there, problems, "rows have no time and are left out")
    given = {name: columns.values(name, default) for name, default in _CAN_DEFAULTS.items()}
    buses, numbers, data = columns.values("bus", ""), columns.values("identifier"), columns.values("data", b"")
    found: list[CanFrame] = []
    for row in np.flatnonzero(there).tolist():
        try:
            number, content = _identifier(numbers[row]), data[row]
            content = bytes.fromhex(content) if isinstance(content, str) else content
        except (ValueError, TypeError):
            problems.count("frames have no identifier or data that can be read and are left out")
            continue
        more = {name: type(default)(given[name][row]) for name, default in _CAN_DEFAULTS.items()}
        found.append(CanFrame(int(time_ns[row]), str(buses[row]), number, content, **more))
    if found:
        yield found


def _identifier(value: Any) -> int:
    number = int(value, 16) if isinstance(value, str) else int(value)
    if not 0 <= number < 1 << 29:
        raise ValueError(number)
    return number


_READ: dict[str, Callable[[str, _Columns, Problems], Iterator[Part]]] = {
    **dict.fromkeys(GROUPS, _samples),
    "events": _events,
    "messages": _messages,
    "can": _can,
}
