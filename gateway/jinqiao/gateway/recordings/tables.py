"""Parts of a recording as Arrow tables and back: the columns of its Parquet and CSV files.

| kind | a row is | columns |
|---|---|---|
| core, detail | a sample | `time`, `device_name`, `sequence`, one a signal |
| events | an event | `time`, `device_name`, `sequence`, `identifier`, `output` (JSON) |
| messages | an MQTT message | `time`, `topic`, `payload`, `qos`, `retain` |
| can | a CAN frame | `time`, and the fields of a `CanFrame` |

Times are UTC; samples and events in milliseconds, messages and frames in nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS
from jinqiao.base.telemetry import Event

from .parts import CanFrame, Events, Messages, Part, RecordedEvent, Samples

__all__ = ["KINDS", "from_table", "kind_of", "to_table"]

KINDS = (*GROUPS, "events", "messages", "can")
_MILLISECONDS = pa.timestamp("ms", tz="UTC")
_NANOSECONDS = pa.timestamp("ns", tz="UTC")
_TYPES = {"f4": pa.float32(), "f8": pa.float64(), "i4": pa.int32(), "u1": pa.uint8()}
_CAN = (
    ("bus", pa.string()),
    ("identifier", pa.uint32()),
    ("data", pa.binary()),
    ("extended", pa.bool_()),
    ("error", pa.bool_()),
    ("remote", pa.bool_()),
    ("fd", pa.bool_()),
    ("device_name", pa.string()),
    ("bitrate_switch", pa.bool_()),
    ("error_state", pa.bool_()),
    ("remote_length", pa.uint8()),
    ("direction", pa.string()),
)


def kind_of(part: Part) -> str:
    """Which kind of rows a part gives."""
    if isinstance(part, Samples):
        return part.group
    if isinstance(part, Events):
        return "events"
    return "messages" if isinstance(part, Messages) else "can"


def to_table(part: Part) -> pa.Table:
    """The part's rows."""
    if isinstance(part, Samples):
        return _samples_table(part)
    if isinstance(part, Events):
        return pa.table(
            {
                "time": pa.array([told.event.time_ms for told in part.events], _MILLISECONDS),
                "device_name": pa.array([told.device_name for told in part.events], pa.string()),
                "sequence": pa.array([told.sequence for told in part.events], pa.uint32()),
                "identifier": pa.array([told.event.identifier for told in part.events], pa.string()),
                "output": pa.array(
                    [orjson.dumps(dict(told.event.output)).decode() for told in part.events], pa.string()
                ),
            }
        )
    if isinstance(part, Messages):
        return pa.table(
            {
                "time": pa.array(part.time_ns, pa.int64()).cast(_NANOSECONDS),
                "topic": pa.array(part.topics, pa.string()),
                "payload": pa.array(part.payloads, pa.binary()),
                "qos": pa.array(part.qos, pa.uint8()),
                "retain": pa.array(part.retain, pa.bool_()),
            }
        )
    columns = {name: pa.array([getattr(frame, name) for frame in part], kind) for name, kind in _CAN}
    times = pa.array([frame.time_ns for frame in part], pa.int64()).cast(_NANOSECONDS)
    return pa.table({"time": times, **columns})


def _samples_table(part: Samples) -> pa.Table:
    fields = [
        pa.field("time", _MILLISECONDS, nullable=False),
        pa.field("device_name", pa.string(), nullable=False),
        pa.field("sequence", pa.uint32(), nullable=False),
    ]
    arrays = [
        pa.array(part.time_ms, pa.int64()).cast(_MILLISECONDS),
        _strings(part.device_names),
        pa.array(part.sequence, pa.uint32()),
    ]
    for name, column in part.columns.items():
        signal = SIGNALS[name]
        about = {"unit": signal.unit, "meaning": signal.meaning, "vss": signal.vss}
        fields.append(pa.field(name, _TYPES[signal.dtype], nullable=False, metadata=about))
        arrays.append(pa.array(column, _TYPES[signal.dtype]))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _strings(names: NDArray[np.bytes_]) -> pa.Array:
    """Names of equal length without a copy of each; others one by one."""
    width = names.dtype.itemsize
    names = np.ascontiguousarray(names)
    if (np.char.str_len(names) != width).any():
        return pa.array([name.decode() for name in names.tolist()], pa.string())
    offsets = np.arange(0, (len(names) + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(len(names), pa.py_buffer(offsets), pa.py_buffer(names))


def _names(column: Any) -> NDArray[np.bytes_]:
    """The opposite of `_strings`."""
    array = column.combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    if not len(array):
        return np.array([], "S1")
    _, offsets, text = array.buffers()
    edges = np.frombuffer(offsets, np.int32)[array.offset : array.offset + len(array) + 1]
    width = int(edges[1] - edges[0])
    if width and (np.diff(edges) == width).all():
        return np.frombuffer(text, f"S{width}", len(array), int(edges[0]))
    return np.array([name.encode() for name in array.to_pylist()], "S")


def from_table(kind: str, table: pa.Table) -> Part:
    """The part that a table of this kind holds. Raises KeyError for a column that is missing."""
    columns = {name: table.column(name) for name in table.column_names}
    if kind in GROUPS:
        signals = {name: _numbers(column, SIGNALS[name].dtype) for name, column in columns.items() if name in SIGNALS}
        names = _names(columns["device_name"])
        return Samples(kind, _numbers(columns["time"], "i8"), names, _numbers(columns["sequence"], "u4"), signals)
    if kind == "events":
        return Events(list(_events(columns)))
    if kind == "messages":
        return Messages(
            _numbers(columns["time"], "i8"),
            columns["topic"].to_pylist(),
            columns["payload"].to_pylist(),
            columns["qos"].to_pylist(),
            columns["retain"].to_pylist(),
        )
    times = _numbers(columns["time"], "i8").tolist()
    rows = zip(times, *(columns[name].to_pylist() for name, _ in _CAN), strict=True)
    return [CanFrame(*row) for row in rows]


def _numbers(column: Any, dtype: str) -> NDArray[Any]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return np.asarray(column.to_numpy(), dtype)


def _events(columns: dict[str, Any]) -> Iterable[RecordedEvent]:
    times = _numbers(columns["time"], "i8").tolist()
    names = ("device_name", "sequence", "identifier", "output")
    for at, device, sequence, identifier, output in zip(
        times, *(columns[name].to_pylist() for name in names), strict=True
    ):
        yield RecordedEvent(device, sequence, Event(at, 0, identifier, orjson.loads(output)))
