"""The notes about all devices, and the way back from a cloud side's id to its device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ..events import RecordChanged
from ..listeners import Events
from .devices import Devices
from .record import DeviceRecord, iot_id
from .registry import Device, Registry

__all__ = ["IotIds", "Records"]


class Follower(Protocol):
    """Who is to know of every record, those that were kept before included."""

    def put(self, identity: str, record: DeviceRecord | None) -> None:
        """A device has this record now; None: it is not there any more."""


class Records:
    """What is noted about each device, by identity. A note is announced, and kept, before it is made."""

    def __init__(self, events: Events, now_ms: Callable[[], int], follower: Follower | None = None) -> None:
        self._events, self._now_ms, self._follower = events, now_ms, follower
        self._records: dict[str, DeviceRecord] = {}
        self._registered_by: Counter[str] = Counter()

    def of(self, device: Device) -> DeviceRecord:
        """An empty record, kept nowhere, when nothing is noted."""
        return self._records.get(device.identity) or DeviceRecord()

    def get(self, identity: str) -> DeviceRecord | None:
        return self._records.get(identity)

    def is_disabled(self, identity: str) -> bool:
        """Whether this device may not connect."""
        record = self._records.get(identity)
        return record is not None and record.disabled

    def note(self, device: Device, **facts: Any) -> DeviceRecord:
        """Note facts about a device: fields of DeviceRecord."""
        known = self._records.get(device.identity) or DeviceRecord(created_ms=self._now_ms())
        record = replace(known, **facts)
        announced = self._events.change(RecordChanged, device, record)
        self._events.make(partial(self._put, device.identity, record))
        announced.done()
        return record

    def _put(self, identity: str, record: DeviceRecord) -> None:
        before, self._records[identity] = self._records.get(identity), record
        self._count(before, -1)
        self._count(record, 1)
        if self._follower is not None:
            self._follower.put(identity, record)

    def _count(self, record: DeviceRecord | None, step: int) -> None:
        if record is not None and record.registered_by:
            self._registered_by[record.registered_by] += step

    def registered_by(self, gateway: str) -> int:
        """How many devices this gateway has registered that are there."""
        return self._registered_by[gateway]

    def note_online(self, device: Device, address: str = "") -> None:
        """The device is online: the first time it is activated, which is kept; later times are only remembered."""
        now_ms = self._now_ms()
        record = self._records.get(device.identity)
        if record is None or not record.activated_ms:
            self.note(device, activated_ms=now_ms, online_ms=now_ms, address=address)
        else:
            self._events.make(partial(self._put, device.identity, replace(record, online_ms=now_ms, address=address)))

    def restore(self, identity: str, record: DeviceRecord) -> None:
        """Take over what was kept; nobody is notified."""
        self._put(identity, record)

    def forget(self, device: Device) -> None:
        self._count(self._records.pop(device.identity, None), -1)
        if self._follower is not None:
            self._follower.put(device.identity, None)


#: Ids of deleted devices that are kept at least.
_STALE = 10_000


class IotIds:
    """From an id back to its device. After a miss the ids of those that came since the last one are worked out."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._names: dict[str, tuple[str, str]] = {}
        #: By product key: the devices, and how many of them had been added when they were last looked at.
        self._seen: dict[str, tuple[Devices, int]] = {}

    def find(self, wanted: str) -> Device | None:
        known = self._names.get(wanted)
        if known is None:
            self._look()
            known = self._names.get(wanted)
        return self._registry.device(*known) if known is not None else None

    def _look(self) -> None:
        products = self._registry.products.items()
        if len(self._names) > _STALE + 2 * sum(len(product.devices) for _, product in products):
            self._names, self._seen = {}, {}  # most of them are of devices that were deleted
        for key, product in products:
            devices = product.devices
            before, seen = self._seen.get(key, (None, 0))
            fresh = devices.added if before is not devices else devices.added - seen
            if fresh:
                self._seen[key] = devices, devices.added
                self._names.update((iot_id(key, name), (key, name)) for name in devices.newest(fresh))
