"""Batches and events on their way out: rendered, counted, hashed, and handed to the connection they belong to."""

from __future__ import annotations

import time

import numpy as np
import orjson
from numpy.typing import NDArray

from jinqiao.base.telemetry import Batch, Event
from jinqiao.gateway.agent.car import Said
from jinqiao.gateway.house import HouseLink
from jinqiao.gateway.mqtt.encoding import encode
from jinqiao.gateway.mqtt.packets import Publish
from jinqiao.gateway.platform.routing import find
from jinqiao.gateway.render import Packets, PostRenderer
from jinqiao.gateway.vehicle_links import VehicleLinks

from .summary import Summary

__all__ = ["Publisher"]

_SAMPLE_EVERY_S = 1.0


class Publisher:
    """Sends each vehicle's messages over the shared connection `link`, or over the vehicle's own where it has one."""

    def __init__(
        self,
        product_key: str,
        device_names: NDArray[np.bytes_],
        link: HouseLink | None,
        own: VehicleLinks,
        summary: Summary,
    ) -> None:
        self.renderer = PostRenderer(product_key, device_names)
        self.sample: tuple[str, bytes] | None = None
        self._link = link
        self._own = own
        self._summary = summary
        self._sampled = 0.0

    async def post(self, batch: Batch) -> None:
        """Publish one batch of property posts."""
        for block in self.renderer.blocks(batch):
            data = block.data
            self._summary.add("property_post", len(block), data)
            if not len(self._own) and self._link is not None:
                await self._link.send(data)
            else:
                await self._divide(block)
            self._show(batch, block)

    async def _divide(self, block: Packets) -> None:
        """Rows of vehicles with a connection of their own go there, the rest over the shared one."""
        apart = self._own.owns(block.vehicles)
        for row in np.flatnonzero(apart):
            if not self._own.send(int(block.vehicles[row]), block.packet(int(row))):
                self._summary.not_sent += 1
        if not apart.all() and self._link is not None:
            await self._link.send(block.matrix[~apart].reshape(-1).data)

    async def event(self, event: Event) -> None:
        """Publish one event post (`thing.event.{identifier}.post`)."""
        row = np.array([event.vehicle], np.int32)
        number = int(self.renderer.next_ids(row)[0])
        name = self.renderer.device_names[event.vehicle].decode()
        post = {
            "id": str(number),
            "version": "1.0",
            "sys": {"ack": 0},
            "params": {"value": dict(event.output), "time": event.time_ms},
            "method": f"thing.event.{event.identifier}.post",
        }
        topic = f"/sys/{self.renderer.product_key}/{name}/thing/event/{event.identifier}/post"
        packet = encode(Publish(topic, orjson.dumps(post)))
        self._summary.add("event_post", 1, packet)
        await self._send(event.vehicle, packet)

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
