"""The shadow, as a device and the cloud side change it."""

from __future__ import annotations

from typing import Any

from ..devices.shadow import SHADOW_TEXT
from ..notices import shadow_downlink
from ..parts import Parts
from ..registry.registry import Device

__all__ = ["change_shadow"]


def change_shadow(parts: Parts, device: Device, message: bytes, *, from_cloud: bool = False) -> dict[str, Any]:
    """Apply a shadow message; returns the reply. New wishes go out to a device that is online."""
    now_s = parts.now_ms() // 1_000
    with parts.states.changing(device, "shadow") as draft:
        shadow = draft.shadow
        applied = shadow.apply(message, now_s, from_cloud=from_cloud)
    if applied.code != 200:
        topic = f"/shadow/update/{device.identity}"
        parts.log.record(device.product.key, device.name, topic, applied.code, SHADOW_TEXT[applied.code])
    if applied.wished and parts.presence.is_online(device):
        parts.out.send(shadow_downlink(device, shadow.control(now_s)))
    return shadow.reply(applied, now_s)
