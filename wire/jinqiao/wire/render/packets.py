"""Batches become rows of whole MQTT PUBLISH packets (header, topic, payload) in one byte matrix.

The matrix is first filled with a template row, then every changing place is written column by column. Rows of one block
have equal length; blocks are small enough to stay in cache. QoS 0 PUBLISH: MQTT 3.1.1 § 3.3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.telemetry import Batch
from jinqiao.wire.mqtt.fields import frame, remaining_length

from .numerals import Numeral, numeral
from .shape import ID, NAME, TIME, Part, Slot, post_parts, topic_parts

__all__ = ["BLOCK_ROWS", "Packets", "PostRenderer", "scaled"]

#: Rows per block: with 1 kB rows the block, its columns and the look-up tables fit a 2 MB second-level cache.
BLOCK_ROWS = 1024
#: Sequence numbers go from 1 to this and start again (the platform allows 0 … 4294967295, unique per day).
LAST_ID = 99_999_999
_LAYOUTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Packets:
    """A block of rendered packets: `matrix` uint8, shape (m, row_bytes); a row is one packet, its payload is at `head`.

    The memory belongs to the renderer and is overwritten by the next block: send it or copy it first.
    """

    matrix: NDArray[np.uint8]
    head: int
    vehicles: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def data(self) -> memoryview:
        """All packets, one after the other."""
        return self.matrix.data.cast("B")

    @classmethod
    def single(cls, packet: bytes, vehicle: int) -> Packets:
        """One packet that was rendered by itself."""
        return cls(np.frombuffer(packet, np.uint8)[None, :], 0, np.array([vehicle], np.int32))

    def packet(self, row: int) -> bytes:
        return bytes(self.matrix[row])

    def message(self, row: int) -> tuple[str, bytes]:
        """Topic and payload of one packet."""
        packet = self.packet(row)
        edges = frame(packet, 0)
        assert edges is not None  # it is whole
        at = edges[0] + 2
        end = at + (packet[at - 2] << 8 | packet[at - 1])
        return packet[at:end].decode(), packet[end:]

    def some(self, chosen: NDArray[np.bool_]) -> memoryview:
        """The packets of these rows, shape (m,), one after the other."""
        return self.matrix[chosen].data.cast("B")

    def payload(self, row: int) -> bytes:
        return bytes(self.matrix[row, self.head :])


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where everything stands for one set of widths: template row, offset of the payload, places and row type."""

    template: NDArray[np.uint8]
    head: int
    times: tuple[int, ...]
    fields: dict[str, tuple[str, ...]]
    row_type: np.dtype[Any]


class PostRenderer:
    """Renders the posts of one product's fleet.

    `device_names` is a bytes array, shape (n,), all of one length; `Batch.vehicles` are its rows. Each device counts
    its own posts; the count is the Alink `id`.
    """

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_]) -> None:
        self.product_key = product_key
        self.device_names = device_names
        self.sequence = np.zeros(len(device_names), np.int32)
        self._parts: dict[tuple[str, ...], tuple[list[Part], list[Part], tuple[Signal, ...]]] = {}
        self._layouts: dict[tuple[object, ...], _Layout] = {}
        self._memory = np.empty(0, np.uint8)

    @cached_property
    def name_width(self) -> int:
        """Bytes of each device name. Raises ValueError when they differ."""
        width = self.device_names.dtype.itemsize
        if (np.char.str_len(self.device_names) != width).any():
            raise ValueError("device names of one fleet must have equal length")
        return width

    def blocks(self, batch: Batch) -> Iterator[Packets]:
        """The batch's posts, block by block, in the order of `batch.vehicles`.

        Values are clipped to their signal's range; raises ValueError for a value that is not finite.
        """
        topic, payload, signals = self._parts_of(tuple(batch.signals))
        vehicles = batch.vehicles
        for start in range(0, len(vehicles), BLOCK_ROWS):
            rows = vehicles[start : start + BLOCK_ROWS]
            columns = {s.name: batch.signals[s.name][start : start + BLOCK_ROWS] for s in signals}
            yield self._block(topic, payload, signals, rows, columns, batch.time_ms)

    def next_ids(self, vehicles: NDArray[np.int32]) -> NDArray[np.int32]:
        """Counts one more post of each of these devices and returns their new sequence numbers, shape (m,)."""
        numbers = self.sequence[vehicles] % LAST_ID + 1
        self.sequence[vehicles] = numbers
        return numbers

    def _parts_of(self, names: tuple[str, ...]) -> tuple[list[Part], list[Part], tuple[Signal, ...]]:
        found = self._parts.get(names)
        if found is None:
            signals = tuple(row for name, row in SIGNALS.items() if name in names and row.identifier)
            found = self._parts[names] = (topic_parts(self.product_key), post_parts(signals), signals)
        return found

    def _block(
        self,
        topic: list[Part],
        payload: list[Part],
        signals: Sequence[Signal],
        vehicles: NDArray[np.int32],
        columns: dict[str, NDArray[Any]],
        time_ms: int,
    ) -> Packets:
        numerals: dict[str, Numeral] = {s.name: numeral(scaled(columns[s.name], s), s.decimals) for s in signals}
        ids = self.next_ids(vehicles)
        numerals[ID.what] = numeral(ids, 0, mark='"', marked=np.ones(len(ids), bool))
        layout = self._layout(topic, payload, numerals)

        count, width = len(vehicles), len(layout.template)
        if self._memory.size < count * width:
            self._memory = np.empty(count * width, np.uint8)
        matrix = self._memory[: count * width].reshape(count, width)
        template = layout.template.copy()
        stamp = np.frombuffer(b"%013d" % time_ms, np.uint8)
        for offset in layout.times:
            template[offset : offset + 13] = stamp
        matrix[:] = template

        rows = matrix.reshape(-1).view(layout.row_type)
        rows[NAME.what] = self.device_names[vehicles]
        for name, fields in layout.fields.items():
            for field, piece in zip(fields, numerals[name].pieces, strict=True):
                rows[field] = piece.texts()
        return Packets(matrix, layout.head, vehicles)

    def _layout(self, topic: list[Part], payload: list[Part], numerals: dict[str, Numeral]) -> _Layout:
        key = (tuple(numerals), tuple(n.widths for n in numerals.values()))
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= _LAYOUTS_KEPT:
                self._layouts.clear()
            layout = self._layouts[key] = _lay_out(topic, payload, numerals, self.name_width)
        return layout


