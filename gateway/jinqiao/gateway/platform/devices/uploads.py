"""Files that devices send by MQTT: blocks put together under an upload id, within bounds."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ..events import FileReceived
from ..listeners import Events
from .checksums import crc64

__all__ = ["Conflict", "Upload", "Uploads"]

Conflict = Literal["overwrite", "append", "reject"]

#: Bytes of a file and of all files of a device; uploads of a device at once; bytes of everything in memory.
MAX_FILE, DEVICE_QUOTA, MOST_OPEN, TOTAL_QUOTA = 16 << 20, 64 << 20, 4, 512 << 20


@dataclass(slots=True)
class Upload:
    """A file on its way; `size` is -1 when the device does not know it."""

    id: str
    identity: str
    name: str
    size: int
    offset: int
    content: bytearray = field(repr=False)
    #: What the file's CRC-64 is to be, if the device has said so, and what it is so far; None after a correction.
    crc: int | None = None
    client_id: str = ""
    crc_so_far: int | None = 0


class Uploads:
    """Open uploads by id, and the finished files of each device by name."""

    def __init__(self, events: Events, now_ms: Callable[[], int] = lambda: 0) -> None:
        self._events, self._now_ms = events, now_ms
        #: When each finished file came, UTC ms, by the device's identity and the file's name.
        self.received_ms: dict[tuple[str, str], int] = {}
        self.open: dict[str, Upload] = {}
        self.files: dict[str, dict[str, bytes]] = {}
        self._held = 0

    def begin(self, identity: str, name: str, size: int, conflict: Conflict, crc: int | None, client_id: str) -> Upload:
        """Start an upload, or find it again by the device's own id of it.

        Raises FileExistsError when the file is there and conflicts are rejected, OverflowError beyond a quota.
        """
        own = [upload for upload in self.open.values() if upload.identity == identity]
        for upload in own:
            if client_id and (upload.client_id, upload.name) == (client_id, name):
                return upload
        there = self.files.get(identity, {}).get(name)
        if there is not None and conflict == "reject":
            raise FileExistsError(name)
        kept = len(there) if there is not None and conflict == "append" else 0
        stored = sum(map(len, self.files.get(identity, {}).values()))
        whole = kept + max(size, 0)
        if whole > MAX_FILE or stored + whole > DEVICE_QUOTA or self._held + whole > TOTAL_QUOTA:
            raise OverflowError(name)
        if len(own) >= MOST_OPEN:
            self.cancel(identity, own[0].id)
        content = bytearray(there) if there is not None and conflict == "append" else bytearray()
        upload = Upload(secrets.token_hex(16), identity, name, size, len(content), content, crc, client_id)
        self.open[upload.id] = upload
        self._held += len(content)
        return upload

    def of(self, identity: str, upload_id: str) -> Upload | None:
        """A device's open upload."""
        upload = self.open.get(upload_id)
        return upload if upload is not None and upload.identity == identity else None

    def write(self, upload: Upload, offset: int, block: bytes) -> bool:
        """Put a block where it belongs: at the end, or again where one is already. False for a gap or too much."""
        written = len(upload.content) - upload.offset
        whole = offset + len(block)
        if not 0 <= offset <= written or upload.offset + whole > MAX_FILE or (upload.size >= 0 and whole > upload.size):
            return False
        growth = max(0, whole - written)
        if self._held + growth > TOTAL_QUOTA or self._bytes_of(upload.identity) + growth > DEVICE_QUOTA:
            return False
        self._held += growth
        place = slice(upload.offset + offset, upload.offset + whole)
        if upload.crc is not None and upload.content[place] != block:  # else it was sent twice
            # Block by block: that of a whole file would take a while.
            goes_on = offset == written and upload.crc_so_far is not None
            upload.crc_so_far = crc64(block, upload.crc_so_far or 0) if goes_on else None
        upload.content[place] = block
        return True

    def _bytes_of(self, identity: str) -> int:
        """What is held of a device: its files, and what has come of those on their way."""
        on_the_way = sum(len(upload.content) for upload in self.open.values() if upload.identity == identity)
        return on_the_way + sum(map(len, self.files.get(identity, {}).values()))

    def complete(self, upload: Upload) -> bool:
        """The device says that was all: keep the file if it is what was announced; the upload is over either way."""
        self.cancel(upload.identity, upload.id)
        content = bytes(upload.content)
        sent = content[upload.offset :]
        if upload.size >= 0 and len(sent) != upload.size:
            return False
        if upload.crc is not None:
            crc = crc64(sent) if upload.crc_so_far is None else upload.crc_so_far
            if crc != upload.crc:
                return False
        files = self.files.setdefault(upload.identity, {})
        self._held += len(content) - len(files.get(upload.name, b""))
        files[upload.name] = content
        self.received_ms[upload.identity, upload.name] = self._now_ms()
        self._events.emit(FileReceived, upload.identity, upload.name, content)
        return True

    def cancel(self, identity: str, upload_id: str) -> bool:
        """Forget an upload; whether there was one."""
        upload = self.of(identity, upload_id)
        if upload is None:
            return False
        del self.open[upload_id]
        self._held -= len(upload.content)
        return True

    def delete(self, identity: str, name: str) -> None:
        """A finished file is kept no longer."""
        content = self.files.get(identity, {}).pop(name, b"")
        self._held -= len(content)
        self.received_ms.pop((identity, name), None)

    def forget(self, identity: str) -> None:
        """The device is gone, and so are its files."""
        for upload in [upload for upload in self.open.values() if upload.identity == identity]:
            self.cancel(identity, upload.id)
        for name in list(self.files.get(identity, ())):
            self.delete(identity, name)
        self.files.pop(identity, None)
