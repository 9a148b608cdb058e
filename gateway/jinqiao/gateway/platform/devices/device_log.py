"""The device log: what was refused, with the platform's code, as the vendor's console would show it. Bounded.

What strangers did (a login that is refused, whatever name it gives) has a bound of its own: else anybody could wash out
what devices did.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from heapq import merge
from typing import NamedTuple

from ..events import Refused
from ..listeners import Events

__all__ = ["DeviceLog", "LogEntry"]

_logger = logging.getLogger(__name__)

#: Longest text kept of what a client chose.
_LONGEST = 256


class LogEntry(NamedTuple):
    """One refused message or login; names are empty where nobody is known."""

    time_ms: int
    product_key: str
    device_name: str
    topic: str
    code: int
    message: str

    @classmethod
    def of(cls, event: Refused) -> LogEntry:
        """An entry for the log, long texts cut."""
        return cls(
            event.time_ms,
            event.product_key[:_LONGEST],
            event.device_name[:_LONGEST],
            event.topic[:_LONGEST],
            event.code,
            event.message[:_LONGEST],
        )


class DeviceLog:
    """The last `size` entries of devices and of strangers each, oldest first.

    `record` announces an entry; others listen to the same events.
    """

    def __init__(self, events: Events, now_ms: Callable[[], int], size: int = 1_000) -> None:
        self._events, self._now_ms = events, now_ms
        self._entries: deque[tuple[int, LogEntry]] = deque(maxlen=size)
        self._strangers: deque[tuple[int, LogEntry]] = deque(maxlen=size)
        #: How many there ever were.
        self.total = 0
        events.subscribe(Refused, self._write)

    def record(
        self, product_key: str, device_name: str, topic: str, code: int, message: str, *, stranger: bool = False
    ) -> None:
        """Something was refused or failed: a line of the log, and of Python's logging (DEBUG)."""
        self._events.emit(Refused, self._now_ms(), product_key, device_name, topic, code, message, stranger)

    def of(self, product_key: str, device_name: str) -> list[LogEntry]:
        """Entries of one device."""
        return [e for e in self if (e.product_key, e.device_name) == (product_key, device_name)]

    def _write(self, event: Refused) -> None:
        entry = LogEntry.of(event)
        (self._strangers if event.stranger else self._entries).append((self.total, entry))
        self.total += 1
        # Quoted, because a client chose these texts.
        _logger.debug("%d %r: %r", entry.code, entry.message, (entry.product_key, entry.device_name, entry.topic))

    def __iter__(self) -> Iterator[LogEntry]:
        return (entry for _, entry in merge(self._entries, self._strangers))

    def __len__(self) -> int:
        return len(self._entries) + len(self._strangers)
