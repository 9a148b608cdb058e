"""A rule and its actions, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["BINARY", "FIRST_ID", "JSON", "Place", "Rule", "RuleAction", "place_in"]

#: Data types: what the payloads that a rule reads are.
JSON, BINARY = "JSON", "BINARY"
#: Rules that somebody makes are numbered from here; those of a registry file from 1.
FIRST_ID = 100_000

_SELECT, _FROM, _WHERE = "SELECT ", "FROM ", "WHERE "


@dataclass(frozen=True, slots=True)
class RuleAction:
    """What a rule does with its output. `configuration` is a JSON object as text, in the form that `type` asks for.

    With `on_error` it gets what the rule's other actions failed to send, and nothing else.
    """

    id: int
    type: str
    configuration: str
    on_error: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """`select` and `where` are what follows these words, `topic` the filter between them; or `text` is the whole.

    `short_topic` and `topic_type` (0 a system topic, 1 a custom one, 2 status, -1 none) are as the caller gave them.
    `owner` is the name of the account whose products it may read and write.
    """

    id: int
    name: str
    owner: str
    select: str = ""
    where: str = ""
    topic: str = ""
    text: str = ""
    short_topic: str = ""
    topic_type: int = -1
    product_key: str = ""
    data_type: str = JSON
    description: str = ""
    running: bool = False
    created_ms: int = 0
    modified_ms: int = 0
    actions: tuple[RuleAction, ...] = ()

    @property
    def sql(self) -> str:
        """The statement; empty while it lacks its SELECT or its topic."""
        if self.text:
            return self.text
        if not self.select or not self.topic:
            return ""
        where = f"\n{_WHERE}{self.where}" if self.where else ""
        return f'{_SELECT}{self.select}\n{_FROM}"{self.topic}"{where}'

    @property
    def of_file(self) -> bool:
        """Whether it is a line of the registry file, which nothing but the file changes."""
        return self.id < FIRST_ID

    def dump(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def load(cls, value: Mapping[str, Any]) -> Rule:
        """The rule that was dumped. Raises TypeError, KeyError."""
        return cls(**{**value, "actions": tuple(RuleAction(**action) for action in value["actions"])})


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is: `part` is `Select`, `Topic`, `Where`, or empty for all. Line and column from 1."""

    part: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.part + ', ' if self.part else ''}line {self.line}, column {self.column}"


def place_in(rule: Rule, line: int, column: int) -> Place:
    """A place of the rule's statement, in the part that the caller wrote."""
    if rule.text:
        return Place("", line, column)
    where = rule.select.count("\n") + 3
    if line < where - 1:
        return Place("Select", line, max(column - len(_SELECT), 1) if line == 1 else column)
    if line == where - 1:
        return Place("Topic", 1, max(column - len(_FROM) - 1, 1))
    return Place("Where", line - where + 1, max(column - len(_WHERE), 1) if line == where else column)
