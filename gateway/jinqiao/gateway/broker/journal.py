"""Log lines about peers, few enough to read: a peer that breaks the rules in a loop gets a handful of lines."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

__all__ = ["Journal"]

#: Lines per period; the rest of the period is summed up in one line when the next one begins.
_LINES = 20
_PERIOD_S = 10.0
#: Longest text of a client that is repeated.
_LONGEST = 128


class Journal:
    """A rate-limited door to the logger `jinqiao.gateway.broker`; `clock` returns seconds of any origin."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._logger = logging.getLogger("jinqiao.gateway.broker")
        self._clock = clock
        self._period_ends = float("-inf")
        self._left = 0
        self._suppressed = 0

    def warning(self, message: str, *arguments: object) -> None:
        """Log one line, or count it when this period has had its share."""
        if self._may_write():
            self._logger.warning(message, *arguments)

    def refused(self, reason: str, peer: str, why: object, **details: str | None) -> None:
        """One line `refused reason=… peer=… key=…` about a connection turned down; texts of clients are quoted."""
        if self._may_write():
            told = {name: value for name, value in details.items() if value is not None}
            pairs = "".join(f"{name}={json.dumps(value[:_LONGEST])} " for name, value in told.items())
            self._logger.warning("refused reason=%s peer=%s %swhy=%s", reason, peer, pairs, json.dumps(str(why)))

    def exception(self, message: str, *arguments: object) -> None:
        """Log one line with the traceback of the exception being handled: something is wrong in the house."""
        if self._may_write():
            self._logger.exception(message, *arguments)

    def _may_write(self) -> bool:
        now = self._clock()
        if now >= self._period_ends:
            if self._suppressed:
                self._logger.warning("%d more lines about connections were left out", self._suppressed)
            self._period_ends, self._left, self._suppressed = now + _PERIOD_S, _LINES, 0
        if self._left:
            self._left -= 1
            return True
        self._suppressed += 1
        return False
