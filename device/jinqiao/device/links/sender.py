"""A thread that writes to one socket, so that the next block is rendered while the kernel takes the last.

The thread spends its time in system calls, outside Python's global lock. What waits is bounded in bytes: who adds to a
full queue waits, and so feels the receiver's back-pressure.
"""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections import deque

__all__ = ["Sender"]

#: About a third of a second of 100,000 posts of 1.1 kB.
_QUEUE_BYTES = 32 << 20
_WAIT_S = 0.5
#: A smaller block goes to the kernel at once if nothing waits: waking the thread would cost more than the call.
_AT_ONCE_BYTES = 1 << 17


class Sender:
    """Writes blocks in order to a non-blocking socket. `lost` says why no more can be written, once that is so."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        self._blocks: deque[bytes] = deque()
        self._queued = 0
        self._closing = False
        self._waiting: list[asyncio.Future[None]] = []
        self.lost: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="shared-link-sender", daemon=True)
        self._thread.start()

    async def send(self, block: bytes) -> None:
        """Queue a block; waits while the queue is full. Raises OSError once the connection is lost."""
        while True:
            with self._lock:
                if self.lost is not None:
                    raise self.lost
                if not self._queued and len(block) < _AT_ONCE_BYTES:
                    block = self._at_once(block)
                    if not block:
                        return
                if self._queued < _QUEUE_BYTES:
                    self._blocks.append(block)
                    self._queued += len(block)
                    self._lock.notify()
                    return
                room: asyncio.Future[None] = self._loop.create_future()
                self._waiting.append(room)
            await room

    def _at_once(self, block: bytes) -> bytes:
        """What the kernel did not take."""
        try:
            return block[self._socket.send(block) :]
        except BlockingIOError:
            return block

    async def close(self) -> None:
        """End the thread; what is still queued is not sent."""
        with self._lock:
            self._closing = True
            self._lock.notify()
        await asyncio.to_thread(self._thread.join, 2 * _WAIT_S)

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._blocks and not self._closing:
                    self._lock.wait()
                if self._closing:
                    return
                block = self._blocks.popleft()
            try:
                self._write(memoryview(block))
            except OSError as error:
                self.lost = error
            with self._lock:
                self._queued -= len(block)
                waiting, self._waiting = self._waiting, []
            for room in waiting:
                self._loop.call_soon_threadsafe(_let_in, room)
            if self.lost is not None:
                return

    def _write(self, rest: memoryview) -> None:
        while len(rest) and not self._closing:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                select.select([], [self._socket], [], _WAIT_S)


def _let_in(room: asyncio.Future[None]) -> None:
    if not room.done():
        room.set_result(None)
