"""A whole `Step` as packets, each vehicle's in the form it speaks: Alink posts, or protobuf on custom topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, CanSecond, Event, Label, Step
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish

from .can import CanRenderer
from .events import event_post
from .fixed import FixedBatch, fixed
from .labels import LabelRenderer
from .packets import Packets, PostRenderer
from .said import Said, SaidBatch, SaidPacket
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
        self.numbers = self._posts.numbers
        self._samples = SampleRenderer(self._posts)
        self._can = CanRenderer(product_key, device_names, vins)
        self._labels = LabelRenderer(product_key, device_names, vins)
        self._protobuf = np.zeros(len(device_names), np.bool_) if protobuf is None else protobuf
        self._mixed = bool(self._protobuf.any())

    def say(self, step: Step, *, repeats: bool = False) -> Said:
        """Number what vehicles say in a step, and bring it to the decimals that are published.

        With `repeats` a vehicle may stand several times in one instant, as in somebody's recording. Values are clipped
        to their signal's range; raises ValueError for a value that is not finite.
        """
        parts = [part for batch in step.batches if len(batch) for part in self._by_form(fixed(batch))]
        numbers = self.numbers
        if not repeats and _is_one_instant(batch for _, batch in parts):
            event_ids = [numbers.next_of(event.vehicle) for event in step.events]
            part_ids = [numbers.next(batch.vehicles) for _, batch in parts]
        else:
            event_ids, part_ids = numbers.of_step(step.events, [batch for _, batch in parts])
        return Said(
            [self._label(label, row, message) for label in step.labels for row, message in self._of_label(label)],
            [self._event(event, number) for event, number in zip(step.events, event_ids, strict=True)],
            [_said(kind, batch, ids) for (kind, batch), ids in zip(parts, part_ids, strict=True)],
            step.can,
        )

    def render(self, said: Said) -> Iterator[tuple[str, Packets]]:
        """Kind of topic and packets, in the order in which they are to be sent; each is valid until the next.

        Labels come first, for they are from the beginning of the step. An event comes before the samples of its
        moment, which show what it made: so neither ids nor times of a vehicle ever go back.
        """
        yield from map(_single, said.labels)
        yield from map(_single, said.posts)
        if _is_one_turn(said):
            yield from map(_single, said.events)
            for one in said.batches:
                yield from ((one.kind, block) for block in self.samples(one))
        else:
            pieces = [(event.turn_ms, number, *_single(event)) for number, event in enumerate(said.events)]
            for number, one in enumerate(said.batches, len(said.events)):
                packets = _kept(self.samples(one))
                edges = one.edges
                turns = one.turns_ms[edges[:-1]].tolist()
                pieces += [
                    (turn_ms, number, one.kind, packets.rows(start, stop))
                    for turn_ms, (start, stop) in zip(turns, pairwise(edges), strict=True)
                ]
            pieces.sort(key=lambda piece: piece[:2])
            yield from ((kind, packets) for _, _, kind, packets in pieces)
        for second in said.can:
            yield from (("can_batch", block) for block in self.frames(second))

    def blocks(self, step: Step) -> Iterator[tuple[str, Packets]]:
        """The packets of a step, as `render` gives them."""
        return self.render(self.say(step))

    def samples(self, said: SaidBatch) -> Iterator[Packets]:
        """The packets of a batch, block by block."""
        return self._renderer_of(said.kind).blocks(said.batch, said.ids)

    def frames(self, second: CanSecond) -> Iterator[Packets]:
        """The packets of one bus and second."""
        return self._can.blocks(second)

    def packet_bytes(self, said: SaidBatch) -> int:
        """The size of each of them, which are all of one."""
        return self._renderer_of(said.kind).packet_bytes(said.batch)

    def _of_label(self, label: Label) -> Iterator[tuple[int, Publish]]:
        return zip(label.vehicles.tolist(), self._labels.publishes(label), strict=True)

    def _label(self, label: Label, row: int, message: Publish) -> SaidPacket:
        return SaidPacket(label.time_ms, row, "label", encode(message))

    def _event(self, event: Event, number: int) -> SaidPacket:
        if event.stamp_ms is not None:
            stamped = replace(event, time_ms=event.stamp_ms, stamp_ms=None)
            return self._event(stamped, number)._replace(arrives_ms=event.time_ms)
        if self._protobuf[event.vehicle]:
            kind, packet = "protobuf_event", self._samples.event(event, number)
        else:
            kind, packet = "event_post", event_post(self._posts, event, number)
        return SaidPacket(event.time_ms, event.vehicle, kind, packet)

    def _by_form(self, batch: FixedBatch) -> Iterator[tuple[str, FixedBatch]]:
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


def _said(kind: str, batch: FixedBatch, ids: NDArray[np.int32]) -> SaidBatch:
    """What vehicles say has the times of their own clocks, and comes in the order of the true ones."""
    if batch.stamps_ms is None:
        return SaidBatch(kind, batch, ids)
    return SaidBatch(kind, replace(batch, time_ms=batch.stamps_ms, stamps_ms=None), ids, arrives_ms=batch.time_ms)


def _single(packet: SaidPacket) -> tuple[str, Packets]:
    return packet.kind, Packets.single(packet.data, packet.vehicle)


def _is_one_instant(batches: Iterable[Batch]) -> bool:
    """Whether all samples are of one moment, so that the fields of a step are its order."""
    return len({int(batch.time_ms[end]) for batch in batches for end in (0, -1)}) <= 1


def _is_one_turn(said: Said) -> bool:
    """Whether the fields are the order: all of it is sent at one moment."""
    return len({int(one.turns_ms[end]) for one in said.batches if len(one) for end in (0, -1)}) <= 1


def _kept(blocks: Iterable[Packets]) -> Packets:
    """All blocks as one, in memory of its own."""
    kept = [replace(block, matrix=block.matrix.copy()) for block in blocks]
    if len(kept) == 1:
        return kept[0]
    matrix = np.concatenate([block.matrix for block in kept])
    return Packets(matrix, kept[0].head, np.concatenate([block.vehicles for block in kept]))
