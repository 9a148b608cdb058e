"""A subscriber that is behind, and the publishers that wait for it: back-pressure where it hurts nobody else.

Nobody waits for a subscriber that does not read at all. For one that does, a lossless publisher waits as long as it
takes, any other a moment, and only if there is nobody else to serve: that moment is all a flood needs to run at the
pace of its only subscriber instead of losing messages.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["Congestion", "Waiter"]


class Waiter(Protocol):
    """A publisher that has stopped reading for the sake of slow subscribers."""

    lossless: bool

    def proceed(self, congestion: Congestion) -> None:
        """This subscriber has room again, or is not worth waiting for."""


class Congestion:
    """One subscriber above the high-water mark, since `now` (seconds), until it is well below."""

    __slots__ = ("_progress_at", "_since", "_unsent", "_waiters", "overdue", "stalled")

    def __init__(self, now: float) -> None:
        self.stalled = False
        self.overdue = False
        self._since = now
        self._progress_at = now
        self._unsent = 0
        self._waiters: set[Waiter] = set()

    def worth_waiting(self, waiter: Waiter) -> bool:
        """Whether this publisher should wait."""
        return not self.stalled and (waiter.lossless or not self.overdue)

    def wait(self, waiter: Waiter) -> None:
        """`waiter.proceed` will be called once."""
        self._waiters.add(waiter)

    def progress(self, now: float) -> None:
        """The subscriber has read something."""
        self.stalled = False
        self._progress_at = now

    def look(self, unsent: int, now: float, patience_s: float) -> None:
        """Called now and then with the bytes the socket has not sent: release those who have waited in vain."""
        if unsent < self._unsent:
            self.progress(now)
        self._unsent = unsent
        self.stalled = now - self._progress_at > patience_s
        self.overdue = now - self._since > patience_s
        self._release({waiter for waiter in self._waiters if not self.worth_waiting(waiter)})

    def end(self) -> None:
        """There is room again, or the subscriber is gone."""
        self._release(set(self._waiters))

    def _release(self, waiters: set[Waiter]) -> None:
        self._waiters -= waiters
        for waiter in waiters:
            waiter.proceed(self)
