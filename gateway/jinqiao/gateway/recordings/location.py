"""Positions of samples as `foxglove.LocationFix` messages, by column: a viewer's map shows them as they are."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.telemetry.v1.location_fix_pb2 import LocationFix

from .parts import Samples

__all__ = ["location_rows", "on_a_map"]

_FIELDS = LocationFix.DESCRIPTOR.fields_by_name
_WGS84 = 1  # `coordinate_system` of the signal table
_PLACES = ("latitude", "longitude", "altitude")


@lru_cache(maxsize=8)
def _layout(name_width: int) -> tuple[bytes, np.dtype[Any]]:
    """Template and places: doubles, a Timestamp with seconds of five bytes, a fixed width of nanoseconds, the name.

    Unix seconds from 1978 to 3058 take five bytes as a varint; nanoseconds are written with all five bytes of theirs,
    which parsers accept (a varint need not be the shortest).
    """
    body, names, formats, offsets = bytearray(), [], [], []
    for name in _PLACES:
        body.append(_FIELDS[name].number << 3 | 1)
        names.append(name)
        formats.append("<f8")
        offsets.append(len(body))
        body += bytes(8)
    body += bytes([_FIELDS["timestamp"].number << 3 | 2, 12, 1 << 3])
    names.append("seconds")
    formats.append("5u1")
    offsets.append(len(body))
    body += bytes(5)
    body.append(2 << 3)
    names.append("nanoseconds")
    formats.append("5u1")
    offsets.append(len(body))
    body += bytes(5)
    body += bytes([_FIELDS["frame_id"].number << 3 | 2, name_width])
    names.append("frame_id")
    formats.append(f"S{name_width}")
    offsets.append(len(body))
    body += bytes(name_width)
    places = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": len(body)})
    return bytes(body), places


def on_a_map(part: Samples) -> Samples:
    """The samples whose position is WGS 84: a viewer's map would show one in GCJ-02 half a kilometre off."""
    if "longitude" not in part.columns or "latitude" not in part.columns:
        return part.rows(slice(0, 0))
    datum = part.columns.get("coordinate_system")
    return part if datum is None or (datum == _WGS84).all() else part.rows(datum == _WGS84)


def location_rows(part: Samples) -> NDArray[np.uint8]:
    """One message a sample, uint8, shape (m, message_bytes)."""
    template, places = _layout(part.device_names.dtype.itemsize)
    rows = np.empty((len(part), len(template)), np.uint8)
    rows[:] = np.frombuffer(template, np.uint8)
    fields = rows.view(places)[:, 0]
    for name in _PLACES:
        fields[name] = part.columns.get(name, 0.0)
    seconds, rest = np.divmod(part.time_ms, 1000)
    fields["seconds"] = _varint5(seconds)
    fields["nanoseconds"] = _varint5(rest * 1_000_000)
    fields["frame_id"] = part.device_names
    return rows


def _varint5(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Numbers below 2^35 as varints of exactly five bytes, shape (m, 5)."""
    shifted = numbers[:, None] >> np.arange(0, 35, 7)
    digits: NDArray[np.uint8] = (shifted & 0x7F | np.array([0x80, 0x80, 0x80, 0x80, 0])).astype(np.uint8)
    return digits
