"""Telemetry samples as protobuf `VehicleSample` (proto/jinqiao/telemetry/v1): rows of equal length, by column.

Field numbers and types come from the compiled schema, so the .proto is the only place they stand. Fields stand in the
order of their numbers, as Google's serialisers write them: a row is byte for byte what `SerializeToString` returns.
Wire format: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from numpy.typing import NDArray

from jinqiao.base.signals import GROUPS, SIGNALS, Signal
from jinqiao.telemetry.v1.telemetry_pb2 import Group, VehicleSample

from .fixed import scaled, unscaled

__all__ = [
    "GROUP_NUMBERS",
    "SampleLayout",
    "fixed_point",
    "layout_of",
    "read_samples",
    "sample_layout",
    "write_fixed",
    "write_samples",
]

_FIELDS = VehicleSample.DESCRIPTOR.fields_by_name
#: Wire type and row format of a signal's field, by the schema's type.
_FIXED = {
    FieldDescriptor.TYPE_FLOAT: (5, "<f4"),
    FieldDescriptor.TYPE_DOUBLE: (1, "<f8"),
    FieldDescriptor.TYPE_SFIXED32: (5, "<i4"),
    FieldDescriptor.TYPE_FIXED32: (5, "<u4"),
}
GROUP_NUMBERS = {name: Group.Value(f"GROUP_{name.upper()}") for name in GROUPS}
_GROUP_NAMES = {number: name for name, number in GROUP_NUMBERS.items()}
#: A device name is at most 32 characters (the platform's rule); its length is one byte.
_LONGEST_NAME = 127


class SampleLayout(NamedTuple):
    """Where everything stands in a row: `template` with zeros for values, `places` its structured type, shape ().

    `constant` marks the bytes that are the same in every row of this layout.
    """

    group: str
    signals: tuple[str, ...]
    template: bytes
    places: np.dtype[Any]
    constant: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.template)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


@lru_cache(maxsize=1)
def _signal_tags() -> dict[bytes, tuple[str, str]]:
    """Tag on the wire → signal and row format, in the order of the field numbers."""
    found = {}
    for field in sorted((_FIELDS[name] for name in SIGNALS), key=lambda f: f.number):
        wire_type, form = _FIXED[field.type]
        found[_varint(field.number << 3 | wire_type)] = (field.name, form)
    return found


@lru_cache(maxsize=64)
def sample_layout(group: str, signals: tuple[str, ...], name_width: int) -> SampleLayout:
    """The layout of samples of these signals for device names of one length. Raises ValueError for a name too long."""
    if not 0 < name_width <= _LONGEST_NAME:
        raise ValueError(f"a device name of {name_width} bytes, expected 1 to {_LONGEST_NAME}")
    text = bytearray()
    names: list[str] = []
    formats: list[str] = []
    offsets: list[int] = []

    def place(name: str, tag: bytes, form: str) -> None:
        text.extend(tag)
        names.append(name)
        formats.append(form)
        offsets.append(len(text))
        text.extend(bytes(np.dtype(form).itemsize))

    place("time_ms", b"\x09", "<u8")
    place("device_name", b"\x12" + bytes([name_width]), f"S{name_width}")
    place("sequence", b"\x1d", "<u4")
    text += bytes([0x20, GROUP_NUMBERS[group]])
    wanted = set(signals)
    for tag, (name, form) in _signal_tags().items():
        if name in wanted:
            place(name, tag, form)
    places = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": len(text)})
    constant = np.ones(len(text), bool)
    for form, offset in zip(formats, offsets, strict=True):
        constant[offset : offset + np.dtype(form).itemsize] = False
    return SampleLayout(group, tuple(names[3:]), bytes(text), places, constant)


def layout_of(row: bytes) -> SampleLayout | None:
    """The layout of a row that `write_samples` (or any serialiser in field order) wrote; None for any other bytes."""
    if len(row) < 17 or row[0] != 0x09 or row[9] != 0x12:
        return None
    width = row[10]
    at = 11 + width
    if not 0 < width <= _LONGEST_NAME or len(row) < at + 7 or row[at] != 0x1D or row[at + 5] != 0x20:
        return None
    group = _GROUP_NAMES.get(row[at + 6])
    at += 7
    names = []
    tags = _signal_tags()
    while group and at < len(row):
        tag = row[at : at + 2] if row[at] & 0x80 else row[at : at + 1]
        name, form = tags.get(tag, ("", "<u4"))
        if not name:
            return None
        names.append(name)
        at += len(tag) + np.dtype(form).itemsize
    if group is None or at != len(row):
        return None
    layout = sample_layout(group, tuple(names), width)
    return layout if layout.signals == tuple(names) else None


def write_samples(
    rows: NDArray[Any],
    layout: SampleLayout,
    time_ms: int | NDArray[Any],
    device_names: NDArray[np.bytes_],
    sequence: NDArray[Any],
    columns: Mapping[str, NDArray[Any]],
) -> None:
    """Write m samples into `rows`, a structured array of `layout.places`, shape (m,), already filled with the template.

    Values get the signal's decimals and are clipped to its range; ValueError for one that is not finite.
    """
    whole = {name: scaled(columns[name], SIGNALS[name]) for name in layout.signals}
    write_fixed(rows, layout, time_ms, device_names, sequence, whole)


def write_fixed(
    rows: NDArray[Any],
    layout: SampleLayout,
    time_ms: int | NDArray[Any],
    device_names: NDArray[np.bytes_],
    sequence: NDArray[Any],
    whole: Mapping[str, NDArray[Any]],
) -> None:
    """The same for whole numbers of the signals' last decimals (`fixed`)."""
    rows["time_ms"] = time_ms
    rows["device_name"] = device_names
    rows["sequence"] = sequence
    for name in layout.signals:
        rows[name] = unscaled(whole[name], SIGNALS[name])


def read_samples(matrix: NDArray[np.uint8], layout: SampleLayout) -> NDArray[Any] | None:
    """The rows of `matrix`, uint8 (m, row_bytes), as a structured array; None when a row has another layout."""
    template = np.frombuffer(layout.template, np.uint8)
    if (matrix[:, layout.constant] != template[layout.constant]).any():
        return None
    return np.ascontiguousarray(matrix).reshape(-1).view(layout.places)


def fixed_point(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """Values at the signal's decimals, clipped to its range: what every wire of the project carries. Shape (n,)."""
    return unscaled(scaled(values, signal), signal)
