"""What all outboxes of a broker share: a flush per turn of the loop, a budget of queued bytes, who is congested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from jinqiao.gateway.broker.counters import Counters
from jinqiao.gateway.broker.limits import Limits

from .timers import Timers

__all__ = ["Dispatcher", "Flushed"]


class Flushed(Protocol):
    """What a dispatcher needs of an outbox."""

    @property
    def held(self) -> int:
        """Bytes in its queue."""

    def flush(self) -> None:
        """Write what is pending."""

    def look_for_progress(self) -> None:
        """Called at each tick while it is congested: whether its subscriber is still reading."""


class Dispatcher:
    """Collects the outboxes written to in this turn and flushes each once.

    `call_soon` runs a function at the end of this turn (an event loop's). `now` is coarse time in seconds, moved by
    `tick`, and `timers` are on it. `held` is what waits in all queues, bytes. `congested` are the outboxes above the
    high-water mark.
    """

    __slots__ = ("_call_soon", "_dirty", "_flush_comes", "congested", "counters", "held", "limits", "now", "timers")

    def __init__(self, limits: Limits, counters: Counters, call_soon: Callable[[Callable[[], None]], object]) -> None:
        self.limits = limits
        self.counters = counters
        self.now = 0.0
        self.held = 0
        self.congested: set[Flushed] = set()
        self.timers = Timers()
        self._call_soon = call_soon
        self._dirty: list[Flushed] = []
        self._flush_comes = False

    def enter(self, outbox: Flushed) -> None:
        """This outbox has its first pending bytes of the turn."""
        if not self._flush_comes:
            self._flush_comes = True
            self._call_soon(self.flush)
        self._dirty.append(outbox)

    def gather(self) -> None:
        """Whoever calls this will call `flush` before the turn ends."""
        self._flush_comes = True

    def flush(self) -> None:
        """Write what is pending: one write per subscriber."""
        self._flush_comes = False
        dirty, self._dirty = self._dirty, []
        for outbox in dirty:
            outbox.flush()

    def tick(self, now: float) -> None:
        """Move the clock, do what is due, and see whether the slow subscribers are still reading."""
        self.now = now
        self.timers.run(now)
        for outbox in list(self.congested):
            outbox.look_for_progress()
