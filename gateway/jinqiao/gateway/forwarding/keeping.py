"""Acknowledge when it is kept: what waits until the messages of a turn are on the disk.

A device's message is acknowledged when all that has to outlive the process is on the disk. To wait for the disk with
each message, 0.3 to 1 ms on an SSD, would stop everybody. So messages of a turn are written together (3 µs, after
which kill -9 loses nothing), a thread brings them to the disk (against a failure of the machine), and meanwhile the
acknowledgements wait here. Nothing else does: messages are forwarded, and simulated vehicles go on.

If the disk fails, what waits is not called: devices send such messages again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

__all__ = ["Keeping", "Synced", "Work"]

_logger = logging.getLogger(__name__)

#: Something to be done in a thread, and what is called on the event loop afterwards, with the error if there was one.
Work = Callable[[Callable[[], None], Callable[[OSError | None], None]], object]


class Synced(Protocol):
    """A file that can be brought to the disk. Raises OSError."""

    def sync(self) -> None: ...


class Keeping:
    """What is being kept, and who waits for it.

    `soon` calls a function in the next turn of the event loop; `work` runs one in a thread.
    """

    def __init__(self, soon: Callable[[Callable[[], None]], object], work: Work) -> None:
        self._soon, self._work = soon, work
        self._writers: dict[Callable[[], Iterable[Synced]], None] = {}
        self._waiting: list[Callable[[], None]] = []
        self._comes = self._syncing = self._failing = False

    @property
    def behind(self) -> bool:
        """Whether something that came before is not on the disk yet."""
        return self._comes or self._syncing

    def then(self, call: Callable[[], None]) -> None:
        """Call this when all that has come so far is on the disk: after those that were to be called before it."""
        if self.behind:
            self._waiting.append(call)
        else:
            call()

    def expect(self, write: Callable[[], Iterable[Synced]]) -> None:
        """Something has come: at the end of the turn `write` writes it, and returns what is to be synced.

        Raises OSError then if it cannot.
        """
        self._writers[write] = None
        if not self.behind:
            self._comes = True
            self._soon(self._commit)

    def _commit(self) -> None:
        self._comes = False
        writers, self._writers = self._writers, {}
        waiting, self._waiting = self._waiting, []
        unsynced: set[Synced] = set()
        error: OSError | None = None
        for write in writers:
            try:
                unsynced.update(write())
            except OSError as failed:
                error = failed

        def sync() -> None:
            for file in unsynced:
                file.sync()

        def done(failed: OSError | None) -> None:
            self._done(waiting, error or failed)

        if unsynced:
            self._syncing = True
            self._work(sync, done)
        else:
            done(None)

    def _done(self, waiting: list[Callable[[], None]], error: OSError | None) -> None:
        self._syncing = False
        if error is None:
            self._failing = False
            for call in waiting:
                try:
                    call()
                except Exception:
                    _logger.exception("an acknowledgement failed")
        elif not self._failing:
            self._failing = True
            _logger.error("forwarded messages cannot be kept, and devices are not acknowledged: %s", error)
        if self._writers or self._waiting:
            self._comes = True
            self._soon(self._commit)
