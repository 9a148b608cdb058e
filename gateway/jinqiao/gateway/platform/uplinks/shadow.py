"""The shadow's topics: up `/shadow/update/{pk}/{dn}`, down `/shadow/get/{pk}/{dn}`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.shadow import SHADOW_TEXT, Shadow, refusal
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.json_values import compact

from .uplink import House, Uplink

__all__ = ["change_shadow", "shadow_wishes", "update_shadow"]


def update_shadow(uplink: Uplink) -> Iterable[Downlink]:
    """A device reports, asks, deletes, or takes its wishes back; it is answered with the shadow's own codes."""
    if not uplink.house.admits_shadow(uplink.device):
        uplink.record(429, SHADOW_TEXT[429])
        return (_downlink(uplink.device, refusal(429, uplink.house.now_ms() // 1_000)),)
    reply = change_shadow(uplink.house, uplink.device, uplink.payload)
    return (_downlink(uplink.device, reply),)


def change_shadow(house: House, device: Device, message: bytes, *, from_cloud: bool = False) -> dict[str, Any]:
    """Apply a shadow message and keep what changed; returns the reply. New wishes go out to a device that is online."""
    shadow = house.state(device.product.key, device.name).shadow
    now_s = house.now_ms() // 1_000
    applied = shadow.apply(message, now_s, from_cloud=from_cloud)
    if applied.code != 200:
        topic = f"/shadow/update/{device.identity}"
        house.record(device.product.key, device.name, topic, applied.code, SHADOW_TEXT[applied.code])
    if applied.changed:
        house.keep(device, "shadow")
    if applied.wished and house.is_online(device):
        house.send(_downlink(device, shadow.control(now_s)))
    return shadow.reply(applied, now_s)


def shadow_wishes(device: Device, shadow: Shadow, now_ms: int) -> Iterable[Downlink]:
    """What a device is told when it comes online: its wishes, if there are any."""
    return (_downlink(device, shadow.control(now_ms // 1_000)),) if shadow.desired else ()


def _downlink(device: Device, message: dict[str, Any]) -> Downlink:
    return Downlink(f"/shadow/get/{device.identity}", compact(message), qos=1)
