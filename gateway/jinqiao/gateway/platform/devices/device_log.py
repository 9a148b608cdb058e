"""The device log: what was refused, with the platform's code, as the vendor's console would show it. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["DeviceLog", "LogEntry"]

#: Longest text kept of what a client chose.
_LONGEST = 256


class LogEntry(NamedTuple):
    """One refused message or login; names are empty where nobody could be told."""

    time_ms: int
    product_key: str
    device_name: str
    topic: str
    code: int
    message: str


class DeviceLog:
    """The last `size` entries, oldest first, and how many there ever were."""

    def __init__(self, size: int = 1_000) -> None:
        self._entries: deque[LogEntry] = deque(maxlen=size)
        self.total = 0

    def write(self, entry: LogEntry) -> LogEntry:
        """Keep an entry, long texts cut; returns it as kept."""
        kept = entry._replace(**{name: getattr(entry, name)[:_LONGEST] for name in _TEXTS})
        self.total += 1
        self._entries.append(kept)
        return kept

    def of(self, product_key: str, device_name: str) -> list[LogEntry]:
        """Entries of one device."""
        return [e for e in self._entries if (e.product_key, e.device_name) == (product_key, device_name)]

    def __iter__(self) -> Iterator[LogEntry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


_TEXTS = ("product_key", "device_name", "topic", "message")
