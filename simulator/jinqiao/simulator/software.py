"""The software of the vehicles: which version runs, and the minutes in which a new one is installed.

Only vehicles that were ever updated are remembered. While a vehicle installs, its control units restart: it says
nothing, executes no command, and its driver waits.
"""

from __future__ import annotations

from collections.abc import Callable

import simpy

from .clock import Clock

__all__ = ["FACTORY_VERSION", "Software"]

#: What every vehicle is delivered with.
FACTORY_VERSION = "1.0.0"


class Software:
    """`versions` of updated vehicles, `installing` with the event at the end of each installation, by row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._versions: dict[int, str] = {}
        self.installing: dict[int, simpy.Event] = {}

    def version(self, row: int) -> str:
        return self._versions.get(row, FACTORY_VERSION)

    def install(self, row: int, version: str, seconds: float, done: Callable[[], None]) -> None:
        """Begin an installation of so many seconds; `done` is called at its end, before a waiting driver goes on."""
        end = self.installing[row] = self._clock.timeout(max(1, round(seconds)))

        def finish(_: simpy.Event) -> None:
            del self.installing[row]
            self._versions[row] = version
            done()

        assert end.callbacks is not None
        end.callbacks.append(finish)
