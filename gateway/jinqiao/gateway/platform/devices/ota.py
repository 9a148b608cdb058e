"""Firmware over the air (document 89307): what is offered to a device, the notice's form, and how far it has come.

A device is notified once online, says how far it is (`progress`), and proves success by reporting the new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from jinqiao.wire.alink.limits import DEFAULT_MODULE

__all__ = ["FAILURE_STEPS", "Firmware", "Status", "Upgrade", "Upgrades"]

#: Steps below 0 and what failed.
FAILURE_STEPS: Mapping[int, str] = {-1: "upgrade", -2: "download", -3: "verification", -4: "installation"}


class Status(StrEnum):
    """Where a device's upgrade stands."""

    QUEUED = "QUEUED"
    NOTIFIED = "NOTIFIED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


#: Upgrades in these states are over.
_OVER = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELED})


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
    """A firmware on its way to one device."""

    firmware: Firmware
    job_id: str = ""
    task_id: str = ""
    status: Status = Status.QUEUED
    step: int = 0
    description: str = ""
    source_version: str = ""

    @property
    def is_over(self) -> bool:
        return self.status in _OVER


@dataclass(slots=True)
class Upgrades:
    """The latest upgrade of each module of a device."""

    of_module: dict[str, Upgrade] = field(default_factory=dict)

    @property
    def pending(self) -> dict[str, Upgrade]:
        """Those that are not over."""
        return {module: upgrade for module, upgrade in self.of_module.items() if not upgrade.is_over}

    def offer(self, upgrade: Upgrade) -> None:
        """Begin an upgrade; an older one of the same module is forgotten."""
        self.of_module[upgrade.firmware.module] = upgrade

    def progress(self, module: str, step: int, description: str) -> Upgrade | None:
        """The device says how far it is; None if nothing is under way."""
        upgrade = self.pending.get(module)
        if upgrade is None:
            return None
        upgrade.step, upgrade.description = step, description
        upgrade.status = Status.FAILED if step < 0 else Status.IN_PROGRESS
        return upgrade

    def informed(self, module: str, version: str) -> Upgrade | None:
        """The device runs this version: the upgrade to it has succeeded, whatever was said before; else None."""
        upgrade = self.of_module.get(module)
        if upgrade is None or upgrade.firmware.version != version or upgrade.status is Status.SUCCEEDED:
            return None
        upgrade.status, upgrade.step = Status.SUCCEEDED, 100
        return upgrade

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {module: _plain(upgrade) for module, upgrade in self.of_module.items()}

    @classmethod
    def load(cls, values: Mapping[str, Any]) -> Upgrades:
        return cls({module: _upgrade(value) for module, value in values.items()})


def _plain(upgrade: Upgrade) -> dict[str, Any]:
    return {**asdict(upgrade), "status": upgrade.status.value}


def _upgrade(values: Mapping[str, Any]) -> Upgrade:
    return Upgrade(**{**values, "firmware": Firmware(**values["firmware"]), "status": Status(values["status"])})
