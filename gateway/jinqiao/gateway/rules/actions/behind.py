"""A thread behind a bounded queue, for actions that wait for somebody: nothing of it is on the event loop.

A lot is one output, or as many as an action takes together. What becomes of each is reported on the loop.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ..output import Output
from .base import Outcome

__all__ = ["MOST_BYTES", "MOST_WAITING", "PAUSES_S", "Behind", "Deliver"]

_logger = logging.getLogger(__name__)

#: What waits for one action: outputs, and bytes of them.
MOST_WAITING, MOST_BYTES = 1_000, 32 << 20
#: Pauses before what failed is tried again, s.
PAUSES_S = (1.0, 2.0, 4.0, 8.0)

#: Delivers a lot: why it could not be, None when it was; and whether trying again may help.
Deliver = Callable[[Sequence[Output]], tuple[str | None, bool]]


class Behind:
    """Gives `deliver` what was sent, oldest first, in lots of at most `lot`; the thread begins with the first.

    Fewer than `lot` wait `linger_s` for more. When it is closed what waits is dropped, or delivered if it `finishes`.
    `end` is called in the thread at its end.
    """

    def __init__(
        self,
        name: str,
        deliver: Deliver,
        outcome: Outcome,
        *,
        most: int = MOST_WAITING,
        lot: int = 1,
        linger_s: float = 0.0,
        finishes: bool = False,
        end: Callable[[], object] = lambda: None,
    ) -> None:
        self._name, self._deliver, self._outcome, self._end = name, deliver, outcome, end
        self._most, self._lot, self._linger_s, self._finishes = most, lot, linger_s, finishes
        self._waiting: deque[tuple[Output, int]] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def send(self, output: Output) -> None:
        """Queue it, if there is room. On the event loop."""
        size = len(output.body)
        with self._changed:
            fits = len(self._waiting) < self._most and (not self._waiting or self._bytes + size <= MOST_BYTES)
            if self._closed or not fits:
                self._outcome.dropped(output)
                return
            self._waiting.append((output, size))
            self._bytes += size
            self._changed.notify_all()
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()

    def close(self, wait_s: float = 0.0) -> None:
        """Nothing comes any more; `wait_s` is how long to wait for the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and wait_s:
            self._thread.join(wait_s)

    # In the thread.

    def _work(self) -> None:
        while lot := self._next():
            why = self._delivered(lot)
            for output in lot:
                if why is None:
                    self._report(self._outcome.sent, output)
                else:
                    self._report(self._outcome.failed, output, why)
        for output, _ in self._waiting:
            self._report(self._outcome.dropped, output)
        self._end()

    def _next(self) -> list[Output]:
        """The next lot; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed and not self._finishes:
                return []
            if self._linger_s:
                self._changed.wait_for(lambda: len(self._waiting) >= self._lot or self._closed, self._linger_s)
            taken = [self._waiting.popleft() for _ in range(min(self._lot, len(self._waiting)))]
            self._bytes -= sum(size for _, size in taken)
        return [output for output, _ in taken]

    def _delivered(self, lot: Sequence[Output]) -> str | None:
        """Why it could not be delivered, however often it was tried; None when it was."""
        for pause_s in (*PAUSES_S, None):
            try:
                why, may_pass = self._deliver(lot)
            except Exception as error:
                _logger.exception("%s failed", self._name)
                return f"{type(error).__name__}: {error}"[:200]
            if why is None or not may_pass or pause_s is None:
                return why
            for output in lot:
                self._report(self._outcome.retried, output)
            with self._changed:
                if self._changed.wait_for(lambda: self._closed, pause_s):
                    return why
        return None

    def _report(self, what: Callable[..., None], *of: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *of)
        except RuntimeError:  # the loop has ended meanwhile
            return
