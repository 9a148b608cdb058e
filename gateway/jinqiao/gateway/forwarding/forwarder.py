"""From the platform's events to the queues of consumer groups: who subscribes to what gets it.

What a device says is put into the queues before it is acknowledged; where there is a data folder they see to it that
it is on the disk first (`keeping`). What simulated vehicles say comes as columns, is rendered once, for what is
subscribed only, and does not outlive the process.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from jinqiao.gateway.platform.events import (
    ConsumerGroupChanged,
    ConsumerGroupDeleted,
    FleetPresence,
    ForGroup,
    MessageForwarded,
    SimulatedEvent,
    SubscriptionChanged,
    SubscriptionDeleted,
    TelemetryBatch,
    VehiclesPresence,
)
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import FleetDevices
from jinqiao.gateway.platform.registry.registry import Product
from jinqiao.gateway.platform.subscriptions.definitions import DEFAULT_GROUP
from jinqiao.wire.amqp.message import encode_message

from .fleet_bodies import FleetBodies
from .groups import Groups
from .messages import Messages

__all__ = ["Forwarder"]

#: The quality of service that forwarded messages name.
_QOS = 1


class Forwarder:
    """Puts what the platform forwards into `groups`, whose queues follow the platform's definitions."""

    def __init__(self, platform: Platform, groups: Groups) -> None:
        self._parts, self._groups = platform.parts, groups
        self._subscriptions = platform.parts.subscriptions
        self._fleets: dict[str, FleetBodies] = {}
        #: Products that go to the default group because nobody has said otherwise, as soon as somebody comes for them.
        self._dormant: set[str] = set()
        for group in self._subscriptions.groups:
            groups.create(group.key)
        events = platform.events
        events.subscribe(ConsumerGroupChanged, lambda event: groups.create(event.group.key))
        events.subscribe(ConsumerGroupDeleted, lambda event: groups.delete(event.group.key))
        events.subscribe(SubscriptionChanged, self._changed)
        events.subscribe(SubscriptionDeleted, self._changed)
        events.subscribe(MessageForwarded, self._forward, before_ack=True)
        events.subscribe(ForGroup, self._for_group, before_ack=True)
        platform.parts.forwarded.wanted_by(lambda product, kind: bool(self._keys(product, kind)))

    def add_fleet(self, product: Product, names: NDArray[np.bytes_]) -> None:
        """Forward what the vehicles `names`, shape (n,), of this product say, as well."""
        if not self._fleets:
            events = self._parts.events
            events.subscribe(TelemetryBatch, self._take_batch)
            events.subscribe(SimulatedEvent, self._take_event)
            events.subscribe(FleetPresence, self._take_presence)
            events.subscribe(VehiclesPresence, self._take_vehicles)
        calls, sources = self._parts.calls, self._parts.forwarded.sources
        self._fleets[product.key] = FleetBodies(product, names, sources, calls.new_ids)

    def subscribe_default(self, product_key: str) -> None:
        """Forward everything of a product to the default group, from the moment when it has a consumer or somebody
        subscribes the product: a fleet that nobody consumes is to cost nothing. Kept nowhere."""
        self._subscriptions.provide(product_key, DEFAULT_GROUP)
        self._dormant.add(product_key)

    def tick(self) -> None:
        """A second has passed: see whether the default group has a consumer."""
        if self._dormant:
            group = self._groups.group(DEFAULT_GROUP)
            if group is not None and group.attended:
                self._dormant.clear()
                self._parts.forwarded.reconsider()

    def _changed(self, event: SubscriptionChanged | SubscriptionDeleted) -> None:
        self._dormant.discard(event.relation.product_key)
        self._parts.forwarded.reconsider()

    def _keys(self, product_key: str, kind: str) -> tuple[str, ...]:
        """Keys of the groups that get messages of this product and kind now."""
        return () if product_key in self._dormant else self._subscriptions.groups_for(product_key, kind)

    def _forward(self, message: MessageForwarded) -> None:
        data = encode_message(message.topic, message.message_id, message.generated_ms, _QOS, message.body)
        passing = message.device.product.devices.simulated
        one = Messages.single(data, message.generated_ms)
        for key in self._keys(message.device.product.key, message.kind):
            self._groups.put(key, one, passing=passing)

    def _for_group(self, message: ForGroup) -> None:
        data = encode_message(message.topic, message.message_id, message.generated_ms, _QOS, message.body)
        self._groups.put(message.group_id, Messages.single(data, message.generated_ms))

    # What simulated vehicles say.

    def _take_batch(self, heard: TelemetryBatch) -> None:
        keys = self._keys(heard.product_key, "device_data")
        fleet = self._fleets.get(heard.product_key)
        if keys and fleet is not None and len(heard.said):
            render = fleet.posts if heard.said.kind == "property_post" else fleet.payloads
            self._put_all(keys, render(heard.said, self._parts.now_ms()))

    def _take_event(self, event: SimulatedEvent) -> None:
        keys = self._keys(event.product_key, "device_data")
        fleet = self._fleets.get(event.product_key)
        if keys and fleet is not None:
            self._put_all(keys, [fleet.event(event, self._parts.now_ms())])

    def _take_presence(self, event: FleetPresence) -> None:
        """Vehicles that have a connection of their own come and go by themselves."""
        for product_key, fleet in self._fleets.items():
            keys = self._keys(product_key, "status")
            if keys:
                vehicles = self._spoken_for(product_key)
                self._put_all(keys, fleet.presence(vehicles, event.time_ms, event.time_ms, online=event.online))

    def _take_vehicles(self, event: VehiclesPresence) -> None:
        """Some of them come and go with their network."""
        keys, fleet = self._keys(event.product_key, "status"), self._fleets.get(event.product_key)
        if keys and fleet is not None:
            now_ms, online, reason = self._parts.now_ms(), event.online, event.reason
            self._put_all(keys, fleet.presence(event.vehicles, now_ms, event.time_ms, online=online, reason=reason))

    def _spoken_for(self, product_key: str) -> NDArray[np.int32]:
        devices = self._parts.registry.products[product_key].devices
        assert isinstance(devices, FleetDevices)
        away = self._parts.presence.away.rows(product_key)
        there = np.ones(len(devices), bool) if away is None else ~away
        for identity in self._parts.presence.connected_devices(product_key):
            row = devices.row(identity.partition("/")[2])
            if row is not None:
                there[row] = False
        return np.flatnonzero(there).astype(np.int32)

    def _put_all(self, keys: Iterable[str], blocks: Iterable[Messages]) -> None:
        for block in blocks:
            for key in keys:
                self._groups.put(key, block, passing=True)
