"""What the platform sends to devices of its own accord: requests and notices that nobody waits for an answer to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jinqiao.gateway.broker.policy import Downlink
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.json_values import compact

from .calls import Calls
from .devices.ota import Upgrade
from .devices.shadow import Shadow
from .outbound import Outbound
from .registry.registry import Device

__all__ = ["ABOUT", "Notices", "names_of", "shadow_downlink", "upgrade_downlink", "upgrade_topic"]

#: `status` of `thing.topo.change`.
ABOUT = {"create": 0, "delete": 1, "enable": 2, "disable": 8}


class Notices:
    """One method a notice."""

    def __init__(self, out: Outbound, calls: Calls) -> None:
        self._out, self._calls = out, calls

    def ask(self, device: Device, path: str, params: Any) -> str:
        """An Alink request; `path` is what follows the device's name in the topic. Returns its id."""
        message_id = self._calls.new_id()
        request = {
            "id": message_id,
            "version": "1.0",
            "params": params,
            "method": path.replace("/", "."),
        }
        self._out.send(Downlink(f"/sys/{device.identity}/{path}", compact(request)))
        return message_id

    def error(self, gateway: Device, sub_device: tuple[str, str], code: int) -> None:
        """`/ext/error/{gateway}`: what is wrong with one of its sub-devices (product key, device name)."""
        data = {"productKey": sub_device[0], "deviceName": sub_device[1]}
        body = {"id": self._calls.new_id(), "code": code, "message": TEXT[code], "data": data}
        self._out.send(Downlink(f"/ext/error/{gateway.identity}", compact(body)))

    def add_topology(self, gateway: Device, devices: Iterable[Device]) -> str:
        """`thing.topo.add.notify`: the cloud side asks a gateway to bind these sub-devices; the message's id."""
        return self.ask(gateway, "thing/topo/add/notify", names_of(devices))

    def topology_changed(self, gateway: Device, devices: Iterable[Device], about: str) -> None:
        """`thing.topo.change`: what has become of a gateway's sub-devices (a key of ABOUT)."""
        self.ask(gateway, "thing/topo/change", {"status": ABOUT[about], "subList": names_of(devices)})

    def life_cycle(self, device: Device, what: str) -> None:
        """`thing.disable`, `.enable`, `.delete`: on the sub-device's own topic, over its gateway's connection."""
        self.ask(device, f"thing/{what}", {})

    def shadow_wishes(self, device: Device, shadow: Shadow, now_ms: int) -> None:
        """What a device is sent when it comes online: its wishes, if there are any."""
        if shadow.desired:
            self._out.send(shadow_downlink(device, shadow.control(now_ms // 1_000)))


def shadow_downlink(device: Device, message: dict[str, Any]) -> Downlink:
    """A message about a device's shadow."""
    return Downlink(f"/shadow/get/{device.identity}", compact(message), qos=1)


def upgrade_topic(device: Device) -> str:
    """Where a device hears of upgrades."""
    return f"/ota/device/upgrade/{device.identity}"


def upgrade_downlink(device: Device, upgrade: Upgrade, message_id: str) -> Downlink:
    """The notice of an upgrade. Its id is a bare number, as in all official SDKs, of which one keeps 32 bits."""
    body = {"code": "1000", "data": upgrade.firmware.data(), "id": int(message_id) % 2**31, "message": "success"}
    return Downlink(upgrade_topic(device), compact(body), qos=1)


def names_of(devices: Iterable[Device]) -> list[dict[str, str]]:
    """Devices as messages name them."""
    return [{"productKey": device.product.key, "deviceName": device.name} for device in devices]
