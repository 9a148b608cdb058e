"""An operation that waits for something: for a device, or for a product's script that works beside the event loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ..calls import Call
from .errors import OperationError

__all__ = ["Awaited", "Promise", "joined"]

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Awaited(Generic[T]):
    """Wait until `call` is answered, at most `timeout_s`; then `finish` gives the result, or raises OperationError.

    `close` it in any case.
    """

    call: Call
    timeout_s: float
    finish: Callable[[], T]
    close: Callable[[], None]

    def then(self, make: Callable[[T], U]) -> Awaited[U]:
        """The same, with what is made of its result."""
        return Awaited(self.call, self.timeout_s, lambda: make(self.finish()), self.close)


def joined(awaited: Sequence[Awaited[Any]]) -> Awaited[object] | None:
    """Wait for all of these, as long as the most patient one; the first that failed raises. None for none."""
    if not awaited:
        return None
    whole = Call("", "")
    left = [len(awaited)]

    def answered() -> None:
        left[0] -= 1
        if not left[0]:
            whole.take(b"")

    for one in awaited:
        one.call.when_answered(answered)

    def finish() -> None:
        for one in awaited:
            one.finish()

    def close() -> None:
        for one in awaited:
            one.close()

    return Awaited(whole, max(one.timeout_s for one in awaited), finish, close)


class Promise(Generic[T]):
    """An `Awaited` from the side of whoever has to `keep` it, with a result or with an error; the first one counts.

    `late` is the error when it was not kept in time; from then on, and once it is closed, it is `over`.
    """

    def __init__(self, call: Call, timeout_s: float, late: OperationError, close: Callable[[], None]) -> None:
        self.over = False
        self._call, self._timeout_s, self._late, self._close = call, timeout_s, late, close
        self._results: list[T | OperationError] = []

    def keep(self, result: T | OperationError) -> None:
        """The result, or why there is none."""
        self._results.append(result)
        self._call.take(b"")

    def awaited(self) -> Awaited[T]:
        """For who waits; raises at once where it has failed already."""
        if self._results and isinstance(self._results[0], OperationError):
            self._end()
            raise self._results[0]
        return Awaited(self._call, self._timeout_s, self._finish, self._end)

    @property
    def kept(self) -> bool:
        """Whether nobody has to wait."""
        return bool(self._results)

    def _finish(self) -> T:
        result = self._results[0] if self._results else self._late
        if isinstance(result, OperationError):
            self.over = True
            raise result
        return result

    def _end(self) -> None:
        self.over = True
        self._close()
