"""Reading and bounding JSON that a device sent: total functions, no exception reaches a handler."""

from __future__ import annotations

from typing import Any

import orjson

__all__ = ["as_name", "compact", "is_deeper", "object_of"]


def object_of(payload: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes, or None."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return document if type(document) is dict else None


def compact(value: Any) -> bytes:
    """JSON without blanks, which one official SDK's parser depends on."""
    return orjson.dumps(value)


def is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and arrays nest deeper than `levels`; never looks further down than that."""
    layer = [value]
    for _ in range(levels):
        below: list[Any] = []
        for inner in layer:
            if type(inner) is dict:
                below += inner.values()
            elif type(inner) is list:
                below += inner
        if not below:
            return False
        layer = below
    return any(type(inner) is dict or type(inner) is list for inner in layer)


def as_name(value: Any, longest: int = 128) -> str | None:
    """A text of 1 to `longest` characters, or None."""
    return value if type(value) is str and 0 < len(value) <= longest else None
