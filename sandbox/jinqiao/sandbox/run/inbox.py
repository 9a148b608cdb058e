"""What comes for vehicles and waits for its turn: messages, logins, files that were asked for.

Connections and tasks put things in at any moment; `Downlinks` takes them out between two simulated seconds. Messages
are bounded: a client that sends more than is processed loses the rest, which is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from jinqiao.device.agent.agent import MOST_BYTES
from jinqiao.device.agent.files import RemoteFile, Verdict
from jinqiao.wire.mqtt.packets import Publish

__all__ = ["Fetched", "Inbox"]

#: Messages that wait, and their bytes.
_MOST_WAITING, _MOST_HELD = 10_000, 32 << 20

T = TypeVar("T")
#: A file that was fetched, or could not be.
Fetched = tuple[RemoteFile, Verdict, bytes]


class Inbox:
    """Made before any connection, so that nothing is lost. `stirred` is set while anything waits."""

    def __init__(self) -> None:
        self.stirred = asyncio.Event()
        self.taken = self.dropped = 0
        self._messages: deque[tuple[str, bytes, int]] = deque()
        self._now_ms: Callable[[], int] = int
        self._held = 0
        self._logins: deque[int] = deque()
        self._files: deque[Fetched] = deque()

    def stamp_by(self, now_ms: Callable[[], int]) -> None:
        """Note from now on when messages come: this gives the moment."""
        self._now_ms = now_ms

    def on_message(self, message: Publish) -> None:
        """A message came for one of the vehicles."""
        size = len(message.payload)
        if size > MOST_BYTES or len(self._messages) >= _MOST_WAITING or self._held + size > _MOST_HELD:
            self.dropped += 1
            return
        self._held += size
        self._messages.append((message.topic, message.payload, self._now_ms()))
        self.stirred.set()

    def on_own_message(self, _: int, message: Publish) -> None:
        """The same, over a vehicle's own connection."""
        self.on_message(message)

    def on_online(self, row: int) -> None:
        """A vehicle has logged in by itself."""
        self._logins.append(row)
        self.stirred.set()

    def on_fetched(self, fetched: Fetched) -> None:
        """A file is there, or will not come."""
        self._files.append(fetched)
        self.stirred.set()

    def messages(self, most: int) -> list[tuple[str, bytes, int]]:
        """The oldest messages, taken out: topic, payload, and when it came where that is noted."""
        taken = _taken(self._messages, most)
        self._held -= sum(len(payload) for _, payload, _ in taken)
        self.taken += len(taken)
        return taken

    def logins(self, most: int) -> list[int]:
        """Rows that have logged in, taken out."""
        return _taken(self._logins, most)

    def files(self) -> list[Fetched]:
        """All files that have come, taken out."""
        return _taken(self._files, len(self._files))

    def rest(self) -> None:
        """Clear `stirred`, unless something waits."""
        if not self._messages and not self._logins and not self._files:
            self.stirred.clear()


def _taken(waiting: deque[T], most: int) -> list[T]:
    return [waiting.popleft() for _ in range(min(len(waiting), most))]
