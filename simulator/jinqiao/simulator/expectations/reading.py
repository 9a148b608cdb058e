"""From text to an `Expectation`, or to one error with its place in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import LarkError

from jinqiao.base.words import did_you_mean

from ..language.selection import STATES
from . import names
from .bounds import Bound
from .detections import Demand
from .grammar import GRAMMAR, expected_words
from .names import refused
from .product import Deed
from .tree import (
    After,
    And,
    Body,
    Compared,
    Consumption,
    Delivered,
    Detects,
    During,
    Events,
    Expectation,
    Fleetwide,
    Formula,
    Held,
    Latency,
    Moment,
    Named,
    Not,
    Number,
    Or,
    Physics,
    Published,
    Reply,
    leaves,
)
from .units import UnitProblem, in_unit

__all__ = ["parse_expectation"]

#: Characters of one expectation, and how deep it may be nested.
MOST_CHARACTERS = 2000
DEEPEST = 50
#: A year, as elsewhere in a scenario.
LONGEST_S = 366 * 86400.0

Part = Tree[Token]


def parse_expectation(text: str) -> Expectation:
    """What a text expects. Raises Refused, whose `at` is the place in the text, counted from 0."""
    if len(text) > MOST_CHARACTERS:
        raise refused(f"found {len(text):,} characters, expected at most {MOST_CHARACTERS:,}", MOST_CHARACTERS)
    _shallow(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _refusal(text, error) from None
    return _Reader(text).expectation(tree)


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", maybe_placeholders=False, propagate_positions=True)


def _shallow(text: str) -> None:
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth > DEEPEST:
            raise refused(f"found {DEEPEST + 1} open parentheses, expected at most {DEEPEST}", place)
    if text.count("not") > DEEPEST:
        raise refused(f"found more than {DEEPEST} times not", 0)


def _refusal(text: str, error: UnexpectedInput) -> Exception:
    """The error in our words."""
    for call in re.finditer(r"([^\W\d]\w*)\s*\(", text):
        if call[1] not in _CALLED and not re.fullmatch(r"p\d+", call[1]):
            near = did_you_mean(call[1], (*_CALLED, *names.FUNCTIONS))
            return refused(
                f"found {call[1]!r} before a parenthesis, which is no word of this language{near}", call.start()
            )
    place = error.pos_in_stream if error.pos_in_stream is not None else len(text)
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        place = len(text)
    if place >= len(text.rstrip()):
        return refused(f"found the end, expected {_expected_behind(text[:place])}", len(text.rstrip()))
    found = str(error.token) if isinstance(error, UnexpectedToken) else text[place:].split(maxsplit=1)[0]
    if isinstance(error, UnexpectedCharacters) and found[0] in "'\"":
        return refused("the quote is not closed", place)
    expected = _expected_behind(text[:place])
    near = did_you_mean(found, names.FUNCTIONS + _FORMS) if found.isalpha() and found not in _FORMS else ""
    hint = "one = compares nothing; equality is ==" if found[0] == "=" else ""
    return refused(f"found {found[:40]!r}, expected {expected}{near}", place, hint)


#: Words of the language that a whole expectation begins with.
_FORMS = ("never", "always", "eventually", "delivered", "published", "latency", "reply", "consumption", "physics")
#: What may stand before a parenthesis.
_CALLED = (
    *("never", "always", "eventually", "delivered", "published", "reply", "call", "topic"),
    *("count", "mean", "sum", "min", "max", "and", "or", "not"),
)


def _expected_behind(before: str) -> str:
    """What may come behind this text."""
    try:
        parsing = _parser().parse_interactive(before)
        parsing.exhaust_lexer()
        return expected_words(parsing.accepts())  # type: ignore[no-untyped-call]
    except LarkError:
        return "something else"


def _at(part: Part | Token) -> int:
    """Where a part begins."""
    if isinstance(part, Token):
        return int(part.start_pos or 0)
    return int(getattr(part.meta, "start_pos", 0))


class _Reader:
    """Understands the tree of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bodies: Mapping[str, Callable[[list[Any]], Body]] = {
            "held": lambda parts: self._held("always", parts),
            "never": lambda parts: self._held("never", parts),
            "always": lambda parts: self._held("always", parts),
            "eventually": lambda parts: self._held("eventually", parts),
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
        parts = [part for part in tree.children if isinstance(part, Tree)]
        head = parts[0] if len(parts) > 1 else None
        whole = parts[-1]
        body = self._bodies[whole.data](self._without_words(whole))
        when = None
        if head is not None:
            when = self._head(head)
            self._fits(when, body, _at(head))
        return Expectation(self._text, body, when)

    @staticmethod
    def _without_words(part: Part) -> list[Any]:
        """Its children but for keywords."""
        return [child for child in part.children if isinstance(child, Tree)]

    def _head(self, head: Part) -> Moment | During:
        (what,) = self._without_words(head)
        if head.data == "moment":
            return Moment(self._quantity(what, "s", "a time after the start"))
        return During(self._named(what))

    def _fits(self, when: Moment | During, body: Body, at: int) -> None:
        if isinstance(when, Moment):
            if not isinstance(body, Held):
                raise refused("found 'at' before what is about the whole run, expected a condition", at)
            if body.mode == "eventually":
                raise refused("found 'at' before eventually(…), expected a condition that holds then", at)
            if any(isinstance(one, Fleetwide) and isinstance(one.number, Events) for one in leaves(body.formula)):
                raise refused("found 'at' before a count of events, expected 'during' and a phase", at)
        elif not isinstance(body, Held | After):
            raise refused("found 'during' before what is about the whole run, expected a condition or 'after'", at)

    # Names, numbers, bounds.

    def _name(self, part: Part) -> str:
        token = part.children[0]
        assert isinstance(token, Token)
        return str(token)[1:-1] if token.type == "QUOTED" else str(token)

    def _named(self, part: Part) -> Named:
        return Named(self._name(part), _at(part))

    def _owner(self, part: Part) -> Named:
        what = part.children[-1]
        if isinstance(what, Token):
            return Named(str(what), _at(what))
        return self._named(what)

    def _quantity(self, part: Part, unit: str, about: str, *, most: float = LONGEST_S) -> float:
        number, found = str(part.children[0]), str(part.children[1]) if len(part.children) > 1 else ""
        try:
            value = in_unit(float(number), found, unit, about)
        except UnitProblem as problem:
            raise refused(str(problem), _at(part)) from None
        if unit == "s" and not 0 <= value <= most:
            raise refused(f"found {self._written(part)!r}, expected {about} from 0 s to 366 d", _at(part))
        return value

    def _written(self, part: Part) -> str:
        return self._text[part.meta.start_pos : part.meta.end_pos]

    def _share(self, part: Part) -> float:
        (quantity,) = self._without_words(part)
        return self._percent(quantity)

    def _percent(self, quantity: Part) -> float:
        percent = self._quantity(quantity, "%", "a share")
        if not 0 <= percent <= 100:
            raise refused(f"found {self._written(quantity)!r}, expected from 0 % to 100 %", _at(quantity))
        return percent / 100.0

    def _deadline(self, part: Part) -> float:
        (quantity,) = self._without_words(part)
        return self._quantity(quantity, "s", "a time")

    def _bound(
        self, part: Part, unit: str, about: str, values: Mapping[int, str] | None = None, per: float = 1.0
    ) -> Bound:
        """What a number in `unit` is compared with; `values` names those of an enumeration."""
        quantities = self._without_words(part)
        if part.data == "between":
            low, high = (self._number(one, unit, about) for one in quantities)
            if low > high:
                raise refused(f"found {self._written(quantities[1])!r}, expected no less than the first", _at(part))
            return Bound("between", low / per, high / per)
        operator = str(part.children[0])
        (what,) = quantities
        if what.data == "name":
            return Bound(operator, self._enumerated(what, about, values))
        return Bound(operator, self._number(what, unit, about) / per)

    def _number(self, part: Part, unit: str, about: str) -> float:
        if part.data == "name":
            raise refused(f"found {self._name(part)!r}, expected a number", _at(part))
        return self._quantity(part, unit, about, most=float("inf"))

    def _enumerated(self, part: Part, about: str, values: Mapping[int, str] | None) -> float:
        name = self._name(part)
        if not values:
            raise refused(f"found {name!r}, expected a number: {about} has no names", _at(part))
        for key, one in values.items():
            if one.casefold() == name.casefold():
                return float(key)
        near = did_you_mean(name, values.values())
        raise refused(f"{about} has no value {name!r}{near}, expected one of: {', '.join(values.values())}", _at(part))

    # Formulas. `owners` collects whose vehicles a formula about single vehicles is about.

    def _formula(self, part: Part, owners: list[Named]) -> Formula:
        if part.data == "group":
            return self._formula(self._without_words(part)[0], owners)
        if part.data in ("either", "both"):
            kind = Or if part.data == "either" else And
            return kind(tuple(self._formula(one, owners) for one in self._without_words(part)))
        if part.data == "negated":
            return Not(self._formula(self._without_words(part)[0], owners))
        if part.data == "compared":
            return self._compared(part, owners)
        if part.data == "word":
            return self._word(part, owners)
        raise refused("found a number of a fleet alone, expected a comparison, such as > 20", _at(part))

    def _compared(self, part: Part, owners: list[Named]) -> Formula:
        operand, bound, *more = self._without_words(part)
        if operand.data == "aggregate":
            if more:
                raise refused("found 'of' behind a number, expected it inside the parentheses", _at(more[0]))
            return self._fleetwide(operand, bound)
        name, *owner = self._without_words(operand)
        for one in (*owner, *more):
            self._belongs(self._owner(one), owners)
        row = names.find_signal(self._name(name), _at(name))
        return Compared(row.name, self._bound(bound, row.unit, row.identifier, row.values))

    def _word(self, part: Part, owners: list[Named]) -> Formula:
        name, *owner = self._without_words(part)
        for one in owner:
            self._belongs(self._owner(one), owners)
        word = self._name(name)
        if word in STATES:
            return Compared("vehicle_state", Bound("==", float(STATES[word])))
        row = names.find_signal(word, _at(name))
        if set(row.values) != {0, 1}:
            raise refused(f"found {word!r} without a comparison, expected one, such as {word} > 20", _at(name))
        return Compared(row.name, Bound("==", 1.0))

    @staticmethod
    def _belongs(owner: Named, owners: list[Named]) -> None:
        if owner.name == "all":
            return
        if owners and owners[0].name != owner.name:
            raise refused(
                f"found 'of {owner.name}' beside 'of {owners[0].name}', expected one condition about the same vehicles",
                owner.at,
            )
        owners.append(owner)

    def _fleetwide(self, part: Part, bound: Part) -> Fleetwide:
        function = part.children[0]
        assert isinstance(function, Token)
        (inner,) = self._without_words(part)
        text = " ".join(self._written(part).split())
        if str(function) in _FORMS:
            raise refused(f"found {str(function)!r} inside a condition, expected it around the whole", _at(function))
        kind = names.statistic(str(function), _at(function))
        if inner.data == "event":
            events = self._events(inner, kind, text, _at(function))
            return Fleetwide(events, self._bound(bound, events.unit, text))
        owners: list[Named] = []
        if kind == "count":
            condition = self._formula(inner, owners)
            self._single(condition, inner)
            number = Number(text, kind, owners[0] if owners else None, condition=condition)
            return Fleetwide(number, self._bound(bound, "", text))
        if inner.data != "word":
            raise refused(f"found a condition in {kind}(…), expected a signal", _at(inner))
        name, *owner = self._without_words(inner)
        for one in owner:
            self._belongs(self._owner(one), owners)
        row = names.find_signal(self._name(name), _at(name))
        if row.values:
            raise refused(f"{row.identifier} is one of several names, expected a signal that is a number", _at(name))
        number = Number(text, kind, owners[0] if owners else None, signal=row.name)
        return Fleetwide(number, self._bound(bound, row.unit, text))

    def _events(self, inner: Part, kind: str, text: str, at: int) -> Events:
        name, *owner = self._without_words(inner)
        owners: list[Named] = []
        for one in owner:
            self._belongs(self._owner(one), owners)
        identifier, output = names.find_event(self._name(name), _at(name))
        if kind not in ("count", "sum"):
            raise refused(f"found {kind}(event …), expected count or sum", at)
        if (kind == "sum") != bool(output):
            wanted = "sum(event NAME.Output)" if kind == "sum" else "count(event NAME)"
            raise refused(f"found {text!r}, expected {wanted}", at)
        unit = names.event_output(identifier, output, _at(name)) if output else ""
        return Events(text, identifier, owners[0] if owners else None, output, unit)

    @staticmethod
    def _single(formula: Formula, part: Part) -> None:
        if any(isinstance(one, Fleetwide) for one in leaves(formula)):
            raise refused("found a number of a fleet in count(…), expected a condition on one vehicle", _at(part))

    # Bodies.

    def _held(self, mode: Any, parts: list[Any]) -> Held:
        whole, *deadline = parts
        owners: list[Named] = []
        formula = self._formula(whole, owners)
        kinds = {type(one) for one in leaves(formula)}
        if len(kinds) > 1:
            raise refused(
                "found a condition on one vehicle beside a number of a fleet, expected one of them", _at(whole)
            )
        return Held(mode, formula, owners[0] if owners else None, self._deadline(deadline[0]) if deadline else None)

    def _delivered(self, parts: list[Any]) -> Delivered:
        kind, bound = parts
        return Delivered(names.message_kind(self._name(kind), _at(kind)), self._bound(bound, "%", "a share", per=100.0))

    def _published(self, parts: list[Any]) -> Published:
        kind, bound = parts
        return Published(names.message_kind(self._name(kind), _at(kind)), self._bound(bound, "", "a count of messages"))

    def _latency(self, parts: list[Any]) -> Latency:
        name, bound = parts
        statistic = names.statistic(self._name(name), _at(name), but=("count", "sum"))
        return Latency(statistic, self._bound(bound, "ms", "a latency"))

    def _reply(self, parts: list[Any]) -> Reply:
        name, deadline, *share = parts
        wanted = self._share(share[0]) if share else 1.0
        return Reply(names.service(self._name(name), _at(name)), self._deadline(deadline), wanted)

    def _consumption(self, parts: list[Any]) -> Consumption:
        *owner, bound = parts
        owners: list[Named] = []
        for one in owner:
            self._belongs(self._owner(one), owners)
        return Consumption(owners[0] if owners else None, self._bound(bound, "kWh/100km", "a consumption"))

    def _after(self, parts: list[Any]) -> After:
        fault, deed, deadline, *share = parts
        wanted = self._share(share[0]) if share else 1.0
        return After(self._fault(fault), self._deed(deed), self._deadline(deadline), wanted)

    def _fault(self, part: Part) -> Named:
        return Named(names.known(self._name(part), names.FAULTS, "kind of fault", _at(part)), _at(part))

    def _deed(self, part: Part) -> Deed:
        what = part.children[-1]
        if isinstance(what, Token):
            return Deed("topic", str(what))
        name, at = self._name(what), _at(what)
        if part.data == "command":
            return Deed("command", names.service(name, at))
        if part.data == "set":
            return Deed("set", names.property_name(name, at))
        return Deed("call" if part.data == "call" else "topic", name)

    def _detects(self, parts: list[Any]) -> Detects:
        fault, *demands = parts
        return Detects(self._fault(fault), tuple(self._demand(one) for one in demands))

    def _demand(self, part: Part) -> Demand:
        *name, bound = self._without_words(part)
        if not name:
            figure: Any = str(part.data)
            return Demand(figure, self._bound(bound, "%", figure, per=100.0))
        statistic = names.statistic(self._name(name[0]), _at(name[0]), but=("count", "sum", "mean", "min", "max"))
        return Demand("latency", self._bound(bound, "s", "a latency"), float(statistic[1:]))
