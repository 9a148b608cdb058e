"""What of a message an expression looks at: so that nobody makes what nobody looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from .tree import Call, Node, Path, Star

__all__ = ["FLAT", "looks", "properties", "takes_body"]

#: The function that looks at properties without a path; its members become members of the result.
FLAT = "thingPropertyFlatMap"

#: Functions that take the payload as it is.
_OF_BODY = {"payload", "to_base64", "to_hex"}


def looks(node: Node) -> bool:
    """Whether it looks at the message's values."""
    return any(isinstance(part, Path) or (isinstance(part, Call) and part.function == FLAT) for part in _all(node))


def takes_body(nodes: Iterable[Node]) -> bool:
    """Whether any of these needs the message's bytes."""
    return any(isinstance(part, Call) and part.function in _OF_BODY for node in nodes for part in _all(node))


def properties(nodes: Iterable[Node]) -> frozenset[str] | None:
    """The properties of a post that these look at; None for all of them."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, Star):
            return None
        for part in _all(node):
            if isinstance(part, Call) and part.function == FLAT:
                return None
            if isinstance(part, Path) and part.steps[:1] == ("items",):
                if len(part.steps) < 2 or not isinstance(part.steps[1], str):
                    return None
                found.add(part.steps[1])
            elif isinstance(part, Path) and not part.steps:  # `$`, the whole message
                return None
    return frozenset(found)


def _all(node: Any) -> Iterator[Any]:
    """The node and everything in it; no deeper than a statement may be."""
    yield node
    if isinstance(node, tuple):
        inner: Iterable[Any] = node
    else:
        inner = (getattr(node, field.name) for field in fields(node)) if is_dataclass(node) else ()
    for part in inner:
        if isinstance(part, tuple) or is_dataclass(part):
            yield from _all(part)
