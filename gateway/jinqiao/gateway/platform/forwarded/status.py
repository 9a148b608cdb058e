"""Bodies of a device's coming and going."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..events import Offline, Online
from ..registry.registry import Device
from .message import Message, Sources, id_of
from .times import region_time, utc_time

__all__ = ["FLEET_ADDRESS", "offline", "online", "status"]

#: Where simulated vehicles connect from.
FLEET_ADDRESS = "127.0.0.1"


def online(_: Sources, said: Online) -> Iterator[Message]:
    """`/as/mqtt/status/…`: online."""
    yield status(said.device, said.time_ms, said.address)


def offline(sources: Sources, said: Offline) -> Iterator[Message]:
    """`/as/mqtt/status/…`: offline, and why."""
    yield status(said.device, said.time_ms, sources.records.of(said.device).address, said.reason)


def status(device: Device, time_ms: int, address: str, reason: int | None = None) -> Message:
    """A change of status; offline where there is a reason. Its time and the last communication are one moment here."""
    local, utc = region_time(time_ms), utc_time(time_ms)
    values: dict[str, Any] = {"status": "online" if reason is None else "offline", "iotId": id_of(device)}
    if reason is not None:
        values["offlineReasonCode"] = reason
    values |= {
        "productKey": device.product.key,
        "deviceName": device.name,
        "time": local,
        "utcTime": utc,
        "lastTime": local,
        "utcLastTime": utc,
        "clientIp": address,
    }
    return Message("status", f"/as/mqtt/status/{device.identity}", device, values, time_ms)
