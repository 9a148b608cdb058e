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

from .fixed import FixedBatch, fixed
from .layout import Layout, lay_out, reach_of, widths_of, write
from .numbers import LAST_ID, PostNumbers
from .numerals import Numeral, numeral
from .shape import ID, NAME, TIME, post_parts, topic_parts

__all__ = ["BLOCK_ROWS", "ID_WIDTHS", "Packets", "PostRenderer", "fill", "id_numeral", "stamps", "write_values"]

#: Rows per block: with 1 kB rows the block, its columns and the look-up tables fit a 2 MB second-level cache.
BLOCK_ROWS = 1024


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

    def rows(self, start: int, stop: int) -> Packets:
        """Those that stand here; the memory is the same."""
        return Packets(self.matrix[start:stop], self.head, self.vehicles[start:stop])

    def some(self, chosen: NDArray[np.bool_]) -> memoryview:
        """The packets of these rows, shape (m,), one after the other."""
        return self.matrix[chosen].data.cast("B")

    def payload(self, row: int) -> bytes:
        return bytes(self.matrix[row, self.head :])


@dataclass(frozen=True, slots=True)
class _Posts:
    """Posts of these signals: where everything stands, and the offset of the payload."""

    signals: tuple[Signal, ...]
    reaches: tuple[tuple[int, int], ...]
    layout: Layout
    head: int


class PostRenderer:
    """Renders the posts of one product's fleet.

    `device_names` is a bytes array, shape (n,), all of one length; `Batch.vehicles` are its rows. Each device counts
    its own posts; the count is the Alink `id`. A post's bytes depend on its own values, time and number alone: every
    place is as wide as its signal can get, whatever stands in the rows beside it.
    """

    def __init__(self, product_key: str, device_names: NDArray[np.bytes_]) -> None:
        self.product_key = product_key
        self.device_names = device_names
        self.numbers = PostNumbers(len(device_names))
        self._layouts: dict[tuple[str, ...], _Posts] = {}
        self._memory = np.empty(0, np.uint8)

    @cached_property
    def name_width(self) -> int:
        """Bytes of each device name. Raises ValueError when they differ."""
        width = self.device_names.dtype.itemsize
        if (np.char.str_len(self.device_names) != width).any():
            raise ValueError("device names of one fleet must have equal length")
        return width

    def blocks(self, batch: Batch, ids: NDArray[np.int32] | None = None) -> Iterator[Packets]:
        """The batch's posts, block by block, in the order of `batch.vehicles`.

        `ids`, shape (m,), are their numbers; if absent, each device's next ones. Then no device may be in the batch
        twice. Values are clipped to their signal's range; raises ValueError for a value that is not finite.
        """
        said = fixed(batch)
        layout = self._layout(tuple(said.signals))
        for start in range(0, len(said), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            numbers = self.numbers.next(said.vehicles[rows]) if ids is None else ids[rows]
            yield self._block(layout, said.rows(rows), numbers)

    def packet_bytes(self, said: FixedBatch) -> int:
        """The size of each post of such a batch."""
        return len(self._layout(tuple(said.signals)).layout.template)

    def _layout(self, names: tuple[str, ...]) -> _Posts:
        layout = self._layouts.get(names)
        if layout is None:
            signals = tuple(row for name, row in SIGNALS.items() if name in names and row.identifier)
            layout = self._layouts[names] = _lay_out(self.product_key, signals, self.name_width)
        return layout

    def _block(self, posts: _Posts, said: FixedBatch, ids: NDArray[np.int32]) -> Packets:
        layout = posts.layout
        count, width = len(said), len(layout.template)
        if self._memory.size < count * width:
            self._memory = np.empty(count * width, np.uint8)
        matrix = self._memory[: count * width].reshape(count, width)
        rows = fill(matrix, layout, said.time_ms)
        rows[layout.fields[NAME.what][0]] = self.device_names[said.vehicles]
        write_values(rows, layout, posts.signals, posts.reaches, said, ids)
        return Packets(matrix, posts.head, said.vehicles)


def fill(matrix: NDArray[np.uint8], layout: Layout, time_ms: NDArray[np.int64]) -> NDArray[Any]:
    """Make every row of `matrix`, shape (m, row_bytes), the template with its time, of `time_ms`, shape (m,)."""
    first_ms = int(time_ms[0])
    template = layout.template.copy()
    stamp = np.frombuffer(b"%013d" % first_ms, np.uint8)
    for offset in layout.offsets.get(TIME.what, ()):
        template[offset : offset + 13] = stamp
    matrix[:] = template
    rows: NDArray[Any] = matrix.reshape(-1).view(layout.row_type)
    if first_ms != time_ms[-1] or (time_ms != first_ms).any():
        texts = stamps(time_ms)
        for field in layout.fields.get(TIME.what, ()):
            rows[field] = texts
    return rows


def write_values(
    rows: NDArray[Any],
    layout: Layout,
    signals: Sequence[Signal],
    reaches: Sequence[tuple[int, int]],
    said: FixedBatch,
    ids: NDArray[np.int32],
) -> None:
    """Write the numbers of posts and the values of signals into their places; rows, shape (m,), of the row type."""
    numerals = [(ID.what, id_numeral(ids))]
    for signal, reach in zip(signals, reaches, strict=True):
        numerals.append((signal.name, numeral(said.signals[signal.name], signal.decimals, reach=reach)))
    for what, number in numerals:
        for field, piece in zip(layout.fields[what], number.pieces, strict=True):
            rows[field] = piece.texts()


def id_numeral(ids: NDArray[np.int32]) -> Numeral:
    return numeral(ids, 0, mark='"', marked=np.ones(len(ids), bool), reach=(1, LAST_ID))


#: Widths of the pieces of a post's number.
ID_WIDTHS = id_numeral(np.ones(1, np.int32)).widths


def stamps(times_ms: NDArray[np.int64]) -> NDArray[np.bytes_]:
    """Times of 13 digits; they change seldom from one to the next."""
    begins = np.concatenate([[True], times_ms[1:] != times_ms[:-1]])
    texts = np.array([b"%013d" % time_ms for time_ms in times_ms[begins].tolist()], "S13")
    return texts.take(np.cumsum(begins) - 1)


def _lay_out(product_key: str, signals: tuple[Signal, ...], name_width: int) -> _Posts:
    widths = {NAME.what: (name_width,), TIME.what: (13,), ID.what: ID_WIDTHS, **widths_of(signals)}
    topic_text, _ = write(topic_parts(product_key), widths)
    payload_text, _ = write(post_parts(signals), widths)
    body = 2 + len(topic_text) + len(payload_text)
    head = bytes([0x30]) + remaining_length(body) + len(topic_text).to_bytes(2, "big")
    start = len(head) + len(topic_text)
    places = [
        *write(topic_parts(product_key), widths, len(head))[1],
        *write(post_parts(signals), widths, start)[1],
    ]
    layout = lay_out(head + topic_text + payload_text, places, widths)
    return _Posts(signals, tuple(map(reach_of, signals)), layout, start)
