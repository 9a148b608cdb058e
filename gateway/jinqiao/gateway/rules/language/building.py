"""From text to tree: every rule of the grammar makes its node, and refuses what the grammar alone cannot.

The parser calls these functions as it reduces, bottom up, so nothing here recurses however a text nests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from lark import Token, Transformer

from jinqiao.base.errors import ProtocolError, RuleError
from jinqiao.base.words import did_you_mean
from jinqiao.wire.mqtt.topics import check_filter

from .functions.table import FUNCTIONS
from .limits import MAX_DEPTH, MAX_FIELDS
from .paths import scan
from .tree import (
    KEYWORDS,
    And,
    Arithmetic,
    Call,
    Case,
    Comparison,
    Constant,
    Field,
    In,
    IsNull,
    Like,
    Negative,
    Node,
    Not,
    Or,
    Path,
    Star,
)

__all__ = ["Builder", "Parsed", "Part"]


class Parsed(NamedTuple):
    """A whole statement."""

    fields: tuple[Field, ...]
    topic: str
    where: Node | None


class Part(NamedTuple):
    """A node with where it begins, how deep it is, and whether a CASE is in it."""

    node: Any
    line: int
    column: int
    depth: int = 1
    has_case: bool = False

    def error(self, found: str, expected: str, hint: str = "") -> RuleError:
        return RuleError(self.line, self.column, found, expected, hint)


def _at(token: Token, node: Any) -> Part:
    return Part(node, token.line or 1, token.column or 1)


def _joined(node: Any, parts: Sequence[Part], first: Token | Part | None = None, *, case: bool = False) -> Part:
    """A node of these parts, which begins with the first of them, or with what stands before it."""
    begin = first if first is not None else parts[0]
    depth = 1 + max((part.depth for part in parts), default=0)
    whole = Part(node, begin.line or 1, begin.column or 1, depth, case or any(part.has_case for part in parts))
    if depth > MAX_DEPTH:
        raise whole.error(f"an expression nested more than {MAX_DEPTH} deep", "a simpler one")
    return whole


def _parts(children: Sequence[Any]) -> list[Part]:
    """The nodes among these, without the words between them."""
    return [child for child in children if isinstance(child, Part)]


def _has(children: Sequence[Any], terminal: str) -> bool:
    return any(isinstance(child, Token) and child.type == terminal for child in children)


Children = Sequence[Any]


class Builder(Transformer[Token, Any]):
    """One method for each rule of the grammar, by its name."""

    def statement(self, children: Children) -> Parsed:
        _, fields, _, topic, *where = children
        return Parsed(fields, topic.node, where[1].node if where else None)

    def fields(self, children: Children) -> tuple[Field, ...]:
        parts = _parts(children)
        if len(parts) > MAX_FIELDS:
            raise parts[MAX_FIELDS].error("one field more", f"at most {MAX_FIELDS} fields")
        return tuple(part.node for part in parts)

    def everything(self, children: Children) -> Part:
        return _at(children[0], Field(Star()))

    def field(self, children: Children) -> Part:
        part: Part = children[0]
        alias = children[1:]
        return part._replace(node=Field(part.node, alias[1].node if alias else None))

    def alias(self, children: Children) -> Part:
        (token,) = children
        part = _at(token, _text(token) if token.type == "TEXT" else token.strip('"'))
        _is_no_keyword(token)
        if not part.node or '"' in part.node or "\n" in part.node or "\r" in part.node:
            raise part.error(str(token), "a name")
        return part

    def topic(self, children: Children) -> Part:
        """The filter; `/sys` before it, which the platform's older pages still have, is dropped."""
        (token,) = children
        text = _text(token) if token.type == "TEXT" else token.strip('"')
        part = _at(token, text.removeprefix("/sys") if text.startswith("/sys/") else text)
        if not part.node.startswith("/") or '"' in part.node or "\n" in part.node or "\r" in part.node:
            raise part.error(str(token), "a topic, which begins with /")
        try:
            check_filter(part.node)
        except ProtocolError as error:
            raise part.error(str(token), "a topic", str(error)) from None
        return part

    def expression(self, children: Children) -> Part:
        parts = _parts(children)
        return _joined(Or(tuple(part.node for part in parts)), parts)

    def conjunction(self, children: Children) -> Part:
        parts = _parts(children)
        return _joined(And(tuple(part.node for part in parts)), parts)

    def negated(self, children: Children) -> Part:
        return _joined(Not(children[1].node), _parts(children), children[0])

    def compared(self, children: Children) -> Part:
        left, operator, right = children
        sign = cast(Any, "<>" if operator == "!=" else str(operator))
        return _joined(Comparison(sign, left.node, right.node), [left, right])

    def inside(self, children: Children) -> Part:
        value, *options = _parts(children)
        for option in options:
            if not isinstance(option.node, Constant):
                raise option.error(str(option.node), "a constant")
        node = In(value.node, tuple(option.node.value for option in options), _has(children, "NOT"))
        return _joined(node, [value])

    def like(self, children: Children) -> Part:
        value = children[0]
        return _joined(Like(value.node, _text(children[-1]), _has(children, "NOT")), [value])

    def is_null(self, children: Children) -> Part:
        value = children[0]
        return _joined(IsNull(value.node, _has(children, "NOT")), [value])

    def total(self, children: Children) -> Part:
        operators, terms = children[1::2], children[2::2]
        rest = tuple((str(operator), term.node) for operator, term in zip(operators, terms, strict=True))
        return _joined(Arithmetic(children[0].node, rest), _parts(children))

    product = total

    def negative(self, children: Children) -> Part:
        sign: Token = children[0]
        of: Part = children[1]
        value = of.node.value if isinstance(of.node, Constant) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _at(sign, Constant(-value))
        return _joined(Negative(of.node), [of], sign)

    def group(self, children: Children) -> Part:
        part: Part = children[0]
        return part

    def plain_path(self, children: Children) -> Part:
        _is_no_keyword(children[0])
        return _path(children[0], str(children[0]))

    def quoted_path(self, children: Children) -> Part:
        return _path(children[0], children[0][1:-1])

    def star(self, children: Children) -> Part:
        return _at(children[0], Star())

    def call(self, children: Children) -> Part:
        name, *_ = children
        function = FUNCTIONS.get(name.lower())
        if function is None:
            raise _at(name, None).error(f"function {name}", f"a function{did_you_mean(name, _NAMES)}")
        arguments = _parts(children)
        nodes = tuple(part.node for part in arguments)
        call = _joined(Call(function.name, nodes), arguments, name)
        if not function.least <= len(nodes) <= function.most:
            raise call.error(_counted(len(nodes)), f"{function.signature}")
        for part, number in zip(arguments, range(len(nodes)), strict=True):
            expected = function.refuses(number, part.node)
            if expected:
                raise part.error(str(part.node), expected, function.signature)
        return call

    def case(self, children: Children) -> Part:
        """`CASE`, perhaps a subject, branches as pairs, perhaps `ELSE` and what else, `END`."""
        begin = children[0]
        inner = [child for child in children if not isinstance(child, Token)]
        subject = inner.pop(0) if isinstance(inner[0], Part) else None
        otherwise = inner.pop() if isinstance(inner[-1], Part) else None
        branches = cast("list[tuple[Part, Part]]", inner)
        parts = [part for branch in branches for part in branch]
        parts += [part for part in (subject, otherwise) if part is not None]
        for part in parts:
            if part.has_case:
                raise part.error("a CASE within a CASE", "an expression without one, as on the platform")
        node = Case(
            subject.node if subject is not None else None,
            tuple((when.node, then.node) for when, then in branches),
            otherwise.node if otherwise is not None else None,
        )
        return _joined(node, parts, begin, case=True)

    def when(self, children: Children) -> tuple[Part, Part]:
        when, then = _parts(children)
        return when, then

    def number(self, children: Children) -> Part:
        (token,) = children
        value = int(token) if len(token) < 16 and token.isdigit() else float(token)
        part = _at(token, Constant(value))
        if value == float("inf"):
            raise part.error(str(token)[:40], "a number that a double can hold")
        return part

    def text(self, children: Children) -> Part:
        return _at(children[0], Constant(_text(children[0])))

    def true(self, children: Children) -> Part:
        return _at(children[0], Constant(True))

    def false(self, children: Children) -> Part:
        return _at(children[0], Constant(False))

    def null(self, children: Children) -> Part:
        return _at(children[0], Constant(None))


_NAMES = [function.name for function in FUNCTIONS.values()]


def _counted(arguments: int) -> str:
    return f"{arguments} argument{'' if arguments == 1 else 's'}"


def _is_no_keyword(token: Token) -> None:
    """The lexer takes a word of SQL for a path where only a path may come."""
    if token.lower() in KEYWORDS:
        raise _at(token, None).error(str(token), "a value", f'a name that is a word of SQL stands in quotes: "{token}"')


def _path(token: Token, text: str) -> Part:
    try:
        steps, in_array = scan(text)
    except ValueError as error:
        raise _at(token, None).error(str(token)[:40], str(error)) from None
    return _at(token, Path(text, steps, in_array))


def _text(token: Token) -> str:
    r"""What stands in single quotes: `\'`, `\\` and `''` are one character, any other backslash is itself."""
    inner, made, place = str(token)[1:-1], [], 0
    while place < len(inner):
        pair = inner[place : place + 2]
        double = pair in ("\\'", "\\\\", "''")
        made.append(pair[-1] if double else pair[0])
        place += 2 if double else 1
    return "".join(made)
