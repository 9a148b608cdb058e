"""Forwarded messages of a fleet: rows of whole bare AMQP messages, by column.

A row is byte for byte what `encode_message` makes of topic, id, time and body (layout: `wire/amqp/message.py`);
all rows of a form have equal length. What is in a body is the caller's to say, in parts: text, and slots for what
differs from row to row. Numbers of a post take the room that they have in the post itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.wire.amqp.message import encode_message

from .fixed import FixedBatch
from .layout import Layout, Place, lay_out, reach_of, widths_of, write
from .packets import BLOCK_ROWS, ID_WIDTHS, fill, write_values
from .said import SaidBatch
from .shape import ID, NAME, TIME, Part, Slot

__all__ = ["IOT_ID", "IOT_ID_WIDTH", "NOW", "PAYLOAD", "Form", "ForwardedRenderer", "signals_of"]

#: Slots of a body, beside those of a post: the id of the device, the time of the platform, and bytes as they come.
IOT_ID, NOW, PAYLOAD = Slot("iot_id"), Slot("now"), Slot("payload")
IOT_ID_WIDTH = 26

#: A message id has 19 digits: eleven that hardly change, then twice four.
_ID_DIGITS = 19
_HIGH, _MIDDLE, _LOW = Slot("message_high"), Slot("message_middle"), Slot("message_low")
_ID_SLOTS = ((_HIGH, 0), (_MIDDLE, 11), (_LOW, 15))
_FOUR = 10_000
_FOURS = np.array([b"%04d" % number for number in range(_FOUR)], "S4")

Texts = NDArray[np.bytes_]
Rows = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of message of a product: where everything stands in a row.

    `generated` is the offset of its time of generation; `signals` are those that have slots in its body.
    """

    layout: Layout
    generated: int
    signals: tuple[Signal, ...]
    reaches: tuple[tuple[int, int], ...]


def signals_of(names: Sequence[str]) -> tuple[Signal, ...]:
    """Those of these signals that are published, in the table's order, which is that of a post."""
    return tuple(row for name, row in SIGNALS.items() if name in names and row.identifier)


class ForwardedRenderer:
    """Renders messages of one product's fleet.

    `device_names` is a bytes array, shape (n,), all of one length. `iot_ids` is called with rows of it, shape (m,), and
    gives the platform's ids of these devices, shape (m,), 'S26'. Message ids count from `first_id`, of 19 digits.
    """

    def __init__(self, device_names: Texts, iot_ids: Callable[[Rows], Texts]) -> None:
        self._names, self._iot_ids = device_names, iot_ids

    def form(
        self, topic: Sequence[Part], body: Sequence[Part], signals: tuple[Signal, ...] = (), payload_bytes: int = 0
    ) -> Form:
        """Lay out messages: of the slots NAME may stand in the topic, and all but `_ID_SLOTS` in the body."""
        widths = {
            NAME.what: (self._names.dtype.itemsize,),
            IOT_ID.what: (IOT_ID_WIDTH,),
            ID.what: ID_WIDTHS,
            PAYLOAD.what: (payload_bytes,),
            **{slot.what: (13,) for slot in (TIME, NOW)},
            **{slot.what: (width,) for slot, width in ((_HIGH, 11), (_MIDDLE, 4), (_LOW, 4))},
            **widths_of(signals),
        }
        topic_text, body_text = write(topic, widths)[0], write(body, widths)[0]
        text = encode_message(topic_text.decode(), "0" * _ID_DIGITS, 0, 1, body_text)
        behind_topic = 32 + _ID_DIGITS + len(topic_text)
        places: list[Place] = write(topic, widths, 32 + _ID_DIGITS)[1]
        for at in (8, behind_topic + 13):
            places += [(slot, at + offset) for slot, offset in _ID_SLOTS]
        places += write(body, widths, len(text) - len(body_text))[1]
        layout = lay_out(text, places, widths)
        return Form(layout, behind_topic + 28 + _ID_DIGITS, signals, tuple(map(reach_of, signals)))

    def plain(self, form: Form, vehicles: Rows, first_id: int, now_ms: int) -> Iterator[bytes]:
        """Messages of these vehicles, shape (m,), that say nothing else of them; blocks of whole rows."""
        for start in range(0, len(vehicles), BLOCK_ROWS):
            some = vehicles[start : start + BLOCK_ROWS]
            yield self._block(form, some, first_id + start, now_ms).tobytes()

    def payloads(self, form: Form, vehicles: Rows, payloads: NDArray[np.uint8], first_id: int, now_ms: int) -> bytes:
        """Messages with these payloads, shape (m, payload_bytes), for their body."""
        matrix = self._block(form, vehicles, first_id, now_ms)
        (at,) = form.layout.offsets[PAYLOAD.what]
        matrix[:, at : at + payloads.shape[1]] = payloads
        return matrix.tobytes()

    def posts(self, form: Form, said: SaidBatch, first_id: int, now_ms: int) -> Iterator[bytes]:
        """What a batch of posts says; blocks of whole rows, in the order of the batch."""
        for start in range(0, len(said), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            batch, ids = said.batch.rows(rows), said.ids[rows]
            yield self._block(form, batch.vehicles, first_id + start, now_ms, batch, ids).tobytes()

    def _block(
        self,
        form: Form,
        vehicles: Rows,
        first_id: int,
        now_ms: int,
        said: FixedBatch | None = None,
        ids: NDArray[np.int32] | None = None,
    ) -> NDArray[np.uint8]:
        layout = _at(form, now_ms)
        matrix = np.empty((len(vehicles), len(layout.template)), np.uint8)
        rows = fill(matrix, layout, said.time_ms if said is not None else np.array([now_ms]))
        names = self._names[vehicles]
        for field in layout.fields.get(NAME.what, ()):
            rows[field] = names
        if IOT_ID.what in layout.fields:
            rows[layout.fields[IOT_ID.what][0]] = self._iot_ids(vehicles)
        for slot, texts in zip((_HIGH, _MIDDLE, _LOW), _id_texts(first_id, len(vehicles)), strict=True):
            for field in layout.fields[slot.what]:
                rows[field] = texts
        if said is not None and ids is not None:
            write_values(rows, layout, form.signals, form.reaches, said, ids)
        return matrix


def _at(form: Form, now_ms: int) -> Layout:
    """The layout of a form at a time of the platform's."""
    template = form.layout.template.copy()
    template[form.generated : form.generated + 8] = np.frombuffer(now_ms.to_bytes(8, "big"), np.uint8)
    stamp = np.frombuffer(b"%013d" % now_ms, np.uint8)
    for offset in form.layout.offsets.get(NOW.what, ()):
        template[offset : offset + 13] = stamp
    return replace(form.layout, template=template)


def _id_texts(first_id: int, count: int) -> tuple[Texts, Texts, Texts]:
    """The digits of `count` numbers from `first_id` on, each part of shape (count,)."""
    high, low = divmod(first_id, _FOUR * _FOUR)
    numbers = np.arange(low, low + count)
    carried = numbers // (_FOUR * _FOUR)
    highs = np.array([b"%011d" % (high + carry) for carry in range(int(carried[-1]) + 1)], "S11")
    numbers -= carried * (_FOUR * _FOUR)
    middle = numbers // _FOUR
    return highs.take(carried), _FOURS.take(middle), _FOURS.take(numbers - middle * _FOUR)
