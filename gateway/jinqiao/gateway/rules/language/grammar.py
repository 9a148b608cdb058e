"""The grammar of a statement, and the words for what it expects.

What the platform's page "SQL statements" lists, and beyond it `!=`, `NOT`, `NOT IN` and `IS NULL`. Everything is an
expression, as there; whether it is a number or a condition shows when it is evaluated.
"""

from __future__ import annotations

from collections.abc import Collection

from jinqiao.base.words import one_of

__all__ = ["GRAMMAR", "START", "expected_words"]

#: What can be parsed: a statement, or the parts of one as the OpenAPI has them.
START = ("statement", "fields", "topic", "expression")

# Terminals that are words are compared without case; so is PATH, for only then lark prefers a word to a path.
GRAMMAR = r"""
statement: SELECT fields FROM topic (WHERE expression)?
fields: field ("," field)*
field: STAR -> everything
     | expression (AS alias)?
alias: PATH | QUOTED | TEXT
topic: TOPIC | QUOTED | TEXT

?expression: conjunction (OR conjunction)*
?conjunction: negation (AND negation)*
?negation: NOT negation -> negated
         | comparison
?comparison: total
           | total COMPARES total -> compared
           | total NOT? IN "(" constant ("," constant)* ")" -> inside
           | total NOT? LIKE TEXT -> like
           | total IS NOT? NULL -> is_null
?total: product ((PLUS | MINUS) product)*
?product: sign ((STAR | SLASH | PERCENT) sign)*
?sign: MINUS sign -> negative
     | atom
?atom: plain
     | PATH -> plain_path
     | QUOTED -> quoted_path
     | PATH "(" (argument ("," argument)*)? ")" -> call
     | CASE expression? when+ (ELSE expression)? END -> case
     | "(" expression ")" -> group
?argument: STAR -> star
         | expression
when: WHEN expression THEN expression
?constant: plain
         | MINUS plain -> negative
?plain: NUMBER -> number
      | TEXT -> text
      | TRUE -> true
      | FALSE -> false
      | NULL -> null

SELECT: "select"i
FROM: "from"i
WHERE: "where"i
AS: "as"i
AND: "and"i
OR: "or"i
NOT: "not"i
IN: "in"i
LIKE: "like"i
IS: "is"i
NULL: "null"i
TRUE: "true"i
FALSE: "false"i
CASE: "case"i
WHEN: "when"i
THEN: "then"i
ELSE: "else"i
END: "end"i

STAR: "*"
PLUS: "+"
MINUS: "-"
SLASH: "/"
PERCENT: "%"
COMPARES: "=" | "<>" | "!=" | "<=" | ">=" | "<" | ">"
NUMBER: /\d+(\.\d+)?(e[+-]?\d+)?/i
TEXT: /'([^'\\]|\\[\s\S]|'')*'/
QUOTED: /"[^"\r\n]+"/
PATH: /[^\W\d]\w*(:\w+)?(\[\d+\])*(\.\w+(:\w+)?(\[\d+\])*)*/i
TOPIC: /\/[^\s"',;()]+/

%ignore /\s+/
"""

#: Terminals by the words of an error; what is not here is named by itself.
_WORDS = {
    **dict.fromkeys(("PATH", "QUOTED", "NUMBER", "TEXT", "TRUE", "FALSE", "NULL", "CASE", "LPAR"), "a value"),
    **dict.fromkeys(("PLUS", "MINUS", "SLASH", "PERCENT", "COMPARES", "IN", "LIKE", "IS", "AND", "OR"), "an operator"),
    "TOPIC": 'a topic such as "/pk/+/thing/event/property/post"',
    "COMMA": "','",
    "RPAR": "')'",
    "$END": "the end",
}


def expected_words(terminals: Collection[str]) -> str:
    """What these terminals are, in a sentence."""
    names = set(terminals)
    if "TOPIC" in names:
        return _WORDS["TOPIC"]
    value = names >= {"PATH", "NUMBER", "LPAR"}
    if value:  # `*`, `NOT` and a sign may begin one as well
        names -= {"MINUS", "NOT"}
    if names & {"PLUS", "COMPARES"}:  # of a path, that it may be a function
        names -= {"NOT", "STAR", "LPAR"}
    words = {_WORDS.get(name, "'*'" if name == "STAR" else name) for name in names}
    if "NUMBER" in names and not value:
        return "a constant"
    if not value and names & {"PATH", "TEXT"}:
        words = (words - {"a value"}) | ({"a name"} if "PATH" in names else {"a text in single quotes"})
    order = ("a value", "a name", "'*'", "an operator", "','", "')'")
    return one_of(sorted(words, key=lambda word: (order.index(word) if word in order else len(order), word)))
