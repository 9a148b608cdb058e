"""Simulated seconds: SimPy's environment driven from outside, one second at a time."""

from __future__ import annotations

import simpy

__all__ = ["NEVER", "Clock"]

#: A second that no scenario reaches; what sleeping vehicles without a plan wait for.
NEVER = 2**31 - 1


class Clock(simpy.Environment):
    """An environment whose time is set by the World's tick, so that events between ticks start from the present second.

    `simpy.Environment.run(until=…)` would do the same with one event and one exception per second.
    """

    def reach(self, second: int) -> None:
        """Make `second` the present; events due before it must have been run."""
        self._now = second

    def run_due(self) -> None:
        """Run everything that is due by now, also what comes of it."""
        now = self._now
        while self.peek() <= now:
            self.step()

    @property
    def second(self) -> int:
        return int(self._now)
