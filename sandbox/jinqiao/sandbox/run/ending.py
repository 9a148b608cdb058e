"""How a run ends: by itself, by Ctrl-C, or because something that it needs broke."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from jinqiao.base.errors import EnvironmentFault

__all__ = ["Ending"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """`stop` is set when the run is to end before its time; `how` and `fault` say why."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.how = "finished"
        self.fault: EnvironmentFault | None = None

    def broke(self, fault: EnvironmentFault) -> None:
        """Something broke; the first fault is the one that counts."""
        self.fault = self.fault or fault
        self.how = "failed"
        self.stop.set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Meanwhile Ctrl-C ends the run cleanly; whoever presses it once more does not want to wait for that."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._interrupted)
        try:
            yield
        finally:
            _let_go()

    def _interrupted(self) -> None:
        self.how = "interrupted"
        self.stop.set()
        _let_go()


def _let_go() -> None:
    for number in _SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
