"""The shadow's topic: a device reports, asks, deletes, or takes its wishes back."""

from __future__ import annotations

from collections.abc import Iterable

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.platform.devices.shadow import SHADOW_TEXT, refusal
from jinqiao.gateway.platform.notices import shadow_downlink
from jinqiao.gateway.platform.operations.shadow import change_shadow

from .uplink import Uplink

__all__ = ["update_shadow"]


def update_shadow(uplink: Uplink) -> Iterable[Downlink]:
    """A device reports, asks, deletes, or takes its wishes back; it is answered with the shadow's own codes."""
    parts, device = uplink.parts, uplink.device
    if not parts.quotas.admits_shadow(device):
        return (_refused(uplink, 429, SHADOW_TEXT[429]),)
    try:
        return (shadow_downlink(device, change_shadow(parts, device, uplink.payload)),)
    except EnvironmentFault as fault:  # it could not be kept, so it has not happened
        return (_refused(uplink, 500, str(fault)),)


def _refused(uplink: Uplink, code: int, why: str) -> Downlink:
    uplink.record(code, why)
    return shadow_downlink(uplink.device, refusal(code, uplink.parts.now_ms() // 1_000))
