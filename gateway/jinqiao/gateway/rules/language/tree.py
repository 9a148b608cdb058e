"""What a statement is made of: plain values, each of which prints as SQL that parses to the same again.

Chains (`a AND b AND c`, `a + b - c`) are one node however long they are, so that depth means nesting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .paths import Step

__all__ = [
    "KEYWORDS",
    "And",
    "Arithmetic",
    "Call",
    "Case",
    "Comparison",
    "Constant",
    "Field",
    "In",
    "IsNull",
    "Like",
    "Negative",
    "Node",
    "Not",
    "Or",
    "Path",
    "Scalar",
    "Star",
    "field_name",
    "quoted",
]

Scalar = str | int | float | bool | None

#: Words that a path without quotes cannot be.
KEYWORDS = frozenset(
    {
        *("select", "from", "where", "as", "case", "when", "then", "else", "end"),
        *("and", "or", "not", "in", "like", "is", "null", "true", "false"),
    }
)


@dataclass(frozen=True, slots=True)
class Constant:
    value: Scalar

    def __str__(self) -> str:
        value = self.value
        if isinstance(value, str):
            return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
        return "NULL" if value is None else repr(value).upper() if isinstance(value, bool) else repr(value)


@dataclass(frozen=True, slots=True)
class Path:
    """A place in the message: `text` as it was written, without quotes, and the steps that lead there.

    The result of one that is `in_array` stands in an array of its own.
    """

    text: str
    steps: tuple[Step, ...]
    in_array: bool = False

    def __str__(self) -> str:
        return self.text if _needs_no_quotes(self.text) else quoted(self.text)


@dataclass(frozen=True, slots=True)
class Star:
    """`*`: the whole message."""

    def __str__(self) -> str:
        return "*"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table, by its name there."""

    function: str
    arguments: tuple[Node, ...]

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`first + a - b …`, or `first * a / b % c …`, from left to right."""

    first: Node
    rest: tuple[tuple[str, Node], ...]

    def __str__(self) -> str:
        return _inner(self.first) + "".join(f" {operator} {_inner(term)}" for operator, term in self.rest)


@dataclass(frozen=True, slots=True)
class Negative:
    of: Node

    def __str__(self) -> str:
        return f"- {_inner(self.of)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: Literal["=", "<>", "<", "<=", ">", ">="]
    left: Node
    right: Node

    def __str__(self) -> str:
        return f"{_inner(self.left)} {self.operator} {_inner(self.right)}"


@dataclass(frozen=True, slots=True)
class In:
    value: Node
    options: tuple[Scalar, ...]
    negated: bool = False

    def __str__(self) -> str:
        options = ", ".join(str(Constant(option)) for option in self.options)
        return f"{_inner(self.value)} {'NOT ' if self.negated else ''}IN ({options})"


@dataclass(frozen=True, slots=True)
class Like:
    """`%` in the pattern stands for any text; every other character for itself."""

    value: Node
    pattern: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{_inner(self.value)} {'NOT ' if self.negated else ''}LIKE {Constant(self.pattern)}"


@dataclass(frozen=True, slots=True)
class IsNull:
    value: Node
    negated: bool = False

    def __str__(self) -> str:
        return f"{_inner(self.value)} IS {'NOT ' if self.negated else ''}NULL"


@dataclass(frozen=True, slots=True)
class Not:
    of: Node

    def __str__(self) -> str:
        return f"NOT {_inner(self.of)}"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(map(_inner, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(map(_inner, self.parts))


@dataclass(frozen=True, slots=True)
class Case:
    """The first branch whose condition is true, or, where there is a `subject`, whose value equals it."""

    subject: Node | None
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None

    def __str__(self) -> str:
        subject = f" {self.subject}" if self.subject is not None else ""
        branches = "".join(f" WHEN {when} THEN {then}" for when, then in self.branches)
        otherwise = f" ELSE {self.otherwise}" if self.otherwise is not None else ""
        return f"CASE{subject}{branches}{otherwise} END"


Node = Constant | Path | Star | Call | Arithmetic | Negative | Comparison | In | Like | IsNull | Not | And | Or | Case


@dataclass(frozen=True, slots=True)
class Field:
    """One of what a statement selects."""

    node: Node
    alias: str | None = None

    def __str__(self) -> str:
        if self.alias is None:
            return str(self.node)
        return f"{self.node} AS {self.alias if _needs_no_quotes(self.alias) else quoted(self.alias)}"


def field_name(field: Field) -> str:
    """Its name in the result: the alias, a path as it was written, or the expression."""
    if field.alias is not None:
        return field.alias
    return field.node.text if isinstance(field.node, Path) else str(field.node)


def quoted(text: str) -> str:
    """A path, a name or a topic in double quotes, within which nothing is special."""
    return f'"{text}"'


def _inner(node: Node) -> str:
    """The node as part of another: what has operators stands in parentheses."""
    if isinstance(node, Constant | Path | Call | Star | Case) and not _is_negative(node):
        return str(node)
    return f"({node})"


def _is_negative(node: Node) -> bool:
    return isinstance(node, Constant) and str(node).startswith("-")


def _needs_no_quotes(text: str) -> bool:
    parts = text.replace(":", ".").split(".")
    return text.isascii() and all(part.isidentifier() for part in parts) and text.lower() not in KEYWORDS
