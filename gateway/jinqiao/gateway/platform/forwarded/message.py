"""What a body is made from: the parts it asks, and the message that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..devices.states import DeviceStates
from ..devices.topology import Topology
from ..registry.record import iot_id
from ..registry.records import Records
from ..registry.registry import Device, Registry
from ..upgrades.rollout import Rollout

__all__ = ["Message", "Sources", "id_of", "named"]


class Message(NamedTuple):
    """A message that may be forwarded. `body` is given where a payload is passed on untouched."""

    kind: str
    topic: str
    device: Device
    values: Mapping[str, Any] | None
    now_ms: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Sources:
    """What bodies say beside their event: how things stand before the change that the event announces."""

    registry: Registry
    records: Records
    states: DeviceStates
    topology: Topology
    rollout: Rollout
    now_ms: Callable[[], int]


#: Ids by product and name: each costs a hash. Bounded, because a fleet of a million may post.
_MOST_IDS = 100_000
_ids: dict[tuple[str, str], str] = {}


def id_of(device: Device) -> str:
    """The device's `iotId`."""
    return named(device.product.key, device.name)


def named(product_key: str, device_name: str) -> str:
    """The `iotId` of the device of these names."""
    names = product_key, device_name
    found = _ids.get(names)
    if found is None:
        if len(_ids) >= _MOST_IDS:
            _ids.clear()
        found = _ids[names] = iot_id(*names)
    return found
