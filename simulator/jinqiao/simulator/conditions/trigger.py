"""What a step of a scenario waits for, in the words of `when:`.

    when = condition [for TIME]                         true of a vehicle that reports, and for so long before
         | event NAME                                   of the thing model
         | [TIME] after FAULT [begins | ends]           so long after a fault has begun (or ended) in a vehicle
         | [TIME] after COMMAND [done | refused]        so long after a vehicle has executed (or refused) a command

A step acts on the vehicle that made its `when` true, in the second after that.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from jinqiao.base.quantity import QuantityError, parse_duration_s
from jinqiao.base.words import Refused, did_you_mean, one_of, show
from jinqiao.wire.alink.ev_features import EVENTS

from ..commands.table import PROPERTIES, SERVICES
from .condition import Condition

__all__ = ["After", "Trigger", "When", "parse_trigger"]

_EVENTS = [row.address for row in EVENTS]
_ADDRESS_OF = {address.rpartition(":")[2]: address for address in _EVENTS}
_COMMANDS = [*SERVICES, *PROPERTIES]
_EVENT = re.compile(r"\s*event\b\s*(?P<name>.*?)\s*", re.DOTALL)
_FOR = re.compile(r"(?P<condition>.*\S)\s+for\s+(?P<time>[0-9].*?)\s*", re.DOTALL)
_AFTER = re.compile(r"\s*(?P<time>[^()<>=]*?)\s*\bafter\b\s*(?P<name>\S*)\s*(?P<outcome>.*?)\s*", re.DOTALL)
#: What a fault or a command may have done: the word, and whether it is meant without one.
FAULT_OUTCOMES, COMMAND_OUTCOMES = ("begins", "ends"), ("done", "refused")


@dataclass(frozen=True, slots=True)
class After:
    """What became of another step `name`: of a fault (`outcome` begins, ends) or of a command (done, refused)."""

    name: str
    outcome: str
    is_fault: bool


@dataclass(frozen=True, slots=True)
class Trigger:
    """One of `condition`, which has to be true for `for_s`, `event`, an identifier as vehicles announce it, and
    `after`, which acts `delay_s` whole seconds later.
    """

    text: str
    condition: Condition | None = None
    event: str | None = None
    after: After | None = None
    delay_s: int = 0
    for_s: float = 0.0


def parse_trigger(text: object) -> Trigger:
    """What `when:` says. Raises Refused, with the offset in the text where something is wrong."""
    if not isinstance(text, str) or not text.strip():
        raise Refused(f"found {show(text)}, expected a condition, like 'StateOfCharge < 20 %'")
    event = _EVENT.fullmatch(text)
    if event is not None:
        name = event["name"]
        address = _ADDRESS_OF.get(name.rpartition(":")[2])  # its module may be left out, or be the one that it is about
        if address is None:
            wanted = f"expected an event: {one_of(_EVENTS)}{did_you_mean(name, _EVENTS)}"
            raise Refused(f"found {show(name)}, {wanted}", at=event.start("name"))
        return Trigger(text, event=address)
    after = _AFTER.fullmatch(text)
    if after is not None:
        return _after(text, after)
    return _condition(text)


def _condition(text: str) -> Trigger:
    from .parsing import parse_condition  # the parser: not for a scenario in which nothing waits for a condition

    held = _FOR.fullmatch(text)
    if held is None:
        return Trigger(text, condition=parse_condition(text))
    condition = parse_condition(held["condition"])
    return Trigger(text, condition=condition, for_s=_duration_s(held, "time"))


def _duration_s(match: re.Match[str], group: str) -> float:
    try:
        return parse_duration_s(match[group])
    except QuantityError as error:
        raise Refused(str(error), at=match.start(group)) from None


def _after(text: str, match: re.Match[str]) -> Trigger:
    from ..faults.base import KINDS  # kinds of fault have a `when` themselves

    name, outcome, delay_s = match["name"], match["outcome"], 0.0
    if match["time"]:
        delay_s = _duration_s(match, "time")
    is_fault = name in KINDS
    if not is_fault and name not in _COMMANDS:
        known = [*KINDS, *_COMMANDS]
        raise Refused(
            f"found {show(name)}, expected a fault or a command{did_you_mean(name, known)}", at=match.start("name")
        )
    outcomes = FAULT_OUTCOMES if is_fault else COMMAND_OUTCOMES
    if outcome and outcome not in outcomes:
        wanted = f"expected {one_of([*outcomes, 'the end'])}{did_you_mean(outcome, outcomes)}"
        raise Refused(f"found {show(outcome)}, {wanted}", at=match.start("outcome"))
    return Trigger(text, after=After(name, outcome or outcomes[0], is_fault), delay_s=math.ceil(delay_s))


def _read(value: object) -> Trigger:
    return value if isinstance(value, Trigger) else parse_trigger(value)


_SCHEMA: dict[str, Any] = {
    "type": "string",
    "title": "condition",
    "minLength": 1,
    "examples": ["StateOfCharge < 20 %", "event ChargingFinished", "30 s after cell_overheat"],
}
#: The field of a scenario model.
When = Annotated[Trigger, PlainValidator(_read), WithJsonSchema(_SCHEMA)]
