"""Batches and events on their way out: rendered, counted, hashed, and handed to the connection they belong to."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, CanSecond, Event, Label
from jinqiao.device.agent.car import Said
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import HouseLink
from jinqiao.wire.alink.routing import find
from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import Packets, PostRenderer, SampleRenderer
from jinqiao.wire.render.can import CanRenderer
from jinqiao.wire.render.events import event_post
from jinqiao.wire.render.labels import LabelRenderer

from .summary import Summary

__all__ = ["Publisher"]

_SAMPLE_EVERY_S = 1.0


class Publisher:
    """Sends each vehicle's messages over the shared connection `link`, or over the vehicle's own where it has one.

    `protobuf`, shape (n,), says which vehicles speak protobuf on custom topics instead of Alink.
    """

    def __init__(
        self,
        product_key: str,
        device_names: NDArray[np.bytes_],
        vins: NDArray[np.bytes_],
        link: HouseLink | None,
        own: VehicleLinks,
        summary: Summary,
        *,
        protobuf: NDArray[np.bool_] | None = None,
    ) -> None:
        self.renderer = PostRenderer(product_key, device_names)
        self._samples = SampleRenderer(self.renderer)
        self._can = CanRenderer(product_key, device_names, vins)
        self._labels = LabelRenderer(product_key, device_names, vins)
        self._protobuf = np.zeros(len(device_names), bool) if protobuf is None else protobuf
        self._mixed = bool(self._protobuf.any())
        self.sample: tuple[str, bytes] | None = None
        self._link = link
        self._own = own
        self._summary = summary
        self._sampled = 0.0

    async def post(self, batch: Batch) -> None:
        """Publish one batch of telemetry."""
        for kind, block in self._rendered(batch):
            data = block.data
            self._summary.add(kind, len(block), data)
            await self._divide(block)
            if kind == "property_post":
                self._show(batch, block)

    def _rendered(self, batch: Batch) -> Iterator[tuple[str, Packets]]:
        """Topic kind and packets: each vehicle's sample in the form it speaks."""
        speaks = self._protobuf[batch.vehicles] if self._mixed else None
        if speaks is None or not speaks.any():
            yield from (("property_post", block) for block in self.renderer.blocks(batch))
        elif speaks.all():
            yield from (("protobuf_sample", block) for block in self._samples.blocks(batch))
        else:
            for kind, chosen in (("property_post", ~speaks), ("protobuf_sample", speaks)):
                part = Batch(
                    batch.time_ms,
                    batch.group,
                    batch.vehicles[chosen],
                    {name: column[chosen] for name, column in batch.signals.items()},
                )
                blocks = (self.renderer if kind == "property_post" else self._samples).blocks(part)
                yield from ((kind, block) for block in blocks)

    async def _divide(self, block: Packets) -> None:
        """Rows of vehicles with a connection of their own go there, the rest over the shared one."""
        if not len(self._own) and self._link is not None:
            await self._link.send(block.data)
            return
        apart = self._own.owns(block.vehicles)
        for row in np.flatnonzero(apart):
            if not self._own.send(int(block.vehicles[row]), block.packet(int(row))):
                self._summary.not_sent += 1
        if not apart.all() and self._link is not None:
            await self._link.send(block.matrix[~apart].reshape(-1).data)

    async def event(self, event: Event) -> None:
        """Publish one event, in the form its vehicle speaks."""
        if self._protobuf[event.vehicle]:
            kind, packet = "protobuf_event", self._samples.event(event)
        else:
            kind, packet = "event_post", event_post(self.renderer, event)
        self._summary.add(kind, 1, packet)
        await self._send(event.vehicle, packet)

    async def can(self, second: CanSecond) -> None:
        """Publish one second of one bus."""
        for block in self._can.blocks(second):
            self._summary.add("can_batch", len(block), block.data)
            await self._divide(block)

    async def label(self, label: Label) -> None:
        """Publish what truly happened, one message a vehicle."""
        for row, publish in zip(label.vehicles.tolist(), self._labels.publishes(label), strict=True):
            packet = encode(publish)
            self._summary.add("label", 1, packet)
            await self._send(row, packet)

    async def say(self, said: Said) -> None:
        """Publish what a vehicle answers, or says by itself."""
        found = find(said.topic)
        packet = encode(Publish(said.topic, said.payload))
        self._summary.add(found.row.kind if found is not None else "other", 1, packet, digested=False)
        await self._send(said.row, packet, said.qos)

    async def _send(self, vehicle: int, packet: bytes, qos: int = 0) -> None:
        """One QoS 0 packet, over the vehicle's own connection at another QoS if asked."""
        if len(self._own) and self._own.owns(np.array([vehicle], np.int32))[0]:
            if not self._own.send(vehicle, packet, qos):
                self._summary.not_sent += 1
        elif self._link is not None:
            await self._link.send(packet)

    def _show(self, batch: Batch, block: Packets) -> None:
        """Keep one payload a second for the console: the fastest vehicle of the block says the most."""
        now = time.perf_counter()
        if batch.group == "core" and now - self._sampled >= _SAMPLE_EVERY_S:
            self._sampled = now
            row = int(np.argmax(batch.signals["speed"][: len(block)])) if len(block) == len(batch) else 0
            name = self.renderer.device_names[block.vehicles[row]].decode()
            topic = f"/sys/{self.renderer.product_key}/{name}/thing/event/property/post"
            self.sample = (topic, block.payload(row))
