"""A limit is a number and what it is for: a field of a frozen dataclass, which `limits_page` prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field, fields
from typing import Any, TypeVar

__all__ = ["limit", "limits_of"]

NumberT = TypeVar("NumberT", int, float)


def limit(default: NumberT, what: str) -> NumberT:
    """A field with this default; its name ends in its unit (`_s`, `_bytes`), or it is a count."""
    found: NumberT = field(default=default, metadata={"what": what})
    return found


def limits_of(bounds: Any) -> Iterator[tuple[str, float, str]]:
    """Name, value and purpose of each limit of an instance."""
    for each in fields(bounds):
        yield each.name, getattr(bounds, each.name), each.metadata["what"]
