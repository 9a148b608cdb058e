"""Parts of a recording as Arrow tables: the columns of its Parquet and CSV files; `table_reading` is the way back.

| kind | a row is | columns |
|---|---|---|
| core, detail | a sample | `time`, `device_name`, `sequence`, one a signal |
| events | an event | `time`, `device_name`, `sequence`, `identifier`, `output` (JSON) |
| messages | an MQTT message | `time`, `topic`, `payload`, `qos`, `retain` |
| can | a CAN frame | `time`, and the fields of a `CanFrame` |

Times are UTC; samples and events in milliseconds, messages and frames in nanoseconds.
"""

from __future__ import annotations

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS

from .parts import Events, Messages, Part, Samples

__all__ = ["KINDS", "kind_of", "to_table"]

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
