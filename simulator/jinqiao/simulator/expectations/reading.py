"""From text to an `Expectation`, or to one error with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

from lark import Lark, Token

from jinqiao.base.words import Refused, did_you_mean

from ..conditions.parsing import read
from . import names
from .detections import Demand, Figure
from .grammar import EXPECTATION_WORDS, FORMS, GRAMMAR
from .names import at
from .product import Deed
from .states import Mode
from .terms import Part, Terms, tokens, trees
from .tree import (
    After,
    Body,
    Consumption,
    Delivered,
    Detects,
    During,
    Events,
    Expectation,
    Fleetwide,
    Held,
    Latency,
    Moment,
    Named,
    Physics,
    Published,
    Reply,
    leaves,
)

__all__ = ["parse_expectation"]

#: A year, as elsewhere in a scenario.
LONGEST_S = 366 * 86400.0
#: What may stand before a parenthesis.
_CALLED = {*FORMS, *names.FUNCTIONS, "call", "topic", "and", "or", "not"}


def parse_expectation(text: object) -> Expectation:
    """What a text expects. Raises Refused, whose `at` is the place in the text, counted from 0."""
    try:
        tree = read(_parser(), text, "expectation", EXPECTATION_WORDS)
    except Refused as refused:
        raise _misspelt(str(text)) or refused from None
    return _Reader(str(text)).expectation(tree)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def _misspelt(text: str) -> Refused | None:
    """A text that cannot be read because of a word before a parenthesis says so of that word."""
    for call in re.finditer(r"([^\W\d]\w*)\s*\(", text):
        if call[1] in FORMS and "(" in text[: call.start()]:
            return Refused(f"found {call[1]!r} inside a condition, expected it around the whole", at=call.start())
        if call[1] not in _CALLED and not re.fullmatch(r"p\d+", call[1]):
            near = did_you_mean(call[1], sorted(_CALLED))
            if near:
                return Refused(f"found {call[1]!r}, expected a word of this language{near}", at=call.start())
    return None


class _Reader:
    """Reads the tree of one text."""

    def __init__(self, text: str) -> None:
        self._text, self._terms = text, Terms(text)
        self._bodies: Mapping[str, Callable[[Part], Body]] = {
            "held": lambda part: self._held("always", part),
            "never": lambda part: self._held("never", part),
            "always": lambda part: self._held("always", part),
            "eventually": lambda part: self._held("eventually", part),
            "delivered": self._delivered,
            "published": self._published,
            "latency": self._latency,
            "reply": self._reply,
            "consumption": self._consumption,
            "physics": lambda _: Physics(),
            "after": self._after,
            "detects": self._detects,
        }

    def expectation(self, tree: Part) -> Expectation:
        """The whole."""
        *head, whole = trees(tree)
        body = self._bodies[whole.data](whole)
        if not head:
            return Expectation(self._text, body)
        (first,) = (child for child in head[0].children if isinstance(child, Token))
        (what,) = trees(head[0])
        if head[0].data == "phase":
            if not isinstance(body, Held | After):
                raise Refused("found 'during' before what is about the whole run, expected a condition", at=at(first))
            return Expectation(self._text, body, During(self._terms.who(what)))
        self._stands(body, at(first))
        return Expectation(self._text, body, Moment(self._seconds(what, "a time after the start")))

    @staticmethod
    def _stands(body: Body, place: int) -> None:
        """Raise Refused for what cannot stand at one moment."""
        if not isinstance(body, Held):
            raise Refused("found 'at' before what is about the whole run, expected a condition", at=place)
        if body.mode == "eventually":
            raise Refused("found 'at' before eventually(…), expected a condition that holds then", at=place)
        if any(isinstance(one, Fleetwide) and isinstance(one.number, Events) for one in leaves(body.formula)):
            raise Refused("found 'at' before a count of events, expected 'during' and a phase", at=place)

    def _seconds(self, part: Part, what: str) -> float:
        seconds = self._terms.number(part, "s", what)
        if not 0 <= seconds <= LONGEST_S:
            raise Refused(f"expected {what} from 0 s to 366 d", at=self._terms.value(part).at)
        return seconds

    def _within(self, part: Part) -> tuple[float, float]:
        """Of `within T for X %`: the time, s, and the share; all where none is said."""
        deadline = next(one for one in trees(part) if one.data == "deadline")
        wanted = 1.0
        for share in trees(part):
            if share.data == "share":
                (value,) = trees(share)
                percent = self._terms.number(value, "%", "a share")
                if not 0 <= percent <= 100:
                    raise Refused("expected a share from 0 % to 100 %", at=self._terms.value(value).at)
                wanted = percent / 100.0
        return self._seconds(trees(deadline)[0], "a time"), wanted

    def _held(self, mode: Mode, part: Part) -> Held:
        whole, *deadline = trees(part)
        owners: list[Named] = []
        formula = self._terms.formula(whole, owners)
        if len({type(one) for one in leaves(formula)}) > 1:
            message = "found a condition on vehicles beside a number of a fleet, expected one of the two"
            raise Refused(message, at=whole.meta.start_pos)
        within_s = self._seconds(trees(deadline[0])[0], "a time") if deadline else None
        return Held(mode, formula, owners[0] if owners else None, within_s)

    def _delivered(self, part: Part) -> Delivered:
        (kind,), (bound,) = tokens(part, "NAME"), trees(part)
        return Delivered(names.message_kind(kind), self._terms.bound(bound, "%", "a share", per=100.0))

    def _published(self, part: Part) -> Published:
        (kind,), (bound,) = tokens(part, "NAME"), trees(part)
        return Published(names.message_kind(kind), self._terms.bound(bound, "", "a number of messages"))

    def _latency(self, part: Part) -> Latency:
        (name,), (bound,) = tokens(part, "NAME"), trees(part)
        statistic = names.statistic(name, but=("count", "sum"))
        return Latency(statistic, self._terms.bound(bound, "ms", "a latency"))

    def _reply(self, part: Part) -> Reply:
        (name,) = tokens(part, "NAME")
        within_s, wanted = self._within(part)
        return Reply(names.service(name), within_s, wanted)

    def _consumption(self, part: Part) -> Consumption:
        *owner, bound = trees(part)
        whose = self._terms.owner(owner[0]) if owner else None
        return Consumption(whose, self._terms.bound(bound, "kWh/100km", "a consumption"))

    def _after(self, part: Part) -> After:
        (fault,) = tokens(part, "NAME")
        within_s, wanted = self._within(part)
        return After(Named(names.fault_name(fault), at(fault)), self._deed(trees(part)[0]), within_s, wanted)

    @staticmethod
    def _deed(part: Part) -> Deed:
        (what,) = tokens(part, "NAME", "PATH", "TEXT")
        if part.data == "command":
            return Deed("command", names.service(what))
        if part.data == "set":
            return Deed("set", names.property_name(what))
        if part.data == "call":
            return Deed("call", str(what))
        topic = str(what)[1:-1] if what.type == "TEXT" else str(what)
        return Deed("topic", topic.rpartition("user/")[2].lstrip("/"))

    def _detects(self, part: Part) -> Detects:
        (fault,) = tokens(part, "NAME")
        demands = tuple(self._demand(one) for one in trees(part))
        return Detects(Named(names.fault_name(fault), at(fault)), demands)

    def _demand(self, part: Part) -> Demand:
        (bound,) = trees(part)
        if part.data != "detected_after":
            figure: Figure = "precision" if part.data == "precision" else "recall"
            return Demand(figure, self._terms.bound(bound, "%", figure, per=100.0))
        (name,) = tokens(part, "NAME")
        statistic = names.statistic(name, but=("count", "sum", "mean", "min", "max"))
        return Demand("latency", self._terms.bound(bound, "s", "a latency"), float(statistic[1:]))
