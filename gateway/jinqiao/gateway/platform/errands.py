"""Work over many devices, done a slice at a time, so that it is nobody's waiting.

An upgrade of 100,000 cars is a change, a row and a message for each. An errand is a generator that does one device's
share and yields; the event loop runs slices of it between everybody else's work. What a generator yields is how long
to wait, in seconds, before it goes on: 0 for not at all.

Without a loop (`begin`) an errand is done at once, and waits for nothing: a platform without a broker has nobody to
keep waiting.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Generator
from functools import partial

__all__ = ["Errand", "Errands"]

_logger = logging.getLogger(__name__)

#: Seconds of work in one slice, and between two of them.
_SLICE_S, _BETWEEN_S = 0.004, 0.008

Later = Callable[[float, Callable[[], object]], object]
Errand = Generator[float, None, None]


class Errands:
    """Those that are under way take turns."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._later: Later | None = None
        self._waiting: deque[Errand] = deque()
        self._is_going = False
        self._names: set[str] = set()
        self._rounds: list[tuple[float, Callable[[], object]]] = []
        #: Errands that wait for a time of their own.
        self._resting = 0

    def __len__(self) -> int:
        return len(self._waiting) + self._resting

    def begin(self, later: Later) -> None:
        """From now on they are done in slices; `later` has a function called on the loop after so many seconds."""
        self._later = later
        for seconds, act in self._rounds:
            later(seconds, partial(self._round, later, seconds, act))
        self._go_on()

    def every(self, seconds: float, act: Callable[[], object]) -> None:
        """Do this again and again, once there is a loop."""
        self._rounds.append((seconds, act))

    def tick(self) -> None:
        """Do it all once, where there is no loop."""
        for _, act in self._rounds:
            act()

    def _round(self, later: Later, seconds: float, act: Callable[[], object]) -> None:
        if self._later is not later:
            return
        try:
            act()
        except Exception:
            _logger.exception("work over many devices failed")
        later(seconds, lambda: self._round(later, seconds, act))

    def end(self) -> None:
        """What is under way is left as it is: who needs it finished begins again."""
        self._later = None
        self._waiting.clear()
        self._names.clear()

    def run(self, errand: Errand, name: str = "") -> None:
        """Do this, soon. Of a name that others may ask about there is one at a time: another is not begun."""
        if name in self._names:
            errand.close()
            return
        if name:
            self._names.add(name)
            errand = self._named(errand, name)
        self._waiting.append(errand)
        if self._later is None:
            while self._waiting:
                self._finish(self._waiting.popleft())
        else:
            self._go_on()

    def is_under_way(self, name: str) -> bool:
        """Whether an errand of this name is not done yet."""
        return name in self._names

    def _named(self, errand: Errand, name: str) -> Errand:
        try:
            yield from errand
        finally:
            self._names.discard(name)

    def _go_on(self) -> None:
        if self._later is not None and self._waiting and not self._is_going:
            self._is_going = True
            self._later(_BETWEEN_S, self._slice)

    def _slice(self) -> None:
        self._is_going = False
        if not self._waiting:
            return
        errand = self._waiting.popleft()
        until = self._clock() + _SLICE_S
        try:
            rest_s = next(errand)
            while not rest_s and self._clock() < until:
                rest_s = next(errand)
        except StopIteration:
            pass
        except Exception:
            _logger.exception("work over many devices failed")
        else:
            self._put_back(errand, rest_s)
        self._go_on()

    def _put_back(self, errand: Errand, rest_s: float) -> None:
        if not rest_s or self._later is None:
            self._waiting.append(errand)
            return
        self._resting += 1
        self._later(rest_s, lambda: self._rested(errand))

    def _rested(self, errand: Errand) -> None:
        self._resting -= 1
        if self._later is not None:
            self._waiting.append(errand)
            self._go_on()

    def _finish(self, errand: Errand) -> None:
        try:
            for _ in errand:
                pass
        except Exception:
            _logger.exception("work over many devices failed")
