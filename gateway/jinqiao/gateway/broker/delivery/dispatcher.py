"""What all outboxes of a broker share: a flush per turn of the loop, a budget of queued bytes, who is congested."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from jinqiao.gateway.broker.counters import Counters
from jinqiao.gateway.broker.limits import Limits

from .timers import Timers

__all__ = ["TICK_S", "Dispatcher", "Flushed"]

#: The clock is moved so often. If it is further behind, the broker, or its machine, stood still.
TICK_S = 0.25
_LATE_S = TICK_S + 0.02
#: A broker that stands still for longer than this has lost its clients anyway, by their keep-alive.
_LONGEST_STALL_S = 60.0
#: What arrived meanwhile may take as long to be read as it took to come, and this long at least.
_SOON_S = 1.0 + TICK_S


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

    `call_soon` runs a function at the end of this turn (an event loop's), `clock` gives the exact time in seconds.
    `now` is coarse time, moved by `tick`, and `timers` are on it. `held` is what waits in all queues, bytes.
    `congested` are the outboxes above the high-water mark.
    """

    __slots__ = (
        "_call_soon",
        "_clock",
        "_dirty",
        "_flush_comes",
        "_stalls",
        "congested",
        "counters",
        "held",
        "limits",
        "now",
        "timers",
    )

    def __init__(
        self,
        limits: Limits,
        counters: Counters,
        call_soon: Callable[[Callable[[], None]], object],
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.limits = limits
        self.counters = counters
        self.now = 0.0
        self.held = 0
        self.congested: set[Flushed] = set()
        self.timers = Timers()
        self._call_soon = call_soon
        self._clock = clock
        #: When the broker went on after it had stood still, and for how long it had; only what is recent.
        self._stalls: deque[tuple[float, float]] = deque()
        self._dirty: list[Flushed] = []
        self._flush_comes = False

    def enter(self, outbox: Flushed) -> None:
        """This outbox has its first pending bytes of the turn."""
        if not self._flush_comes:
            self._flush_comes = True
            self._call_soon(self.flush)
        self._dirty.append(outbox)

    def gather(self) -> None:
        """The caller must call `flush` before the turn ends."""
        self._flush_comes = True

    def flush(self) -> None:
        """Write what is pending: one write per subscriber."""
        self._flush_comes = False
        dirty, self._dirty = self._dirty, []
        for outbox in dirty:
            outbox.flush()

    def catch_up(self) -> float:
        """Move the clock to the exact time, also between two ticks; returns for how long it had stood still, or 0."""
        now = self.now if self._clock is None else self._clock()
        passed_s = now - self.now
        if passed_s <= 0.0:  # clocks of different kinds may disagree by a little
            return 0.0
        self.now = now
        while self._stalls and _is_past(self._stalls[0], now):
            self._stalls.popleft()
        if passed_s <= _LATE_S:
            return 0.0
        self._stalls.append((now, min(passed_s, _LONGEST_STALL_S)))
        return passed_s

    def stood_still_since(self, when: float) -> float:
        """For how long the broker stood still, seconds, in times that ended after `when` and lately."""
        if not self._stalls:
            return 0.0
        return sum(length for ended, length in self._stalls if ended > when and not _is_past((ended, length), self.now))

    def tick(self, now: float) -> None:
        """Move the clock, do what is due, and see whether the slow subscribers are still reading."""
        self.now = now
        self.timers.run(now)
        for outbox in list(self.congested):
            outbox.look_for_progress()


def _is_past(stall: tuple[float, float], now: float) -> bool:
    ended, length = stall
    return now - ended > length + _SOON_S
