"""What goes through the HTTP port to a run that is controlled, and back: values, without a web server.

The run is in another process, or in this one; who answers is a `Controlled`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["PREFIX", "Carry", "ControlAnswer", "ControlRequest", "Controlled", "not_there", "refusal"]

#: What its paths begin with.
PREFIX = "/control"


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """`path` is decoded, `query` as on the wire. Whoever sent it has shown the token, if its path asks for one."""

    method: str
    path: str
    query: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """An HTTP status and a body of JSON."""

    status: int
    body: bytes
    allow: str = ""


Carry = Callable[[ControlRequest], Awaitable[ControlAnswer]]


@dataclass(frozen=True, slots=True)
class Controlled:
    """A run that is controlled by those who have the `token`; `carry` answers their requests."""

    token: str
    carry: Carry


def refusal(status: int, pointer: str, found: Any, expected: str, allow: str = "") -> ControlAnswer:
    """The answer to a request that does not fit; `allow` lists the methods that the path has."""
    error = {"pointer": pointer, "found": found, "expected": expected}
    return ControlAnswer(status, json.dumps({"error": error}).encode(), allow)


def not_there() -> ControlAnswer:
    """The answer to what comes when the run has ended."""
    return refusal(503, "", "a run that has ended", "a run that goes on")
