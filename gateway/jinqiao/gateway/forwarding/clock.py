"""What queues need of the world: its time, and the next turn of its event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Clock"]


@dataclass(frozen=True, slots=True)
class Clock:
    """`soon` calls a function in the next turn of the event loop, `now_s` is a time that only grows, `now_ms` UTC
    milliseconds."""

    soon: Callable[[Callable[[], None]], object]
    now_s: Callable[[], float]
    now_ms: Callable[[], int]

    @classmethod
    def of_loop(cls, now_ms: Callable[[], int]) -> Clock:
        """That of the event loop that runs when it is used."""
        return cls(lambda call: asyncio.get_running_loop().call_soon(call), time.monotonic, now_ms)
