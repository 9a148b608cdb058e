"""Firmware over the air (document 89307): what is offered to a device, the notice's form, and how far it has come.

A device is notified once online, says how far it is (`progress`), and proves success by reporting the new version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import Any

import orjson

from jinqiao.wire.alink.limits import DEFAULT_MODULE

__all__ = ["FAILURE_STEPS", "Firmware", "Status", "Upgrade", "Upgrades"]

#: Steps below 0 and what failed.
FAILURE_STEPS: Mapping[int, str] = {-1: "upgrade", -2: "download", -3: "verification", -4: "installation"}


class Status(StrEnum):
    """Where a device's upgrade stands: waits for somebody to confirm it, waits for the device …"""

    CONFIRM = "CONFIRM"
    QUEUED = "QUEUED"
    NOTIFIED = "NOTIFIED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def is_over(self) -> bool:
        return self in _OVER


#: Upgrades in these states are over.
_OVER = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})
#: Upgrades that are over and remembered, of one device.
_MOST_PAST = 20


@dataclass(frozen=True, slots=True)
class Firmware:
    """One image. `sign` is hex of `sign_method` (`SHA256` or `Md5`: one official SDK refuses the spelling `MD5`).

    With a `stream_id` the device fetches it by MQTT.
    """

    version: str
    size: int
    url: str
    sign: str
    sign_method: str = "SHA256"
    module: str = DEFAULT_MODULE
    is_diff: bool = False
    digest_sign: str = ""
    ext_data: Mapping[str, Any] = field(default_factory=dict)
    stream_id: int = 0

    def data(self) -> dict[str, Any]:
        """The notice's `data`."""
        data: dict[str, Any] = {
            "size": self.size,
            "version": self.version,
            "isDiff": int(self.is_diff),
            "url": self.url,
            "signMethod": self.sign_method,
            "sign": self.sign,
            "module": self.module,
        }
        if self.sign_method.upper() == "MD5":
            data["md5"] = self.sign
        if self.digest_sign:
            data["digestsign"] = self.digest_sign
        if self.ext_data:
            data["extData"] = dict(self.ext_data)
        if self.stream_id:
            data |= {"dProtocol": "mqtt", "streamId": self.stream_id, "streamFileId": 1}
        return data


@dataclass(slots=True)
class Upgrade:
    """A firmware on its way to one device: a task of a job, if it has one. Times in UTC ms; without `push` the device
    is not notified, but asks."""

    firmware: Firmware
    job_id: str = ""
    task_id: str = ""
    status: Status = Status.QUEUED
    step: int = 0
    description: str = ""
    source_version: str = ""
    firmware_id: str = ""
    created_ms: int = 0
    modified_ms: int = 0
    push: bool = True
    retries: int = 0

    @property
    def is_over(self) -> bool:
        return self.status.is_over


@dataclass(slots=True)
class Upgrades:
    """The latest upgrade of each module of a device, and what there was before, oldest first."""

    of_module: dict[str, Upgrade] = field(default_factory=dict)
    past: tuple[Upgrade, ...] = ()

    @property
    def pending(self) -> dict[str, Upgrade]:
        """Those that are not over."""
        return {module: upgrade for module, upgrade in self.of_module.items() if not upgrade.is_over}

    @property
    def offered(self) -> dict[str, Upgrade]:
        """Those that are not over and that the device may know of."""
        return {module: one for module, one in self.pending.items() if one.status is not Status.CONFIRM}

    def all(self) -> Iterator[Upgrade]:
        """The past ones first."""
        yield from self.past
        yield from self.of_module.values()

    def offer(self, upgrade: Upgrade) -> None:
        """Begin an upgrade. An older one of the same module is over; it is remembered if it is a job's."""
        former = self.of_module.get(upgrade.firmware.module)
        if former is not None and former.job_id:
            if not former.is_over:
                former.status, former.description = Status.CANCELED, "another upgrade was begun"
                former.modified_ms = upgrade.created_ms
            self.note(former)
        self.of_module[upgrade.firmware.module] = upgrade

    def note(self, upgrade: Upgrade) -> None:
        """Remember one that is over; the oldest is forgotten."""
        self.past = (*self.past, upgrade)[-_MOST_PAST:]

    def progress(self, module: str, step: int, description: str, now_ms: int = 0) -> Upgrade | None:
        """The device says how far it is; None if nothing is under way."""
        upgrade = self.offered.get(module)
        if upgrade is None:
            return None
        if upgrade.status is not Status.IN_PROGRESS or step < 0:
            upgrade.modified_ms = now_ms  # a time-out counts from the first step
        upgrade.step, upgrade.description = step, description
        upgrade.status = Status.FAILED if step < 0 else Status.IN_PROGRESS
        return upgrade

    def informed(self, module: str, version: str, now_ms: int = 0) -> Upgrade | None:
        """The device runs this version: the upgrade to it has succeeded, whatever was said before; else None."""
        upgrade = self.of_module.get(module)
        if upgrade is None or upgrade.firmware.version != version or upgrade.status is Status.SUCCEEDED:
            return None
        upgrade.status, upgrade.step, upgrade.modified_ms = Status.SUCCEEDED, 100, now_ms
        return upgrade

    def task(self, task_id: str) -> Upgrade | None:
        """The upgrade of this task, if it is a module's latest."""
        return next((upgrade for upgrade in self.of_module.values() if upgrade.task_id == task_id), None)

    def dump(self) -> dict[str, Any]:
        """As plain JSON values; the past ones where no module is."""
        past = {_PAST: [_plain(upgrade) for upgrade in self.past]} if self.past else {}
        return {module: _plain(upgrade) for module, upgrade in self.of_module.items()} | past

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Upgrades:
        latest = {module: _upgrade(value) for module, value in values.items() if module != _PAST}
        return cls(latest, tuple(_upgrade(value) for value in values.get(_PAST, ())))


#: No module's name.
_PAST = ""


def _plain(upgrade: Upgrade) -> dict[str, Any]:
    return {**asdict(upgrade), "status": upgrade.status.value}


def _upgrade(values: Mapping[str, Any]) -> Upgrade:
    firmware = _firmware(orjson.dumps(values["firmware"]))
    return Upgrade(**{**values, "firmware": firmware, "status": Status(values["status"])})


@lru_cache(maxsize=64)
def _firmware(dumped: bytes) -> Firmware:
    """A job's image is one and the same for 100,000 devices."""
    return Firmware(**orjson.loads(dumped))
