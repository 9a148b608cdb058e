"""Bodies of a device's life: registered, disabled, enabled, deleted; bound to a gateway, and found by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..events import Deleted, Disabled, Registered, SubDevicesFound, TopologyChanged
from ..registry.registry import Device
from .message import Message, Sources, id_of, named

__all__ = ["deleted", "disabled", "found", "registered", "topology"]


def registered(sources: Sources, said: Registered) -> Iterator[Message]:
    """`thing/lifecycle`: create, with the device's secret."""
    yield _lifecycle(sources, "create", said.device, deviceSecret=said.device.secret)


def disabled(sources: Sources, said: Disabled) -> Iterator[Message]:
    """`thing/lifecycle`: disable or enable; of a sub-device its gateway's topology changes as well."""
    action = "disable" if said.disabled else "enable"
    yield _lifecycle(sources, action, said.device)
    yield from _topology(sources, action, sources.topology.gateway_of(said.device.identity), said.device)


def deleted(sources: Sources, said: Deleted) -> Iterator[Message]:
    """`thing/lifecycle`: delete; a sub-device leaves its gateway's topology."""
    yield _lifecycle(sources, "delete", said.device)
    yield from _topology(sources, "remove", sources.topology.gateway_of(said.device.identity), said.device)


def topology(sources: Sources, said: TopologyChanged) -> Iterator[Message]:
    """`thing/topo/lifecycle` of the gateway that the sub-device leaves, and of the one that it is bound to."""
    before = sources.topology.gateway_of(said.device.identity)
    if before != said.value:
        yield from _topology(sources, "remove", before, said.device)
        yield from _topology(sources, "add", said.value, said.device)


def found(_: Sources, said: SubDevicesFound) -> Iterator[Message]:
    """`thing/list/found`: what a gateway has found, registered or not."""
    values = {**_gateway(said.gateway), "devices": _devices(said.found)}
    yield Message("found", f"/{said.gateway.identity}/thing/list/found", said.gateway, values, said.now_ms)


def _lifecycle(sources: Sources, action: str, device: Device, **more: str) -> Message:
    now_ms = sources.now_ms()
    values = {
        "action": action,
        "iotId": id_of(device),
        "productKey": device.product.key,
        "deviceName": device.name,
        **more,
        "messageCreateTime": now_ms,
    }
    return Message("lifecycle", f"/{device.identity}/thing/lifecycle", device, values, now_ms)


def _topology(sources: Sources, action: str, gateway: str | None, device: Device) -> Iterator[Message]:
    """Nothing where there is no gateway, or it is deleted itself."""
    known = sources.registry.device(*gateway.split("/", 1)) if gateway else None
    if known is None:
        return
    now_ms = sources.now_ms()
    values = {
        "action": action,
        **_gateway(known),
        "devices": _devices([(device.product.key, device.name)]),
        "messageCreateTime": now_ms,
    }
    yield Message("topo", f"/{known.identity}/thing/topo/lifecycle", known, values, now_ms)


def _gateway(gateway: Device) -> dict[str, Any]:
    return {"gwIotId": id_of(gateway), "gwProductKey": gateway.product.key, "gwDeviceName": gateway.name}


def _devices(names: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"iotId": named(*each), "productKey": each[0], "deviceName": each[1]} for each in names]
