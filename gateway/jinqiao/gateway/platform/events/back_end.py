"""What goes to a customer's back end, and who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..registry.registry import Device
from ..subscriptions.definitions import ConsumerGroupDefinition, SubscribeRelation
from .base import PlatformEvent

__all__ = [
    "ConsumerGroupChanged",
    "ConsumerGroupDeleted",
    "ForGroup",
    "MessageForwarded",
    "SubscriptionChanged",
    "SubscriptionDeleted",
]


@dataclass(frozen=True, slots=True)
class MessageForwarded(PlatformEvent):
    """A message to who subscribes to it: server-side subscription, rules.

    It is announced before what it reports is changed and acknowledged, so that a listener of `before_ack` can keep it
    first. Of devices that speak for themselves, and only where somebody wants their product and kind
    (`Forwarded.wanted_by`); what simulated vehicles say is a `TelemetryBatch`, `SimulatedEvent` or `FleetPresence`.

    `kind` is what subscribes it (`platform.forwarded.kinds`), `topic` is without `/sys`. Of a topology `device` is the
    gateway. `body` is compact JSON, and `values` the same before it was encoded; None for a payload that is passed on
    untouched. `message_id` has 19 digits.
    """

    kind: str
    topic: str
    device: Device
    body: bytes
    values: Mapping[str, Any] | None
    message_id: str
    generated_ms: int


@dataclass(frozen=True, slots=True)
class ConsumerGroupChanged(PlatformEvent):
    """There is a consumer group, or it has another name."""

    group: ConsumerGroupDefinition


@dataclass(frozen=True, slots=True)
class ConsumerGroupDeleted(PlatformEvent):
    """There is no such group any more, and what waits for it is nobody's."""

    group: ConsumerGroupDefinition


@dataclass(frozen=True, slots=True)
class SubscriptionChanged(PlatformEvent):
    """A product's messages go to other groups, or others of them do."""

    relation: SubscribeRelation


@dataclass(frozen=True, slots=True)
class SubscriptionDeleted(PlatformEvent):
    """A product's messages go to nobody any more, as far as this owner's relation goes."""

    relation: SubscribeRelation


@dataclass(frozen=True, slots=True)
class ForGroup(PlatformEvent):
    """A message for one consumer group, whatever that is subscribed to: what a rule has made of another."""

    group_id: str
    topic: str
    body: bytes
    message_id: str
    generated_ms: int
