"""A whole `Step` as packets, each vehicle's in the form it speaks: Alink posts, or protobuf on custom topics."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event, Label, Step
from jinqiao.wire.mqtt.encoding import encode

from .can import CanRenderer
from .events import event_post
from .labels import LabelRenderer
from .packets import Packets, PostRenderer
from .sample_packets import SampleRenderer

__all__ = ["StepRenderer"]


class StepRenderer:
    """Renders for one product's fleet; `device_names` is a bytes array, shape (n,), all of one length, `vins` another.

    `protobuf`, shape (n,), says which vehicles speak protobuf on custom topics instead of Alink.
    """

    def __init__(
        self,
        product_key: str,
        device_names: NDArray[np.bytes_],
        vins: NDArray[np.bytes_],
        protobuf: NDArray[np.bool_] | None = None,
    ) -> None:
        self._posts = PostRenderer(product_key, device_names)
        self._samples = SampleRenderer(self._posts)
        self._can = CanRenderer(product_key, device_names, vins)
        self._labels = LabelRenderer(product_key, device_names, vins)
        self._protobuf = np.zeros(len(device_names), np.bool_) if protobuf is None else protobuf
        self._mixed = bool(self._protobuf.any())

    def blocks(self, step: Step) -> Iterator[tuple[str, Packets]]:
        """Kind of topic and packets, in the order in which they are to be sent; each is valid until the next.

        Labels come first, for they are from the beginning of the step. An event comes before the samples of its
        moment, which show what it made: so neither ids nor times of a vehicle ever go back.
        """
        for label in step.labels:
            yield from self._label(label)
        for event in step.events:
            yield self._event(event)
        for batch in step.batches:
            yield from self._batch(batch)
        for second in step.can:
            yield from (("can_batch", block) for block in self._can.blocks(second))

    def _label(self, label: Label) -> Iterator[tuple[str, Packets]]:
        for row, message in zip(label.vehicles.tolist(), self._labels.publishes(label), strict=True):
            yield "label", Packets.single(encode(message), row)

    def _batch(self, batch: Batch) -> Iterator[tuple[str, Packets]]:
        speaks = self._protobuf[batch.vehicles] if self._mixed else None
        if speaks is None or not speaks.any():
            yield from (("property_post", block) for block in self._posts.blocks(batch))
        elif speaks.all():
            yield from (("protobuf_sample", block) for block in self._samples.blocks(batch))
        else:
            yield from (("property_post", block) for block in self._posts.blocks(_part(batch, ~speaks)))
            yield from (("protobuf_sample", block) for block in self._samples.blocks(_part(batch, speaks)))

    def _event(self, event: Event) -> tuple[str, Packets]:
        if self._protobuf[event.vehicle]:
            return "protobuf_event", Packets.single(self._samples.event(event), event.vehicle)
        return "event_post", Packets.single(event_post(self._posts, event), event.vehicle)


def _part(batch: Batch, chosen: NDArray[np.bool_]) -> Batch:
    columns = {name: column[chosen] for name, column in batch.signals.items()}
    return Batch(batch.time_ms, batch.group, batch.vehicles[chosen], columns)
