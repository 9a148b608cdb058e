"""A statement on a fleet's posts: which rows its condition is true of, and what it makes of them.

The condition is evaluated on whole columns. Where it is `AND` of several, those that are no column are left for the
rows that the others let through. Of the results likewise: each field is a column of values where it can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.wire.mqtt.topics import matches

from .arrays import NotOnColumns
from .columns import Columns
from .compiling import Condition, Selection
from .looking import properties, takes_body
from .message import Message
from .posts import FleetPosts
from .tree import And, Call, Case, Field, Node, Path, field_name
from .values import number

__all__ = ["Hits", "find"]

_NONE = np.empty(0, np.intp)


def find(
    posts: FleetPosts,
    fields: tuple[Field, ...],
    topic: str,
    where: Node | None,
    holds: Condition | None,
    made: Selection,
) -> Hits:
    """The hits of a statement with these clauses; `holds` and `made` are its condition and selection on one message."""
    rows = _addressed(posts, topic)
    hits = Hits(posts, rows, fields, made)
    if where is None or holds is None or not len(rows):
        return hits
    all_rows = len(rows) == len(posts)
    mask, is_whole = _mask(Columns(posts, None if all_rows else rows), where)
    rows = (rows if mask else _NONE) if isinstance(mask, bool) else rows[mask]
    if not is_whole:
        one = _OneByOne(posts, properties([where]), takes_body([where]))
        rows = np.array([row for row, values, message in one.each(rows) if holds(values, message)], np.intp)
    return Hits(posts, rows, fields, made)


@dataclass(frozen=True)
class Hits:
    """`rows`, shape (k,), rising, of `posts`; the results are made when somebody asks for them."""

    posts: FleetPosts
    rows: NDArray[np.intp]
    _fields: tuple[Field, ...] = field(repr=False)
    _made: Selection = field(repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    def first(self, count: int) -> Hits:
        """The first of them, at most so many."""
        return replace(self, rows=self.rows[:count])

    def results(self) -> list[dict[str, Any] | bytes]:
        """What the statement makes of each row, in their order: what `evaluate` returns for it."""
        if not len(self.rows):
            return []
        columns = Columns(self.posts, self.rows)
        try:
            values = [_shown(columns, field.node) for field in self._fields]
        except NotOnColumns:
            return self._row_by_row()
        names = [field_name(field) for field in self._fields]
        return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]

    def _row_by_row(self) -> list[dict[str, Any] | bytes]:
        nodes = [field.node for field in self._fields]
        one = _OneByOne(self.posts, properties(nodes), takes_body(nodes))
        return [self._made(values, message) for _, values, message in one.each(self.rows)]


@dataclass(frozen=True)
class _OneByOne:
    """Rows as messages with no more in them than is looked at."""

    posts: FleetPosts
    chosen: frozenset[str] | None
    with_body: bool

    def each(self, rows: NDArray[np.intp]) -> Iterator[tuple[int, dict[str, Any], Message]]:
        for row, values in zip(rows.tolist(), self.posts.values(rows, self.chosen), strict=True):
            yield row, values, self.posts.message(row, with_body=self.with_body)


def _addressed(posts: FleetPosts, topic: str) -> NDArray[np.intp]:
    """The rows whose topics this filter matches."""
    if posts.said.kind != "property_post":
        return _NONE
    levels = topic.split("/")
    name = levels[2] if len(levels) > 2 and levels[2] not in ("+", "#") else ""
    if not matches(topic, f"/{posts.product_key}/{name or 'any'}/thing/event/property/post"):
        return _NONE
    if not name:
        return np.arange(len(posts), dtype=np.intp)
    if not name.isascii():
        return _NONE
    return np.flatnonzero(Columns(posts).names == name.encode())


def _mask(columns: Columns, where: Node) -> tuple[bool | NDArray[np.bool_], bool]:
    """Where the condition may be true, and whether it is true there."""
    try:
        return columns.condition(where), True
    except NotOnColumns:
        pass
    mask: Any = True
    for part in where.parts if isinstance(where, And) else ():
        try:
            mask = mask & columns.condition(part)
        except NotOnColumns:
            continue
    return mask, False


def _shown(columns: Columns, node: Node) -> list[Any]:
    """The values of a field, as a message's own would be; raises NotOnColumns."""
    if isinstance(node, Path):
        return columns.shown(node)
    value = columns.value(node)
    if not isinstance(value, np.ndarray):
        return [value] * columns.count
    if value.dtype.kind == "S":
        return [name.decode() for name in value.tolist()]
    if value.dtype.kind == "b":
        return list(value.tolist())
    if isinstance(node, Case) or (isinstance(node, Call) and node.function == "nanvl"):
        raise NotOnColumns  # these pass values on: 5.0 stays 5.0, which arithmetic would make 5
    return [number(one) for one in value.tolist()]
