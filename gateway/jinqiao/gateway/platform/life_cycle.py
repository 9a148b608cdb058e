"""Devices that are disabled, enabled or deleted: they are put out, and the gateway of a sub-device is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from jinqiao.wire.alink.codes import TEXT

from .uplinks.sub_devices import release
from .uplinks.sub_notices import error_downlink, tell_life_cycle, tell_topology_change

if TYPE_CHECKING:
    from .platform import Platform
    from .registry.registry import Device

__all__ = ["LifeCycle", "life_cycle"]

LifeCycle = Literal["disable", "enable", "delete"]

#: What a gateway hears on `/ext/error` of a sub-device whose session is ended thereby.
_ERRORS = {"disable": 522, "delete": 521}


def life_cycle(house: Platform, device: Device, what: LifeCycle) -> None:
    """Act on what has become of a device; that a device is deleted from the registry is the caller's part."""
    identity = house.gateways.gateway_of(device.identity)
    gateway = house.registry.device(*identity.split("/", 1)) if identity is not None else None
    if gateway is not None:
        tell_life_cycle(house, device, what)
        tell_topology_change(house, gateway, [device], what)
        code = _ERRORS.get(what)
        if code is not None and house.gateways.log_out(device.identity):
            names = (device.product.key, device.name)
            house.send(error_downlink(gateway, names, code, TEXT[code], house.calls.new_id()))
            house.sub_device_went(gateway, device)
    if what == "delete":
        for sub_device in house.gateways.bound_to(device.identity):
            release(house, sub_device)
        release(house, device)
        house.forget_state(device)
    else:
        house.note(device, disabled=what == "disable")
    if what != "enable":
        house.close_session(device.identity)
