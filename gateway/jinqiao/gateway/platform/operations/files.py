"""Files that devices have sent: listed, offered for download, deleted. They are held in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from ..parts import Parts
from ..registry.accounts import Account
from ..registry.registry import Device
from .errors import OperationError, Reason
from .reach import Reach

__all__ = ["DeviceFile", "Files"]


@dataclass(frozen=True, slots=True)
class DeviceFile:
    """`id` is always the same for a file of this name and device."""

    id: str
    name: str
    received_ms: int
    content: bytes = field(repr=False)


class Files:
    """Raises NO_FILE."""

    def __init__(self, parts: Parts, reach: Reach) -> None:
        self._parts, self._reach = parts, reach

    def all(self, account: Account, device: Device) -> list[DeviceFile]:
        """A device's files, by name."""
        self._reach.allow(account, device)
        uploads = self._parts.uploads
        return [
            DeviceFile(_id(device, name), name, uploads.received_ms.get((device.identity, name), 0), content)
            for name, content in sorted(uploads.files.get(device.identity, {}).items())
        ]

    def find(self, account: Account, device: Device, file_id: str) -> DeviceFile:
        found = next((file for file in self.all(account, device) if file.id == file_id), None)
        if found is None:
            raise OperationError(Reason.NO_FILE)
        return found

    def url_of(self, file: DeviceFile) -> str:
        """Where it can be downloaded for a while: until others need the room."""
        downloads = self._parts.downloads
        return downloads.base_url + downloads.offer(file.content, "file")

    def delete(self, account: Account, device: Device, file_id: str) -> None:
        self._parts.uploads.delete(device.identity, self.find(account, device, file_id).name)


def _id(device: Device, name: str) -> str:
    return hashlib.sha256(f"{device.identity}\0{name}".encode()).hexdigest()[:32]
