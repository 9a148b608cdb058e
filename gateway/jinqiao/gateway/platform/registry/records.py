"""The notes about all devices, and the way back from a cloud side's id to its device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

from ..events import RecordChanged
from ..listeners import Events
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


class IotIds:
    """From an id back to its device. The ids are worked out when the first one is asked for, and again after a miss."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._names: dict[str, tuple[str, str]] = {}
        self._counted = -1

    def find(self, wanted: str) -> Device | None:
        known = self._names.get(wanted)
        if known is None and (count := self._count()) != self._counted:
            self._counted = count
            self._names = {iot_id(*names): names for names in self._all()}
            known = self._names.get(wanted)
        return self._registry.device(*known) if known is not None else None

    def _count(self) -> int:
        return sum(len(product.devices) for product in self._registry.products.values())

    def _all(self) -> Iterable[tuple[str, str]]:
        for product in self._registry.products.values():
            for name in product.devices:
                yield product.key, name
