"""Batches as lines of InfluxDB's line protocol, a whole batch at once: a template row, then column by column.

`telemetry,fleet=taxis,model=…,product=a1JinqiaoEV,vehicle=LBV… vehicle_state=1i,speed=42.5,… 1795388461000`: one point
per vehicle and sample, a field for each signal, whole numbers with `i`, time in ms. Numerals have places of equal
width, padded with spaces that the protocol does not allow; they are deleted from the finished block in one pass, while
the two spaces that belong to a line stand there as another byte until then.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.telemetry import Batch, Event, Label
from jinqiao.wire.render.fixed import scaled
from jinqiao.wire.render.numerals import numeral
from jinqiao.wire.render.packets import BLOCK_ROWS, stamps

from .traits import Traits, traits_of

__all__ = ["MEASUREMENT", "LineRenderer", "event_line", "label_line"]

MEASUREMENT, EVENT_MEASUREMENT, LABEL_MEASUREMENT = "telemetry", "event", "label"

#: Stands for a space that is to stay while padding is deleted; no name, number or key holds this byte.
_KEPT = b"\x01"
_TO_SPACE = bytes.maketrans(_KEPT, b" ")
_PADDING = b" "

Column = bytes | NDArray[np.bytes_]


class LineRenderer:
    """Renders the points of one product's fleet; `Batch.vehicles` are rows of `device_names` and of `traits`."""

    def __init__(self, product_key: str, device_names: Sequence[str], traits: Traits | None = None) -> None:
        self._head = f"{MEASUREMENT},".encode()
        self._tags = np.array(
            [
                _tags(product=product_key, vehicle=name, **traits_of(traits or {}, row)).encode().replace(b" ", _KEPT)
                for row, name in enumerate(device_names)
            ],
            dtype="S",
        )
        self._signals: dict[tuple[str, ...], tuple[Signal, ...]] = {}

    def blocks(self, batch: Batch) -> Iterator[tuple[bytes, int]]:
        """The batch's points, block by block: lines that each end with a newline, and how many.

        Values are clipped to their signal's range; raises ValueError for a value that is not finite.
        """
        signals = self._signals_of(tuple(batch.signals))
        for start in range(0, len(batch), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            vehicles = batch.vehicles[rows]
            columns: list[Column] = [self._head, self._tags[vehicles]]
            joint = _KEPT
            for signal in signals:
                number = numeral(scaled(batch.signals[signal.name][rows], signal), signal.decimals)
                columns += [joint + f"{signal.name}=".encode(), *(piece.texts() for piece in number.pieces)]
                joint = b"," if signal.decimals or signal.dtype[0] == "f" else b"i,"
            columns += [joint.removesuffix(b",") + _KEPT, stamps(batch.said_ms[rows]), b"\n"]
            yield _lines(columns, len(vehicles)), len(vehicles)

    def _signals_of(self, names: tuple[str, ...]) -> tuple[Signal, ...]:
        found = self._signals.get(names)
        if found is None:
            found = self._signals[names] = tuple(row for name, row in SIGNALS.items() if name in names)
        return found


def event_line(event: Event, product_key: str, device_name: str, traits: Traits | None = None) -> bytes:
    """One event as a point of the measurement `event`; its outputs are the fields, beside `count`, which is 1."""
    own = traits_of(traits or {}, event.vehicle)
    tags = _tags(identifier=event.identifier, product=product_key, vehicle=device_name, **own)
    fields = ",".join(["count=1i", *(f"{_tag(name)}={_field(value)}" for name, value in event.output.items())])
    return f"{EVENT_MEASUREMENT},{tags} {fields} {event.said_ms}\n".encode()


def label_line(label: Label, vehicle: int, product_key: str, device_name: str, traits: Traits | None = None) -> bytes:
    """What truly happened to one vehicle as a point of the measurement `label`, its parameters as fields."""
    own = traits_of(traits or {}, vehicle)
    tags = _tags(fault=label.kind, phase=label.phase, product=product_key, vehicle=device_name, **own)
    fields = ",".join(["count=1i", *(f"{_tag(name)}={_field(value)}" for name, value in label.parameters.items())])
    return f"{LABEL_MEASUREMENT},{tags} {fields} {label.time_ms}\n".encode()


def _lines(columns: Sequence[Column], count: int) -> bytes:
    widths = [len(column) if isinstance(column, bytes) else column.dtype.itemsize for column in columns]
    ends = np.cumsum(widths)
    template = b"".join(column if isinstance(column, bytes) else _PADDING * column.dtype.itemsize for column in columns)
    matrix = np.empty((count, len(template)), np.uint8)
    matrix[:] = np.frombuffer(template, np.uint8)
    places: Mapping[int, NDArray[np.bytes_]] = {
        int(end) - width: column
        for column, end, width in zip(columns, ends, widths, strict=True)
        if not isinstance(column, bytes)
    }
    row_type = np.dtype(
        {
            "names": [str(at) for at in places],
            "formats": [column.dtype for column in places.values()],
            "offsets": list(places),
            "itemsize": len(template),
        }
    )
    rows = matrix.reshape(-1).view(row_type)
    for at, column in places.items():
        rows[str(at)] = column
    # Names shorter than the longest end with zero bytes.
    return matrix.tobytes().translate(_TO_SPACE, _PADDING + b"\0")


def _tags(**tags: str) -> str:
    """Tags in the order of their names, as servers like them; the protocol knows no empty one."""
    return ",".join(f"{name}={_tag(value)}" for name, value in sorted(tags.items()) if value)


def _tag(text: str) -> str:
    """A tag's key or value, or a field's key: commas, equals signs and spaces are escaped."""
    for special in (",", "=", " "):
        text = text.replace(special, f"\\{special}")
    return text.replace("\n", "")


def _field(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, int | np.integer):
        return f"{int(value)}i"
    if isinstance(value, float | np.floating):
        return repr(float(value))
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
