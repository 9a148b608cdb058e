"""HTTP requests and responses as values, and a call that waits for a device before it can be answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from jinqiao.gateway.platform.calls import Call

from .percent import decoded

__all__ = ["MAX_BODY", "MAX_PARAMETERS", "UNSIGNED_BYTES", "Request", "Response", "Waiting"]

#: A larger body is refused before it is read. The largest call is a Pub of 256 KB: 350,000 characters of base64, of
#: which a form escapes some.
MAX_BODY = 512 * 1024
#: A body up to this is looked at on the event loop, before it is known whose it is.
UNSIGNED_BYTES = 64 * 1024
#: Parameters of one call; lists are sent as `Name.1`, `Name.2` …
MAX_PARAMETERS = 2_000

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Request:
    """`query` is as on the wire; `headers` have lower-case names. Query and form are read once, when they are needed.

    Reading raises ValueError for too many parameters.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def query_pairs(self) -> list[tuple[str, str]]:
        """Names and values of the query, decoded."""
        return _pairs(self.query)

    @cached_property
    def form_pairs(self) -> list[tuple[str, str]]:
        """Names and values of a form body, decoded; none if the body is no form."""
        if not self.headers.get("content-type", "").lower().startswith(_FORM):
            return []
        return _pairs(self.body.decode("utf-8", "replace"))

    def parameters(self) -> dict[str, str]:
        """Query and form together; of a duplicate name the last value counts."""
        return dict([*self.query_pairs, *self.form_pairs])


def _pairs(text: str) -> list[tuple[str, str]]:
    if text.count("&") >= MAX_PARAMETERS:
        raise ValueError(f"more than {MAX_PARAMETERS}")
    pairs = []
    for pair in text.split("&"):
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:  # most are as they are
            name, value = decoded(name), decoded(value)
        if pair:
            pairs.append((name, value))
    return pairs


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Wait until `call` is answered, at most `timeout_s`, then `finish` is the response; close it in any case."""

    call: Call
    timeout_s: float
    finish: Callable[[], Response]
    close: Callable[[], None]
