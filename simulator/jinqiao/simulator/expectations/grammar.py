"""The grammar of an expectation: that of conditions, with fleets, numbers of fleets, and what is demanded of them."""

from __future__ import annotations

from collections.abc import Mapping

from ..conditions.grammar import RULES, TERMINALS, WORDS

__all__ = ["EXPECTATION_WORDS", "FORMS", "GRAMMAR"]

# What a name means (a signal, a fleet, a function) shows when the tree is read: then the nearest can be named.
_RULES = r"""
start: head? body

head: AT value ":" -> moment
    | DURING who ":" -> phase

?body: condition -> held
     | NEVER "(" condition ")" -> never
     | ALWAYS "(" condition ")" -> always
     | EVENTUALLY "(" condition ")" deadline? -> eventually
     | DELIVERED "(" NAME ")" bound -> delivered
     | PUBLISHED "(" NAME ")" bound -> published
     | LATENCY NAME bound -> latency
     | REPLY "(" NAME ")" deadline share? -> reply
     | CONSUMPTION owner? bound -> consumption
     | PHYSICS -> physics
     | AFTER NAME ":" deed deadline share? -> after
     | DETECTS NAME ":" demand ("," demand)* -> detects

deadline: WITHIN value
share: FOR value
?deed: NAME -> command
     | SET NAME -> set
     | CALL "(" NAME ")" -> call
     | TOPIC "(" (NAME | PATH | TEXT) ")" -> topic
?demand: PRECISION bound -> precision
       | RECALL bound -> recall
       | LATENCY NAME bound -> detected_after

%extend negation: STATE owner -> state
                | NAME owner? -> flag
                | NAME owner COMPARES value -> compared
                | NAME COMPARES value owner -> compared
                | NAME owner BETWEEN value AND value -> between
                | NAME BETWEEN value AND value owner -> between
                | number bound -> fleetwide
number: NAME "(" inner ")"
?inner: condition
      | EVENT NAME owner? -> event
bound: COMPARES value
     | BETWEEN value AND value
owner: OF who
who: WHO | TEXT
"""

_TERMINALS = r"""
AT.2: /at\b/
DURING.2: /during\b/
NEVER.2: /never\b/
ALWAYS.2: /always\b/
EVENTUALLY.2: /eventually\b/
DELIVERED.2: /delivered\b/
PUBLISHED.2: /published\b/
LATENCY.2: /latency\b/
REPLY.2: /reply\b/
CONSUMPTION.2: /consumption\b/
PHYSICS.2: /physics\b/
AFTER.2: /after\b/
DETECTS.2: /detects\b/
WITHIN.2: /within\b/
FOR.2: /for\b/
SET.2: /set\b/
CALL.2: /call\b/
TOPIC.2: /topic\b/
PRECISION.2: /precision\b/
RECALL.2: /recall\b/
OF.2: /of\b/
EVENT.2: /event\b/
PATH.3: /[\w-]*(\/[\w-]+)+/
WHO: /\w[\w-]*/
"""

GRAMMAR = RULES + _RULES + TERMINALS + _TERMINALS

#: Words that a whole expectation begins with.
FORMS = (
    *("never", "always", "eventually", "delivered", "published", "latency", "reply"),
    *("consumption", "physics", "after", "detects", "at", "during"),
)

#: Terminals by the words of an error.
EXPECTATION_WORDS: Mapping[str, str] = {
    **WORDS,
    "NAME": "a name",
    "WHO": "a name",
    "PATH": "a topic",
    "COLON": "':'",
    "COMMA": "','",
    **{word.upper(): f"'{word}'" for word in (*FORMS, "within", "for", "of", "set", "call", "topic")},
    "PRECISION": "'precision'",
    "RECALL": "'recall'",
    "EVENT": "'event'",
}
