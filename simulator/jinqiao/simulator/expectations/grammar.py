"""The grammar of an expectation, and the words for what it expects."""

from __future__ import annotations

from collections.abc import Collection

from jinqiao.base.words import one_of

__all__ = ["GRAMMAR", "expected_words"]

# What a name means (a signal, a state, a fleet, a function) shows when the tree is read: then the nearest can be named.
GRAMMAR = r"""
start: head? body

head: AT quantity ":" -> moment
    | DURING name ":" -> phase

?body: formula -> held
     | NEVER "(" formula ")" -> never
     | ALWAYS "(" formula ")" -> always
     | EVENTUALLY "(" formula ")" deadline? -> eventually
     | DELIVERED "(" name ")" bound -> delivered
     | PUBLISHED "(" name ")" bound -> published
     | LATENCY name bound -> latency
     | REPLY "(" name ")" deadline share? -> reply
     | CONSUMPTION owner? bound -> consumption
     | PHYSICS -> physics
     | AFTER name ":" deed deadline share? -> after
     | DETECTS name ":" demand ("," demand)* -> detects

deadline: WITHIN quantity
share: FOR quantity
?deed: name -> command
     | SET name -> set
     | CALL "(" name ")" -> call
     | TOPIC "(" (name | PATH) ")" -> topic
?demand: PRECISION bound -> precision
       | RECALL bound -> recall
       | LATENCY name bound -> detected_after

?formula: conjunction
        | formula OR conjunction -> either
?conjunction: negation
            | conjunction AND negation -> both
?negation: NOT negation -> negated
         | "(" formula ")" -> group
         | comparison
?comparison: operand bound owner? -> compared
           | name owner? -> word
?operand: name owner? -> word
        | NAME "(" inner ")" -> aggregate
?inner: EVENT name owner? -> event
      | formula
owner: OF (name | VIN)
bound: COMPARES (quantity | name) -> compares
     | BETWEEN quantity AND quantity -> between
quantity: NUMBER UNIT?
name: NAME | QUOTED

AT: "at"
DURING: "during"
NEVER: "never"
ALWAYS: "always"
EVENTUALLY: "eventually"
DELIVERED: "delivered"
PUBLISHED: "published"
LATENCY: "latency"
REPLY: "reply"
CONSUMPTION: "consumption"
PHYSICS: "physics"
AFTER: "after"
DETECTS: "detects"
WITHIN: "within"
FOR: "for"
SET: "set"
CALL: "call"
TOPIC: "topic"
PRECISION: "precision"
RECALL: "recall"
OF: "of"
AND: "and"
OR: "or"
NOT: "not"
EVENT: "event"
BETWEEN: "between"
COMPARES: "<=" | ">=" | "==" | "!=" | "<" | ">"
NUMBER: /[-+]?\d+(\.\d+)?/
UNIT: /%|[^\W\d_°℃][\w\/^%]*|°C|℃/
VIN.2: /[A-HJ-NPR-Z0-9]{17}(?![\w-])/
NAME: /[^\W\d][\w-]*(:\w+)?(\.\w+|\[\d+\])?/
QUOTED: /"[^"\r\n]+"|'[^'\r\n]+'/
PATH.2: /[\w-]*(\/[\w-]+)+/

%ignore /\s+/
"""

#: Terminals by the words of an error; what is not here is a word that stands for itself.
_WORDS = {
    "NAME": "a name",
    "QUOTED": "a name",
    "VIN": "a VIN",
    "PATH": "a topic",
    "NUMBER": "a number",
    "UNIT": "a unit",
    "COMPARES": "a comparison",
    "BETWEEN": "'between'",
    "COMMA": "','",
    "COLON": "':'",
    "LPAR": "'('",
    "RPAR": "')'",
    "$END": "the end",
}
#: What may begin an expectation, in fewer words than there are.
_BEGINNING = {"NEVER", "ALWAYS", "EVENTUALLY", "DETECTS", "PHYSICS"}


def expected_words(terminals: Collection[str]) -> str:
    """What these terminals are, in a sentence."""
    names = set(terminals)
    if names >= _BEGINNING:
        return "an expectation, such as never(VehicleSpeed > 130 km/h)"
    if names >= {"NAME", "NOT", "LPAR"}:
        return "a condition, such as StateOfCharge < 20 %"
    if {"AND", "OR", "RPAR"} <= names:
        names -= {"OF"}
    words = {_WORDS.get(name, f"'{name.lower()}'") for name in names}
    return one_of(sorted(words, key=lambda word: (word == "the end", word.startswith("'"), word)))
