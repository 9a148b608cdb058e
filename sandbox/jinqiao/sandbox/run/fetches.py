"""Files that vehicles fetch (upgrades, configurations), in threads, a few at once. What came goes into the inbox."""

from __future__ import annotations

import asyncio
import threading

from jinqiao.device.agent.fetching import fetch
from jinqiao.device.agent.files import RemoteFile

from .inbox import Inbox

__all__ = ["Fetches"]

#: Files fetched at once.
_AT_ONCE = 4


class Fetches:
    """`begin` is what an agent asks for a file; the answer comes to `inbox`."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._closing = threading.Event()
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, file: RemoteFile) -> None:
        """Fetch a file as soon as there is a place."""
        task = asyncio.create_task(self._fetch(file))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Give up what is being fetched."""
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fetch(self, file: RemoteFile) -> None:
        async with self._places:
            verdict, content = await asyncio.to_thread(fetch, file, self._closing)
        self._inbox.on_fetched((file, verdict, content))
