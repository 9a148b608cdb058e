"""An event loop by hand, for what is done beside it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any

__all__ = ["Loop"]


class Loop:
    """What threads want done on the loop is done when a test says so."""

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.Queue()

    def later(self, function: Callable[..., object], *arguments: Any) -> None:
        self._calls.put((function, arguments))

    def turn(self, count: int = 1) -> None:
        for _ in range(count):
            function, arguments = self._calls.get(timeout=10)
            function(*arguments)
