"""An action that cannot be answered yet, because it waits for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from jinqiao.gateway.platform.calls import Call
from jinqiao.gateway.platform.operations.awaited import Awaited

__all__ = ["Pending"]

T = TypeVar("T")


def _nothing() -> None:
    """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Wait for `call` at most `timeout_s`; `finish` gives the answer's members, or raises; `close` it in any case."""

    call: Call
    timeout_s: float
    finish: Callable[[], Mapping[str, Any]]
    close: Callable[[], None] = _nothing

    @classmethod
    def of(cls, awaited: Awaited[T], make: Callable[[T], Mapping[str, Any]]) -> Pending:
        """An operation that waits, and the members that are made of its result."""
        return cls(awaited.call, awaited.timeout_s, lambda: make(awaited.finish()), awaited.close)
