"""An action that cannot be answered yet, because it waits for a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jinqiao.gateway.platform.calls import Call

__all__ = ["Pending"]


def _nothing() -> None:
    """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class Pending:
    """Wait for `call` at most `timeout_s`; `finish` gives the answer's members, or raises; `close` it in any case."""

    call: Call
    timeout_s: float
    finish: Callable[[], Mapping[str, Any]]
    close: Callable[[], None] = _nothing
