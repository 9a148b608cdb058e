"""Devices come, go, and are renamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..registry.record import DeviceRecord
from ..registry.registry import Device
from .base import PlatformEvent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Deleted",
    "Disabled",
    "FleetPresence",
    "Offline",
    "Online",
    "RecordChanged",
    "Registered",
    "VehiclesPresence",
]


@dataclass(frozen=True, slots=True)
class Registered(PlatformEvent):
    """A device is registered."""

    device: Device


@dataclass(frozen=True, slots=True)
class Deleted(PlatformEvent):
    """A device is deleted, and with it everything that is remembered of it."""

    device: Device


@dataclass(frozen=True, slots=True)
class Disabled(PlatformEvent):
    """A device may not connect any more (`disabled`), or may again."""

    device: Device
    disabled: bool


@dataclass(frozen=True, slots=True)
class RecordChanged(PlatformEvent):
    """What is noted about a device has changed: nickname, activation, token, whether it is disabled."""

    device: Device
    record: DeviceRecord


@dataclass(frozen=True, slots=True)
class Online(PlatformEvent):
    """A device is connected, by a connection of its own, its gateway's, or another protocol."""

    device: Device
    time_ms: int
    address: str = ""


@dataclass(frozen=True, slots=True)
class Offline(PlatformEvent):
    """It is not any more. `reason` is the platform's code for that: 427 for another login of the device, 521 for one
    that is deleted, 522 for one that is disabled, 520 for a sub-device without its gateway, else 400.
    """

    device: Device
    time_ms: int
    reason: int = 400


@dataclass(frozen=True, slots=True)
class FleetPresence(PlatformEvent):
    """The simulator has come or gone, and with it all vehicles of its products that have no connection of their own."""

    online: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class VehiclesPresence(PlatformEvent):
    """Simulated vehicles that share their simulator's connection have come or gone by themselves: rows `vehicles`,
    shape (m,), of `FleetDevices`, with their `names`. They may be many: a listener works on columns.

    `time_ms` is simulated UTC, as all that vehicles say; `reason` is that of `Offline`.
    """

    product_key: str
    vehicles: NDArray[np.int32]
    names: Sequence[str]
    online: bool
    time_ms: int
    reason: int = 400
