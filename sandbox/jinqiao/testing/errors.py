"""What can go wrong between a test and its sandbox."""

from __future__ import annotations

from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.base.words import show

__all__ = ["ControlError", "SandboxFailed"]


class ControlError(InputError):
    """The run refuses a request: `pointer` (RFC 6901) is the place in its body, `found` the value there.

    `expected` says what fits; `status` is 400, 401, 404 or 409.
    """

    def __init__(self, status: int, pointer: str, found: Any, expected: str) -> None:
        self.status, self.pointer, self.found, self.expected = status, pointer, found, expected
        place = f"{pointer}: " if pointer else ""
        super().__init__(f"{place}found {show(found)}, expected {expected}")


class SandboxFailed(EnvironmentFault):
    """There is no run to talk to, or none any more."""
