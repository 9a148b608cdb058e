"""How much there was of something in the last minute."""

from __future__ import annotations

from collections import deque

__all__ = ["Rate"]

#: Seconds that are counted together, and the minute.
_STEP_S, _STEPS = 1, 60


class Rate:
    """A count over the last sixty seconds; `step` is called once a second."""

    __slots__ = ("_now", "_past", "_past_sum")

    def __init__(self) -> None:
        self._now = self._past_sum = 0
        self._past: deque[int] = deque()

    @property
    def per_minute(self) -> int:
        """What was counted in the last minute."""
        return self._past_sum + self._now

    def count(self, number: int) -> None:
        self._now += number

    def add(self, other: Rate) -> None:
        """Count what another one counted, as of now."""
        self.count(other.per_minute)

    def step(self) -> None:
        """A second has passed."""
        if not self._now and not self._past_sum:
            return
        self._past.append(self._now)
        self._past_sum += self._now
        self._now = 0
        if len(self._past) >= _STEPS:
            self._past_sum -= self._past.popleft()
