"""What a vehicle kept while it was offline, as posts of history: `thing.event.property.history.post`.

One message carries many records, each with the values of one moment and their times; events stand beside them. Records
are rendered from columns, messages are put together one by one: there are some per vehicle that comes back. A message
has the number of the first thing in it, which was never used for a post of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish

from .events import read_event_post
from .layout import Layout, lay_out, reach_of, widths_of, write
from .numerals import numeral
from .packets import BLOCK_ROWS, fill
from .said import SaidBatch, SaidPacket
from .shape import TIME, item_parts

__all__ = ["HISTORY", "MOST_BYTES", "MOST_RECORDS", "HistoryRenderer"]

#: The kind of topic, as messages are counted.
HISTORY = "property_history_post"
_METHOD = "thing.event.property.history.post"
#: Records of one message. The platform takes 200 (code 460 beyond); a T-Box with little memory sends fewer.
MOST_RECORDS = 50
#: Bytes of the records of one message: half of what the platform takes.
MOST_BYTES = 128 << 10


class _Record(NamedTuple):
    """One thing that was kept: what it is ordered by, its number, and its text in the section that it belongs to."""

    vehicle: int
    time_ms: int
    place: int
    number: int
    is_event: bool
    text: bytes


class HistoryRenderer:
    """Renders for the vehicles `device_names`, shape (n,), bytes, of one product."""

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_]) -> None:
        self._product_key, self._names = product_key, device_names
        self._layouts: dict[tuple[str, ...], tuple[tuple[Signal, ...], Layout]] = {}

    def packets(self, batches: Sequence[SaidBatch], events: Sequence[SaidPacket]) -> list[SaidPacket]:
        """The messages of these vehicles, each one's in the order of time, those of all one vehicle after the other.

        Batches are Alink posts and events Alink event posts. A message has the time of the first thing in it.
        """
        records = [self._event(event) for event in events]
        for place, batch in enumerate(batches, 1):
            records += self._records(batch, place)
        records.sort(key=lambda record: record[:3])
        return [self._packet(part) for part in _parts(records)]

    def _event(self, event: SaidPacket) -> _Record:
        post = read_event_post(event.data)
        identifier = post["method"].removeprefix("thing.event.").removesuffix(".post")
        text = orjson.dumps({identifier: post["params"]})
        return _Record(event.vehicle, event.time_ms, 0, int(post["id"]), True, text)

    def _records(self, said: SaidBatch, place: int) -> Iterator[_Record]:
        signals, layout = self._layout(tuple(said.batch.signals))
        width = len(layout.template)
        for start in range(0, len(said), BLOCK_ROWS):
            part = said.some(slice(start, start + BLOCK_ROWS))
            matrix = np.empty((len(part), width), np.uint8)
            rows = fill(matrix, layout, part.batch.time_ms)
            for signal in signals:
                digits = numeral(part.batch.signals[signal.name], signal.decimals, reach=reach_of(signal))
                for field, piece in zip(layout.fields[signal.name], digits.pieces, strict=True):
                    rows[field] = piece.texts()
            text = matrix.tobytes()
            columns = (part.batch.vehicles.tolist(), part.batch.time_ms.tolist(), part.ids.tolist())
            for at, (vehicle, time_ms, number) in enumerate(zip(*columns, strict=True)):
                yield _Record(vehicle, time_ms, place, number, False, text[at * width : (at + 1) * width])

    def _layout(self, names: tuple[str, ...]) -> tuple[tuple[Signal, ...], Layout]:
        found = self._layouts.get(names)
        if found is None:
            signals = tuple(row for name, row in SIGNALS.items() if name in names and row.identifier)
            widths = {TIME.what: (13,), **widths_of(signals)}
            text, places = write(["{", *item_parts(signals), "}"], widths)
            found = self._layouts[names] = signals, lay_out(text, places, widths)
        return found

    def _packet(self, records: Sequence[_Record]) -> SaidPacket:
        first = records[0]
        name = self._names[first.vehicle].decode()
        sections = [
            b'"%s":[%s]' % (section, b",".join(record.text for record in records if record.is_event == is_event))
            for section, is_event in ((b"properties", False), (b"events", True))
        ]
        identity = orjson.dumps({"productKey": self._product_key, "deviceName": name})
        payload = b'{"id":"%d","version":"1.0","sys":{"ack":0},"params":[{"identity":%s,%s}],"method":"%s"}' % (
            first.number,
            identity,
            b",".join(sections),
            _METHOD.encode(),
        )
        topic = f"/sys/{self._product_key}/{name}/{_METHOD.replace('.', '/')}"
        return SaidPacket(first.time_ms, first.vehicle, HISTORY, encode(Publish(topic, payload)))


def _parts(records: Sequence[_Record]) -> Iterator[Sequence[_Record]]:
    """Records of one vehicle that fit into a message."""
    start = size = 0
    for number, record in enumerate(records):
        full = number - start >= MOST_RECORDS or size + len(record.text) > MOST_BYTES
        if number > start and (full or record.vehicle != records[start].vehicle):
            yield records[start:number]
            start, size = number, 0
        size += len(record.text)
    if records:
        yield records[start:]
