"""An operation that waits for a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..calls import Call

__all__ = ["Awaited"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Awaited(Generic[T]):
    """Wait until `call` is answered, at most `timeout_s`; then `finish` gives the result, or raises OperationError.

    `close` it in any case.
    """

    call: Call
    timeout_s: float
    finish: Callable[[], T]
    close: Callable[[], None]
