"""A statement: `parse` reads one, `evaluate` says what it makes of a message."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from .compiling import Condition, Selection, compiled, condition
from .functions.row import Made
from .looking import FLAT, looks
from .message import Message
from .tree import Call, Field, Node, Star, field_name, quoted

if TYPE_CHECKING:
    from .hits import Hits
    from .posts import FleetPosts

__all__ = ["Statement", "parse", "parse_parts"]


def parse(sql: str) -> Statement:
    """The statement in this text; raises RuleError with line, column, what was found and what is expected."""
    from .reading import read  # brings lark, which a gateway without rules does not need

    return Statement(*read(sql))


def parse_parts(select: str, topic: str, where: str = "") -> Statement:
    """The statement of these clauses, as the OpenAPI has them; the positions in a RuleError are the clause's."""
    from .reading import read

    filter_ = topic if topic[:1] in ("'", '"') else quoted(topic)
    return Statement(
        read(select, "fields"), read(filter_, "topic"), read(where, "expression") if where.strip() else None
    )


@dataclass(frozen=True)
class Statement:
    """What is selected, from which topics, and on which condition; `str` of it is SQL that parses to an equal one.

    `topic` is a filter on the topics of forwarded messages, without `/sys`.
    """

    fields: tuple[Field, ...]
    topic: str
    where: Node | None = None

    def __str__(self) -> str:
        where = f" WHERE {self.where}" if self.where is not None else ""
        return f"SELECT {', '.join(map(str, self.fields))} FROM {quoted(self.topic)}{where}"

    @cached_property
    def passes_through(self) -> bool:
        """Whether it selects `*` and nothing else: then the result is the message's body."""
        return self.fields == (Field(Star()),)

    def evaluate(self, message: Message) -> dict[str, Any] | bytes | None:
        """What it makes of a message whose topic it matches: None where its condition is not true.

        A payload that is not JSON has no values: a statement that looks at any (by a path, or by `*` beside other
        fields) makes nothing of it. `SELECT *` makes of it, and of JSON that is no object, the bytes themselves.
        """
        values = message.values
        if values is None and self._reads:
            try:
                values = orjson.loads(message.body)
            except orjson.JSONDecodeError:
                if self._needs:
                    return None
        if self._holds is not None and not self._holds(values, message):
            return None
        return self._made(values, message)

    def on_columns(self, posts: FleetPosts) -> Hits:
        """The rows of these posts on which its condition is true and whose topic it matches, and what it makes of them.

        The same as `evaluate` of each message by itself.
        """
        from .hits import find  # brings NumPy, which a platform without simulated vehicles does not need

        return find(posts, self.fields, self.topic, self.where, self._holds, self._made)

    @cached_property
    def _holds(self) -> Condition | None:
        return condition(self.where) if self.where is not None else None

    @cached_property
    def _needs(self) -> bool:
        """Whether it makes nothing of a message without values."""
        shown = any(looks(field.node) for field in self.fields if not isinstance(field.node, Star))
        beside = len(self.fields) > 1 and any(isinstance(field.node, Star) for field in self.fields)
        return shown or beside or (self.where is not None and looks(self.where))

    @cached_property
    def _reads(self) -> bool:
        """Whether a payload has to be read."""
        return self._needs or self.passes_through

    @cached_property
    def _made(self) -> Selection:
        if self.passes_through:
            return lambda values, message: dict(values) if type(values) is dict else message.body
        if all(not _merges(field) for field in self.fields):
            named = [(field_name(field), compiled(field.node)) for field in self.fields]
            return lambda values, message: {name: value(values, message) for name, value in named}
        parts = [(field_name(field), compiled(field.node), _merges(field)) for field in self.fields]
        return lambda values, message: _merged(parts, values, message)


def _merges(field: Field) -> bool:
    """Whether the members of its value become members of the result."""
    node = field.node
    return field.alias is None and (isinstance(node, Star) or (isinstance(node, Call) and node.function == FLAT))


def _merged(parts: list[tuple[str, Made, bool]], values: Any, message: Message) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value, merges in parts:
        found = value(values, message)
        if not merges:
            result[name] = found
        elif type(found) is dict:
            result |= found
    return result