def scaled(values: NDArray[Any], signal: Signal) -> NDArray[Any]:
    """Values as whole numbers of the signal's last decimal, half to even, clipped to its range; shape (n,)."""
    unit = 10**signal.decimals
    if values.dtype.kind == "f":
        exact = values.astype(np.float64)
        exact *= unit
        np.rint(exact, out=exact)
        lowest, highest = exact.min(), exact.max()
        if not np.isfinite(lowest + highest):
            raise ValueError(f"signal {signal.name!r} holds a value that is not finite")
        if lowest < signal.low * unit or highest > signal.high * unit:
            np.clip(exact, signal.low * unit, signal.high * unit, out=exact)
        return exact.astype(np.int32 if signal.high * unit < 2**31 else np.int64)
    whole = values.astype(np.int32)
    return np.clip(whole, int(signal.low), int(signal.high), out=whole)


def _lay_out(topic: list[Part], payload: list[Part], numerals: dict[str, Numeral], name_width: int) -> _Layout:
    topic_text, topic_places = _write(topic, numerals, name_width)
    payload_text, payload_places = _write(payload, numerals, name_width)
    body = 2 + len(topic_text) + len(payload_text)
    head = bytes([0x30]) + remaining_length(body) + len(topic_text).to_bytes(2, "big")
    places = [(slot, len(head) + at) for slot, at in topic_places]
    start = len(head) + len(topic_text)
    places += [(slot, start + at) for slot, at in payload_places]

    names: list[str] = [NAME.what]
    formats: list[str] = [f"S{name_width}"]
    offsets: list[int] = [next(at for slot, at in places if slot is NAME)]
    fields: dict[str, tuple[str, ...]] = {}
    for slot, at in places:
        if slot is NAME or slot is TIME:
            continue
        own = []
        for number, width in enumerate(numerals[slot.what].widths):
            own.append(f"{slot.what}.{number}")
            names.append(own[-1])
            formats.append(f"S{width}")
            offsets.append(at)
            at += width
        fields[slot.what] = tuple(own)
    text = head + topic_text + payload_text
    row_type = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": len(text)})
    times = tuple(at for slot, at in places if slot is TIME)
    return _Layout(np.frombuffer(text, np.uint8), start, times, fields, row_type)


def _write(parts: list[Part], numerals: dict[str, Numeral], name_width: int) -> tuple[bytes, list[tuple[Slot, int]]]:
    """The text with blanks where slots stand, and where they stand."""
    text = bytearray()
    places: list[tuple[Slot, int]] = []
    for part in parts:
        if isinstance(part, str):
            text += part.encode()
            continue
        places.append((part, len(text)))
        if part is NAME:
            text += b" " * name_width
        elif part is TIME:
            text += b" " * 13
        else:
            text += b" " * sum(numerals[part.what].widths)
    return bytes(text), places
