"""The thread in which files are brought to the disk, which takes as long as it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

__all__ = ["DiskThread"]


class DiskThread:
    """Does one thing after the other, in a thread while an event loop runs that started it, else at once."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._closed = False

    def work(self, act: Callable[[], None], done: Callable[[OSError | None], None]) -> None:
        """Do this in the thread, then call `done` on the event loop, with the error if there was one."""
        loop = _running_loop()
        if self._closed or loop is None:
            done(_tried(act))
            return

        def run() -> None:
            error = _tried(act)
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(done, error)

        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="forwarded-messages")
        self._pool.submit(run)

    def aside(self, act: Callable[[], None]) -> None:
        """Do this in the thread behind all else; nobody waits for it."""
        self.work(act, lambda _: None)

    def close(self) -> None:
        """Wait for what was begun; what comes from now on is done at once."""
        self._closed = True
        if self._pool is not None:
            self._pool.shutdown(wait=True)


def _tried(act: Callable[[], None]) -> OSError | None:
    try:
        act()
    except OSError as error:
        return error
    return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
