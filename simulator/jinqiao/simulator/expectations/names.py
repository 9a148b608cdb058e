"""What names in an expectation mean: events, services, kinds of message, functions; each with its nearest."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from lark import Token

from jinqiao.base.words import Refused, did_you_mean
from jinqiao.wire.alink.ev_features import EVENTS, EventRow
from jinqiao.wire.alink.topics import TOPICS

from ..commands.table import PROPERTIES, SERVICES
from ..faults.kinds import KINDS

__all__ = [
    "FUNCTIONS",
    "event_output",
    "fault_name",
    "find_event",
    "known",
    "message_kind",
    "property_name",
    "service",
    "statistic",
]

_EVENTS: Mapping[str, EventRow] = {row.address: row for row in EVENTS}
#: Kinds of message that vehicles send.
_KINDS = tuple(dict.fromkeys([*(row.kind for row in TOPICS), "can_batch"]))
#: Of labels that no kind of fault leaves.
_MORE_FAULTS = ("outage",)
#: What may stand before a parenthesis; percentiles are many.
FUNCTIONS = ("count", "mean", "sum", "min", "max", "p50", "p90", "p95", "p99")
_PERCENTILE = re.compile(r"p(100|[1-9][0-9]?)")
#: So many names are listed where none is near.
_LISTED = 8


def at(token: Token) -> int:
    """Where it stands in the text."""
    return token.start_pos or 0


def known(token: Token, names: Collection[str], what: str) -> str:
    """A name that must be one of these. Raises Refused with the nearest."""
    name = str(token)
    if name in names:
        return name
    # Somebody leaves out the module it is in.
    own = name.rpartition(":")[2].casefold()
    whole = next((one for one in names if one.rpartition(":")[2].casefold() == own), None)
    near = f" (did you mean {whole!r}?)" if whole else did_you_mean(name, names)
    some = "" if near else f": {', '.join(list(names)[:_LISTED])}{', …' if len(names) > _LISTED else ''}"
    raise Refused(f"found {name!r}, expected {what}{near}{some}", at=at(token))


def find_event(token: Token) -> tuple[str, str]:
    """An event's identifier and, behind a dot, the output that is named; its module may be left out."""
    address, _, output = str(token).partition(".")
    found = next((one for one in _EVENTS if one.rpartition(":")[2] == address.rpartition(":")[2]), None)
    return found or known(token.update(value=address), _EVENTS, "an event"), output


def event_output(identifier: str, output: str, token: Token) -> str:
    """The unit of an event's output, which must be a number."""
    outputs = dict(_EVENTS[identifier].output)
    numbers = {name: kind for name, kind in outputs.items() if kind["type"] in ("int", "float", "double")}
    if not numbers:
        raise Refused(f"the event {identifier!r} has no number that could be summed up", at=at(token))
    kind = numbers[known(token.update(value=output), numbers, f"an output of {identifier}")]
    return str(kind["specs"].get("unit", ""))


def message_kind(token: Token) -> str:
    return known(token, _KINDS, "a kind of message")


def service(token: Token) -> str:
    return known(token, SERVICES, "a service")


def property_name(token: Token) -> str:
    return known(token, PROPERTIES, "a property that can be set")


def fault_name(token: Token) -> str:
    return known(token, (*KINDS, *_MORE_FAULTS), "a kind of fault")


def statistic(token: Token, *, but: Collection[str] = ()) -> str:
    """`mean`, `max`, `p99`: any whole percentile from p1 to p100."""
    if _PERCENTILE.fullmatch(token):
        return str(token)
    return known(token, [one for one in FUNCTIONS if one not in but], "a statistic")
