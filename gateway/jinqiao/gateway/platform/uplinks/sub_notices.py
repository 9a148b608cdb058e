"""What a gateway is told about its sub-devices: topology that changed, life cycles, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.json_values import compact

if TYPE_CHECKING:
    from jinqiao.gateway.platform.house import House
    from jinqiao.gateway.platform.registry.registry import Device

__all__ = [
    "ABOUT",
    "error_downlink",
    "names_of",
    "notify_topology",
    "tell_life_cycle",
    "tell_topology_change",
]

#: `status` of `thing.topo.change`.
ABOUT = {"create": 0, "delete": 1, "enable": 2, "disable": 8}


def error_downlink(gateway: Device, device_names: tuple[str, str], code: int, text: str, message_id: str) -> Downlink:
    """`/ext/error/{gateway}`: what is wrong with one of its sub-devices."""
    data = {"productKey": device_names[0], "deviceName": device_names[1]}
    body = {"id": message_id, "code": code, "message": text, "data": data}
    return Downlink(f"/ext/error/{gateway.identity}", compact(body))


def notify_topology(house: House, gateway: Device, devices: Iterable[Device]) -> None:
    """`thing.topo.add.notify`: the cloud side asks a gateway to bind these sub-devices."""
    _ask(house, gateway, "thing/topo/add/notify", names_of(devices))


def tell_topology_change(house: House, gateway: Device, devices: Iterable[Device], about: str) -> None:
    """`thing.topo.change`: what has become of a gateway's sub-devices (a key of ABOUT)."""
    _ask(house, gateway, "thing/topo/change", {"status": ABOUT[about], "subList": names_of(devices)})


def _ask(house: House, device: Device, suffix: str, params: Any) -> None:
    request = {"id": house.calls.new_id(), "version": "1.0", "params": params, "method": suffix.replace("/", ".")}
    house.send(Downlink(f"/sys/{device.identity}/{suffix}", compact(request)))


def tell_life_cycle(house: House, device: Device, what: str) -> None:
    """`thing.disable`, `thing.enable`, `thing.delete`: on the sub-device's own topic, over its gateway's connection."""
    _ask(house, device, f"thing/{what}", {})


def names_of(devices: Iterable[Device]) -> list[dict[str, str]]:
    """Devices as messages name them."""
    return [{"productKey": device.product.key, "deviceName": device.name} for device in devices]
