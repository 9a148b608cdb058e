"""Which simulated second comes next, and which is the present one, when commands may come at any moment."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from jinqiao.simulator.world import World

from .pace import Pace

__all__ = ["Ticker", "catch_up"]

#: Seconds of the wall clock after which a world in which nothing happens is looked at again: a command may have
#: started something.
_LOOK_S = 1.0
#: Simulated seconds that are taken together at most when nobody waits for them: so long a downlink may have to wait,
#: a tenth of a second of the wall clock at most.
_STRETCH_S = 60


def catch_up(world: World, pace: Pace) -> None:
    """Bring a world in which nothing happens to where the wall clock is, unless that is held."""
    if pace.started and not pace.is_held and (present_s := pace.present_s) is not None:
        world.idle_until(int(present_s))


class Ticker:
    """The simulated present of a run: `world`'s while it is busy, the wall clock's while everybody rests.

    `next_ms` says when a vehicle does something by itself next, simulated UTC, if any does. With `each_second`
    somebody looks at the world after every second.
    """

    def __init__(self, world: World, pace: Pace, next_ms: Callable[[], int | None], *, each_second: bool) -> None:
        self._world, self._pace, self._next_ms = world, pace, next_ms
        self._each_second = each_second
        self._is_busy = False

    def next_second(self) -> int:
        """The next busy second, one that a vehicle waits for, or one in which to look again."""
        world, due_ms = self._world, self._next_ms()
        busy = second = world.next_busy_s()
        if due_ms is not None:
            second = min(second, max(world.elapsed_s, ceil((due_ms - world.scenario.start_ms) / 1000)))
        present_s = self._pace.present_s
        if present_s is not None and self._pace.speed is not None:
            now_s = max(world.elapsed_s, int(present_s))
            second = min(second, now_s + max(1, int(self._pace.speed * _LOOK_S)))
        self._is_busy = second == busy
        return second

    def stretch_end(self, end_s: float) -> int:
        """Seconds that begin before this one may be taken together with the present one; it is not beyond `end_s`."""
        world, due_ms = self._world, self._next_ms()
        if self._each_second:
            return 0
        most = world.elapsed_s + _STRETCH_S
        if (present_s := self._pace.present_s) is not None:
            most = min(most, int(present_s))
        if due_ms is not None:
            most = min(most, ceil((due_ms - world.scenario.start_ms) / 1000))
        return min(most, ceil(end_s))

    def arrive(self, second: int) -> bool:
        """Be in the second that `next_second` gave; whether there is something to `advance`, by now."""
        if not self._is_busy:  # a command makes a second busy, never idle
            self._world.idle_until(second)
        return self._is_busy or self._world.next_busy_s() <= second
