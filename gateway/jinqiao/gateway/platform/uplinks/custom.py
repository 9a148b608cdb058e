"""Custom topics, which are the product's own: who subscribes to them with a broker needs no help; back ends do."""

from __future__ import annotations

from collections.abc import Iterable

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.events import CustomMessage

from .uplink import Uplink

__all__ = ["forward_custom"]


def forward_custom(uplink: Uplink) -> Iterable[Downlink]:
    """`/{pk}/{dn}/user/…`: reported with its payload as it is, and nothing is answered."""
    parts = uplink.parts
    parts.events.change(CustomMessage, uplink.device, uplink.topic, uplink.payload, parts.now_ms()).done()
    return ()
