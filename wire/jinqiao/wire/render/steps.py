"""A whole `Step` as packets, each vehicle's in the form it speaks: Alink posts, or protobuf on custom topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event, Label, Step
from jinqiao.wire.mqtt.encoding import encode

from .can import CanRenderer
from .events import event_post
from .fixed import fixed
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
        if _in_order(step):
            for event in step.events:
                yield self._event(event, self._posts.numbers.next_of(event.vehicle))
            for batch in step.batches:
                for kind, part in self._by_form(batch):
                    yield from ((kind, block) for block in self._renderer_of(kind).blocks(part))
        else:
            yield from self._by_time(step)
        for second in step.can:
            yield from (("can_batch", block) for block in self._can.blocks(second))

    def _label(self, label: Label) -> Iterator[tuple[str, Packets]]:
        for row, message in zip(label.vehicles.tolist(), self._labels.publishes(label), strict=True):
            yield "label", Packets.single(encode(message), row)

    def _by_time(self, step: Step) -> Iterator[tuple[str, Packets]]:
        """Samples of several instants, and what happened between them: rendered together, sent in the order of time."""
        parts = [part for batch in step.batches for part in self._by_form(fixed(batch))]
        event_ids, part_ids = self._posts.numbers.of_step(step.events, [part for _, part in parts])
        pieces: list[tuple[int, int, str, Packets]] = []
        for number, (event, own) in enumerate(zip(step.events, event_ids, strict=True)):
            pieces.append((event.time_ms, number, *self._event(event, own)))
        for number, ((kind, part), ids) in enumerate(zip(parts, part_ids, strict=True), len(step.events)):
            packets = _kept(self._renderer_of(kind).blocks(part, ids))
            edges = part.edges
            moments = part.time_ms[edges[:-1]].tolist()
            for time_ms, start, stop in zip(moments, edges, edges[1:], strict=False):
                pieces.append((time_ms, number, kind, packets.rows(start, stop)))
        pieces.sort(key=lambda piece: piece[:2])
        yield from ((kind, packets) for _, _, kind, packets in pieces)

    def _by_form(self, batch: Batch) -> Iterator[tuple[str, Batch]]:
        """The vehicles of a batch by the form they speak, and what their packets are counted as."""
        speaks = self._protobuf[batch.vehicles] if self._mixed else None
        if speaks is None or not speaks.any():
            yield "property_post", batch
        elif speaks.all():
            yield "protobuf_sample", batch
        else:
            yield "property_post", batch.rows(~speaks)
            yield "protobuf_sample", batch.rows(speaks)

    def _renderer_of(self, kind: str) -> PostRenderer | SampleRenderer:
        return self._posts if kind == "property_post" else self._samples

    def _event(self, event: Event, number: int) -> tuple[str, Packets]:
        if self._protobuf[event.vehicle]:
            return "protobuf_event", Packets.single(self._samples.event(event, number), event.vehicle)
        return "event_post", Packets.single(event_post(self._posts, event, number), event.vehicle)


def _in_order(step: Step) -> bool:
    """Whether all samples are of one instant, so that the fields of a step are its order."""
    ends = {int(batch.time_ms[end]) for batch in step.batches if len(batch) for end in (0, -1)}
    return len(ends) <= 1


def _kept(blocks: Iterable[Packets]) -> Packets:
    """All blocks as one, in memory of its own."""
    kept = [replace(block, matrix=block.matrix.copy()) for block in blocks]
    if len(kept) == 1:
        return kept[0]
    matrix = np.concatenate([block.matrix for block in kept])
    return Packets(matrix, kept[0].head, np.concatenate([block.vehicles for block in kept]))
