"""From text to condition, with errors that point into the text."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from lark import Lark, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from jinqiao.base.words import Refused, show

from .building import ConditionBuilder, Part
from .condition import Condition
from .grammar import RULES, TERMINALS, WORDS, expected_words

__all__ = ["MOST_CHARACTERS", "parse_condition", "read"]

#: A longer text, or deeper nesting, is nobody's condition.
MOST_CHARACTERS, MOST_DEPTH = 1_000, 20


def parse_condition(text: object) -> Condition:
    """The condition that a text says. Raises Refused, with the offset in the text where something is wrong."""
    part = read(_parser(), text, "condition")
    assert isinstance(part, Part)
    return Condition(str(text), part.signals, part.test, part.never)


@cache
def _parser() -> Lark:
    return Lark(
        RULES + TERMINALS,
        parser="lalr",
        start="condition",
        transformer=ConditionBuilder(),
        maybe_placeholders=False,
    )


def read(parser: Lark, text: object, what: str, words: Mapping[str, str] = WORDS) -> Any:
    """What `parser` makes of a text that should be a `what`. Raises Refused(at=…) for whatever is wrong."""
    article = "an" if what[0] in "aeiou" else "a"
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"found {show(text)}, expected {article} {what}")
    if len(text) > MOST_CHARACTERS:
        raise Refused(f"found {len(text):,} characters, expected {article} {what} of at most {MOST_CHARACTERS:,}")
    if _depth(text) > MOST_DEPTH:
        raise Refused(f"found more than {MOST_DEPTH} open parentheses, expected a simpler {what}")
    try:
        return parser.parse(text)
    except UnexpectedInput as error:
        raise _refusal(parser, text, error, words) from None
    except VisitError as error:
        if isinstance(error.orig_exc, Refused):
            raise error.orig_exc from None
        raise


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    return deepest


def _refusal(parser: Lark, text: str, error: UnexpectedInput, words: Mapping[str, str]) -> Refused:
    place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        place = len(text.rstrip())
    if isinstance(error, UnexpectedCharacters) or place < len(text.rstrip()):
        found = repr(text[place:].split(maxsplit=1)[0][:40])
    else:
        found = "the end"
    hint = ""
    if found.startswith(("'=", '"=')):
        hint = "equality is written =="
    return Refused(f"found {found}, expected {_expected_behind(parser, text[:place], words)}", hint, at=place)


def _expected_behind(parser: Lark, before: str, words: Mapping[str, str]) -> str:
    """What may come behind this text: the error itself names less, for the parser may have gone on meanwhile."""
    parsing = parser.parse_interactive(before)
    parsing.exhaust_lexer()
    return expected_words(parsing.accepts(), words)  # type: ignore[no-untyped-call]
