"""Batches become rows of whole MQTT PUBLISH packets that carry protobuf `VehicleSample`s on a custom topic.

The sibling of the Alink posts (`packets`): `/{product_key}/{device_name}/user/telemetry`, a topic every device of the
platform may publish on. Events go to `…/user/events` as `VehicleEvent`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS
from jinqiao.base.telemetry import Batch, Event
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import remaining_length
from jinqiao.wire.mqtt.packets import Publish

from .events import event_message
from .fixed import FixedBatch, fixed
from .packets import BLOCK_ROWS, Packets, PostRenderer
from .samples import SampleLayout, sample_layout, write_fixed

__all__ = ["EVENTS", "TELEMETRY", "SampleRenderer"]

#: Behind `/{product_key}/{device_name}`.
TELEMETRY = "/user/telemetry"
EVENTS = "/user/events"


class _Packet(NamedTuple):
    """What every packet of one layout shares, where its topic names the device, and where its payload begins."""

    layout: SampleLayout
    template: NDArray[np.uint8]
    name_at: int
    head: int


class SampleRenderer:
    """Renders the samples of a fleet; counts each device's messages together with its posts, in `posts.numbers`."""

    def __init__(self, posts: PostRenderer) -> None:
        self._posts = posts
        self._layouts: dict[tuple[str, tuple[str, ...]], _Packet] = {}
        self._memory = np.empty(0, np.uint8)

    def blocks(self, batch: Batch, ids: NDArray[np.int32] | None = None) -> Iterator[Packets]:
        """The batch's samples, block by block, in the order of `batch.vehicles`; as `PostRenderer.blocks`."""
        said = fixed(batch)
        layout, template, name_at, head = self._layout(said.group, tuple(said.signals))
        names = self._posts.device_names
        for start in range(0, len(said), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            vehicles = said.vehicles[block]
            count, width = len(vehicles), len(template)
            if self._memory.size < count * width:
                self._memory = np.empty(count * width, np.uint8)
            matrix = self._memory[: count * width].reshape(count, width)
            matrix[:] = template
            whole = {name: said.signals[name][block] for name in layout.signals}
            numbers = self._posts.numbers.next(vehicles) if ids is None else ids[block]
            own = names[vehicles]
            matrix[:, name_at : name_at + names.dtype.itemsize] = own.view(np.uint8).reshape(count, -1)
            rows = matrix[:, head:].view(layout.places)[:, 0]
            write_fixed(rows, layout, said.time_ms[block], own, numbers, whole)
            yield Packets(matrix, head, vehicles)

    def packet_bytes(self, said: FixedBatch) -> int:
        """The size of each packet of such a batch."""
        return len(self._layout(said.group, tuple(said.signals)).template)

    def event(self, event: Event, number: int) -> bytes:
        """The packet of one event."""
        name = self._posts.device_names[event.vehicle].decode()
        return encode(Publish(f"/{self._posts.product_key}/{name}{EVENTS}", event_message(event, name, number)))

    def _layout(self, group: str, names: tuple[str, ...]) -> _Packet:
        found = self._layouts.get((group, names))
        if found is None:
            width = self._posts.name_width
            seen = tuple(name for name in names if SIGNALS[name].identifier)
            layout = sample_layout(group, seen, width)
            topic = f"/{self._posts.product_key}/".encode() + b" " * width + TELEMETRY.encode()
            length = remaining_length(2 + len(topic) + len(layout))
            start = b"\x30" + length + len(topic).to_bytes(2, "big")
            template = np.frombuffer(start + topic + layout.template, np.uint8)
            name_at = len(start) + topic.index(b" ")
            found = self._layouts[group, names] = _Packet(layout, template, name_at, len(start) + len(topic))
        return found
