"""What names in an expectation mean: signals, states, events, services, kinds of message; each with its nearest."""

from __future__ import annotations

from collections.abc import Mapping

from jinqiao.base.signals import SIGNALS, Signal
from jinqiao.base.words import Refused, did_you_mean
from jinqiao.wire.alink.ev_features import EVENTS, EventRow
from jinqiao.wire.alink.topics import TOPICS

from ..commands.table import PROPERTIES, SERVICES
from ..faults.kinds import KINDS
from ..language.selection import STATES

__all__ = [
    "FAULTS",
    "FUNCTIONS",
    "event_output",
    "find_event",
    "find_signal",
    "known",
    "message_kind",
    "property_name",
    "refused",
    "service",
    "statistic",
]

#: Signals that a cloud sees, by their identifiers in the thing model.
_SIGNALS: Mapping[str, Signal] = {row.identifier: row for row in SIGNALS.values() if row.identifier}
_EVENTS: Mapping[str, EventRow] = {row.address: row for row in EVENTS}
#: Kinds of message that vehicles send by themselves or as an answer.
_KINDS = tuple(dict.fromkeys([*(row.kind for row in TOPICS), "can_batch"]))
#: Labels that no kind of fault leaves.
FAULTS = (*KINDS, "outage")
#: What may stand before a parenthesis.
FUNCTIONS = ("count", "mean", "sum", "min", "max", "p50", "p90", "p95", "p99")


def refused(message: str, at: int, hint: str = "") -> Refused:
    """What is wrong at a place of the text."""
    return Refused(message, hint, at=at)


def known(name: str, names: Mapping[str, object] | tuple[str, ...], what: str, at: int) -> str:
    """A name that must be one of these. Raises Refused with the nearest."""
    if name in names:
        return name
    # Somebody writes `CellTemperatureMax`, without the module it is in.
    whole = next(
        (one for one in names if one.rpartition(":")[2].casefold() == name.rpartition(":")[2].casefold()), None
    )
    near = f" (did you mean {whole!r}?)" if whole else did_you_mean(name, names)
    some = "" if near else f", such as {', '.join(list(names)[:5])}"
    raise refused(f"no {what} {name!r}{near}{some}", at)


def find_signal(name: str, at: int) -> Signal:
    """The signal with this identifier; a state's word is none."""
    if name in STATES:
        raise refused(f"found the state {name!r}, expected a signal", at)
    if name in _EVENTS and name not in _SIGNALS:
        raise refused(f"found the event {name!r}, expected a signal; events are counted: count(event {name})", at)
    return _SIGNALS[known(name, {**_SIGNALS, **dict.fromkeys(STATES)}, "signal", at)]


def find_event(name: str, at: int) -> tuple[str, str]:
    """An event's identifier and, behind a dot, the output that is named; its module may be left out."""
    address, _, output = name.partition(".")
    found = next((one for one in _EVENTS if one.rpartition(":")[2] == address.rpartition(":")[2]), None)
    return found or known(address, _EVENTS, "event", at), output


def event_output(identifier: str, output: str, at: int) -> str:
    """The unit of an event's output, which must be a number."""
    outputs = dict(_EVENTS[identifier].output)
    numbers = {name: kind for name, kind in outputs.items() if kind["type"] in ("int", "float", "double")}
    if not numbers:
        raise refused(f"the event {identifier!r} has no number that could be summed up", at)
    kind = numbers[known(output, numbers, f"output of {identifier}", at)]
    return str(kind["specs"].get("unit", ""))


def message_kind(name: str, at: int) -> str:
    return known(name, _KINDS, "kind of message", at)


def service(name: str, at: int) -> str:
    return known(name, SERVICES, "service", at)


def property_name(name: str, at: int) -> str:
    return known(name, PROPERTIES, "property that can be set", at)


def statistic(name: str, at: int, *, but: tuple[str, ...] = ()) -> str:
    """`mean`, `max`, `p99`: any whole percentile or one with a fraction, from p0 to p100."""
    fitting = tuple(one for one in FUNCTIONS if one not in but)
    if name.startswith("p") and name[1:].replace(".", "", 1).isdigit() and 0 < float(name[1:]) <= 100:
        return name
    return known(name, fitting, "statistic", at)
