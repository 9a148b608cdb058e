"""The grammar of conditions, and the words for what it expects.

A language that contains conditions puts its own rules before `RULES` and its own terminals before `TERMINALS`. Words of
the language are terminals of priority 2, so that a name is only what no word is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from jinqiao.base.words import one_of

__all__ = ["RULES", "TERMINALS", "WORDS", "expected_words"]

RULES = r"""
?condition: conjunction (OR conjunction)* -> either
?conjunction: negation (AND negation)* -> all_of
?negation: NOT negation -> negated
         | "(" condition ")"
         | STATE -> state
         | NAME COMPARES value -> compared
         | NAME BETWEEN value AND value -> between
value: MINUS? NUMBER UNIT? -> quantity
     | NAME -> word
     | STATE -> word
     | TEXT -> text
"""

# The unit of a number stands behind it, and there only: what a lexer accepts depends on the place.
TERMINALS = r"""
OR.2: /or\b/
AND.2: /and\b/
NOT.2: /not\b/
BETWEEN.2: /between\b/
STATE.2: /(parked|driving|charging|queueing)\b(?![:.\[])/
COMPARES: "<=" | ">=" | "==" | "!=" | "<" | ">"
MINUS: "-"
NUMBER: /[0-9]+(\.[0-9]+)?/
UNIT: /%|[^\W\d_]+([\/][0-9]*[^\W\d_]+)?(\^2)?/
TEXT: /"[^"\r\n]*"|'[^'\r\n]*'/
NAME: /[^\W\d]\w*(:\w+)?(\.\w+|\[[0-9]+\])?/
%ignore /\s+/
"""

#: Terminals by the words of an error.
WORDS: Mapping[str, str] = {
    "NAME": "a signal of the thing model, like StateOfCharge",
    "STATE": "a state of vehicles",
    "NUMBER": "a number with its unit",
    "UNIT": "a unit",
    "COMPARES": "a comparison (< <= > >= == !=)",
    "BETWEEN": "'between'",
    "LPAR": "'('",
    "RPAR": "')'",
    "AND": "'and'",
    "OR": "'or'",
    "NOT": "'not'",
    "$END": "the end",
}
#: What is not worth a word where something else may stand as well.
_MINOR = frozenset({"MINUS", "TEXT", "LPAR", "NOT"})


def expected_words(terminals: Collection[str], words: Mapping[str, str] = WORDS) -> str:
    """What these terminals are, in a sentence; `words` has the terms of a larger language."""
    names = set(terminals)
    names = names - _MINOR or names
    if "NUMBER" in names:
        names -= {"NAME", "STATE"}
    shown = list(dict.fromkeys(words.get(name, name.lower()) for name in (*words, *sorted(names)) if name in names))
    return one_of(shown)
