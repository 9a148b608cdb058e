"""From text to tree: `read`, and its errors in our words."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from jinqiao.base.errors import RuleError

from .building import Builder, Part
from .grammar import GRAMMAR, START, expected_words
from .limits import MAX_SQL

__all__ = ["read"]

Start = Literal["statement", "fields", "topic", "expression"]


def read(text: str, start: Start = "statement") -> Any:
    """What the text says: `Parsed`, a tuple of fields, a topic or a node. Raises RuleError."""
    if len(text) > MAX_SQL:
        raise RuleError(1, 1, f"{len(text):,} characters", f"at most {MAX_SQL:,}")
    try:
        text.encode()
    except UnicodeEncodeError as error:  # half a character: no result that is JSON could hold it
        raise RuleError(*_position(text, error.start), "half a character", "text that is UTF-8") from None
    try:
        part = _parser().parse(text, start=start)
    except UnexpectedInput as error:
        raise _refusal(text, start, error) from None
    return part.node if isinstance(part, Part) else part


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", start=list(START), transformer=Builder(), maybe_placeholders=False)


def _position(text: str, place: int) -> tuple[int, int]:
    """Line and column of a character, both from 1."""
    return text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)


def _refusal(text: str, start: Start, error: UnexpectedInput) -> RuleError:
    """The error in our words."""
    place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        place = len(text)
    before = text[:place]
    line, column = _position(text, place)
    if place == len(text):
        return RuleError(line, column, "the end", _expected_behind(before, start))
    found = str(error.token) if isinstance(error, UnexpectedToken) else text[place:].split(maxsplit=1)[0]
    hint = ""
    if found[0] in "‘’“”":
        hint = "quotes are straight: 'a constant', \"a.path\""
    elif found[0] in "'\"" and isinstance(error, UnexpectedCharacters):
        hint = "the quote is not closed"
    return RuleError(line, column, found[:40], _expected_behind(before, start), hint)


def _expected_behind(before: str, start: Start) -> str:
    """What may come behind this text.

    An error does not know: when it comes up, the parser may have reduced what another sign would have continued.
    """
    parsing = _parser().parse_interactive(before, start)
    parsing.exhaust_lexer()
    return expected_words(parsing.accepts())  # type: ignore[no-untyped-call]
