"""What is forwarded of a simulated fleet, as blocks of messages made from columns.

The text around the columns is made by the functions that make the body of one device's message, from an event whose
values are marks: so a car's message has the keys of a device's, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.gateway.platform.events import EventAccepted, PropertiesAccepted, SimulatedEvent
from jinqiao.gateway.platform.forwarded import posts
from jinqiao.gateway.platform.forwarded.message import Sources
from jinqiao.gateway.platform.forwarded.status import FLEET_ADDRESS, status
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.wire.amqp.message import encode_message
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.forwarded import (
    IOT_ID,
    IOT_ID_WIDTH,
    NOW,
    PAYLOAD,
    Form,
    ForwardedRenderer,
    signals_of,
)
from jinqiao.wire.render.said import SaidBatch
from jinqiao.wire.render.shape import ID, NAME, Part, item_parts

from .messages import Messages

__all__ = ["FleetBodies"]

#: Marks that no text has, in place of what differs from row to row.
_NAME, _IOT_ID, _ID, _ITEMS = "\ue000", "\ue001", "\ue002", "\ue003"
_NOW_MS = 1_111_111_111_111
_MARKS: Mapping[str, Sequence[Part]] = {
    _NAME: (NAME,),
    _IOT_ID: (IOT_ID,),
    f'"{_ID}"': (ID, '"'),
    str(_NOW_MS): (NOW,),
}
#: Codes of a status.
_GONE = 400


class FleetBodies:
    """Makes blocks of the messages of `product`, whose vehicles are `names`, shape (n,), bytes of one length.

    `new_ids` takes so many message ids and returns the first.
    """

    def __init__(
        self, product: Product, names: NDArray[np.bytes_], sources: Sources, new_ids: Callable[[int], int]
    ) -> None:
        self._product, self._names, self._sources, self._new_ids = product, names, sources, new_ids
        self._renderer = ForwardedRenderer(names, self._iot_ids)
        self._samples = StepRenderer(product.key, names, names)
        self._known = np.zeros(len(names), bool)
        self._ids = np.zeros(len(names), f"S{IOT_ID_WIDTH}")
        self._posts: dict[tuple[str, ...], Form] = {}
        self._payloads: dict[int, Form] = {}

    def posts(self, said: SaidBatch, now_ms: int) -> Iterator[Messages]:
        """A batch of property posts, in its order."""
        form = self._post_form(tuple(said.batch.signals))
        for data in self._renderer.posts(form, said, self._new_ids(len(said)), now_ms):
            yield _block(data, len(form.layout.template), now_ms)

    def payloads(self, said: SaidBatch, now_ms: int) -> Iterator[Messages]:
        """A batch of samples for a custom topic: what a subscriber of the topic gets, untouched."""
        for block in self._samples.samples(said):
            payloads = block.matrix[:, block.head :]
            form = self._payload_form(payloads.shape[1], block.message(0)[0], block.vehicles[0])
            first = self._new_ids(len(block))
            data = self._renderer.payloads(form, block.vehicles, payloads, first, now_ms)
            yield _block(data, len(form.layout.template), now_ms)

    def event(self, event: SimulatedEvent, now_ms: int) -> Messages:
        """One event; there are few."""
        said = event.post()
        device = Device(self._product, self._names[event.vehicle].decode(), "")
        identifier = said["method"].removeprefix("thing.event.").removesuffix(".post")
        params = said["params"]
        accepted = EventAccepted(
            device, identifier, params["value"], params["time"], now_ms, request_id=str(said["id"])
        )
        (message,) = posts.event(self._sources, accepted)
        body = orjson.dumps(message.values)
        data = encode_message(message.topic, str(self._new_ids(1)), now_ms, 1, body)
        return Messages.single(data, now_ms)

    def presence(
        self, vehicles: NDArray[np.int32], now_ms: int, time_ms: int, *, online: bool, reason: int = _GONE
    ) -> Iterator[Messages]:
        """These vehicles, shape (m,), have come or gone at `time_ms`."""
        form = self._status_form(time_ms, None if online else reason)
        for data in self._renderer.plain(form, vehicles, self._new_ids(len(vehicles)), now_ms):
            yield _block(data, len(form.layout.template), now_ms)

    def _iot_ids(self, vehicles: NDArray[np.int32]) -> NDArray[np.bytes_]:
        """Made when a vehicle is first forwarded: each costs a hash."""
        fresh = vehicles[~self._known[vehicles]]
        if len(fresh):
            self._ids[fresh] = [iot_id(self._product.key, name.decode()) for name in self._names[fresh].tolist()]
            self._known[fresh] = True
        return self._ids[vehicles]

    def _post_form(self, names: tuple[str, ...]) -> Form:
        form = self._posts.get(names)
        if form is None:
            signals = signals_of(names)
            (message,) = posts.properties(
                self._sources, PropertiesAccepted(self._marked(), {}, {}, _NOW_MS, request_id=_ID)
            )
            values = {**(message.values or {}), "iotId": _IOT_ID, "items": _ITEMS}
            marks = {f'"{_ITEMS}"': ["{", *item_parts(signals), "}"], **_MARKS}
            body = _parts(orjson.dumps(values).decode(), marks)
            form = self._posts[names] = self._renderer.form(_parts(message.topic, _MARKS), body, signals)
        return form

    def _payload_form(self, size: int, topic: str, vehicle: int) -> Form:
        form = self._payloads.get(size)
        if form is None:
            marked = topic.replace(self._names[vehicle].decode(), _NAME)
            form = self._renderer.form(_parts(marked, _MARKS), [PAYLOAD], payload_bytes=size)
            self._payloads[size] = form
        return form

    def _status_form(self, time_ms: int, reason: int | None) -> Form:
        message = status(self._marked(), time_ms, FLEET_ADDRESS, reason)
        values = {**(message.values or {}), "iotId": _IOT_ID}
        return self._renderer.form(_parts(message.topic, _MARKS), _parts(orjson.dumps(values).decode(), _MARKS))

    def _marked(self) -> Device:
        return Device(self._product, _NAME, "")


def _parts(text: str, marks: Mapping[str, Sequence[Part]]) -> list[Part]:
    """A text with slots in place of its marks."""
    found: list[Part] = []
    for piece in re.split("(" + "|".join(map(re.escape, marks)) + ")", text):
        found += marks.get(piece, (piece,))
    return found


def _block(data: bytes, row_bytes: int, generated_ms: int) -> Messages:
    ends: Any = np.arange(row_bytes, len(data) + 1, row_bytes, dtype=np.int64)
    return Messages(data, ends, generated_ms)
