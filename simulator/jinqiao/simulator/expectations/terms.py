"""Formulas of an expectation, from the parse tree: comparisons of vehicles' signals and of numbers of fleets."""

from __future__ import annotations

from collections.abc import Mapping

from lark import Token, Tree

from jinqiao.base.units import in_unit
from jinqiao.base.words import Refused

from ..conditions.building import ConditionBuilder, Written, signal_at, value_of
from ..language.selection import STATES
from . import names
from .bounds import Bound
from .names import at
from .tree import And, Compared, Events, Fleetwide, Formula, Named, Not, Number, Or, leaves

__all__ = ["Part", "Terms", "tokens", "trees"]

Part = Tree[Token]


def trees(part: Part) -> list[Part]:
    """Its parts that have parts."""
    return [child for child in part.children if isinstance(child, Tree)]


def tokens(part: Part, *types: str) -> list[Token]:
    """Its words of these types."""
    return [child for child in part.children if isinstance(child, Token) and child.type in types]


class Terms:
    """Reads the formulas of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._written = ConditionBuilder()

    # Names and values.

    def who(self, part: Part) -> Named:
        """A fleet, a phase, or a VIN."""
        (token,) = (child for child in part.children if isinstance(child, Token))
        return Named(str(token)[1:-1] if token.type == "TEXT" else str(token), at(token))

    def owner(self, part: Part) -> Named:
        """`of …`."""
        return self.who(trees(part)[0])

    def value(self, part: Part) -> Written:
        """What is written for a value."""
        written: Written = self._written.transform(part)
        return written

    def number(self, part: Part, unit: str, what: str) -> float:
        """A number in its unit. Raises Refused where there is none, or another unit."""
        written = self.value(part)
        if written.number is None:
            raise Refused(
                f"found {written.word!r}, expected {what}: a number{f' in {unit}' if unit else ''}", at=written.at
            )
        try:
            return in_unit(written.number, written.unit, unit, what)
        except Refused as refused:
            raise Refused(str(refused), at=written.at) from None

    def bound(self, part: Part, unit: str, what: str, per: float = 1.0) -> Bound:
        """What a number in `unit` is compared with; it counts `per` of them."""
        values = [round(self.number(one, unit, what) / per, 12) for one in trees(part)]
        return self._bound(part, values)

    def _bound(self, part: Part, values: list[float]) -> Bound:
        compares = tokens(part, "COMPARES")
        if compares:
            return Bound(str(compares[0]), values[0])
        low, high = values
        if low > high:
            place = self.value(trees(part)[0]).at
            raise Refused("found a range whose end is below its beginning, expected: between LOW and HIGH", at=place)
        return Bound("between", low, high)

    # Formulas. `owners` gets the vehicles that a formula about single vehicles names.

    def formula(self, part: Part, owners: list[Named]) -> Formula:
        """A condition, or comparisons of numbers of fleets."""
        match part.data:
            case "either" | "all_of":
                parts = tuple(self.formula(one, owners) for one in trees(part))
                if len(parts) == 1:
                    return parts[0]
                return Or(parts) if part.data == "either" else And(parts)
            case "negated":
                return Not(self.formula(trees(part)[0], owners))
            case "state":
                self._owned(part, owners)
                return Compared("vehicle_state", Bound("==", float(STATES[str(tokens(part, "STATE")[0])])))
            case "flag":
                return self._flag(part, owners)
            case "fleetwide":
                return self._fleetwide(part)
            case _:
                return self._compared(part, owners)

    def _owned(self, part: Part, owners: list[Named]) -> None:
        for one in trees(part):
            if one.data != "owner":
                continue
            owner = self.owner(one)
            if owners and owners[0].name != owner.name:
                message = (
                    f"found 'of {owner.name}' beside 'of {owners[0].name}', expected one condition of the same vehicles"
                )
                raise Refused(message, at=owner.at)
            owners.append(owner)

    def _compared(self, part: Part, owners: list[Named]) -> Formula:
        self._owned(part, owners)
        (name,) = tokens(part, "NAME")
        signal = signal_at(str(name), at(name))
        values = [value_of(signal, self.value(one)) for one in trees(part) if one.data != "owner"]
        within = Tree(part.data, [one for one in part.children if not (isinstance(one, Tree) and one.data == "owner")])
        return Compared(signal.name, self._bound(within, values))

    def _flag(self, part: Part, owners: list[Named]) -> Formula:
        """A name alone: a signal that is on or off."""
        self._owned(part, owners)
        (name,) = tokens(part, "NAME")
        signal = signal_at(str(name), at(name))
        if set(signal.values) != {0, 1}:
            raise Refused(f"found {str(name)!r} alone, expected a comparison, such as {name} > 20", at=at(name))
        return Compared(signal.name, Bound("==", 1.0))

    def _fleetwide(self, part: Part) -> Fleetwide:
        number, bound = trees(part)
        (function,) = tokens(number, "NAME")
        kind = names.statistic(function)
        (inner,) = trees(number)
        text = " ".join(self._text[number.meta.start_pos : number.meta.end_pos].split())
        if inner.data == "event":
            events = self._events(inner, kind, text, function)
            return Fleetwide(events, self.bound(bound, events.unit, text))
        owners: list[Named] = []
        if kind == "count":
            condition = self.formula(inner, owners)
            if any(isinstance(one, Fleetwide) for one in leaves(condition)):
                raise Refused("found a number of a fleet in count(…), expected a condition", at=inner.meta.start_pos)
            return Fleetwide(Number(text, kind, _first(owners), condition=condition), self.bound(bound, "", text))
        name = self._signal(inner, kind, owners)
        signal = signal_at(str(name), at(name))
        if signal.values:
            raise Refused(
                f"{signal.identifier} is one of several names, expected a signal that is a number", at=at(name)
            )
        return Fleetwide(Number(text, kind, _first(owners), signal=signal.name), self.bound(bound, signal.unit, text))

    def _signal(self, inner: Part, kind: str, owners: list[Named]) -> Token:
        """The one signal that a statistic is about."""
        while inner.data in ("either", "all_of") and len(trees(inner)) == 1:
            (inner,) = trees(inner)
        if inner.data != "flag":
            raise Refused(f"found a condition in {kind}(…), expected a signal", at=inner.meta.start_pos)
        self._owned(inner, owners)
        return tokens(inner, "NAME")[0]

    def _events(self, inner: Part, kind: str, text: str, function: Token) -> Events:
        owners: list[Named] = []
        self._owned(inner, owners)
        (name,) = tokens(inner, "NAME")
        identifier, output = names.find_event(name)
        wanted: Mapping[str, bool] = {"count": False, "sum": True}
        if wanted.get(kind) is not bool(output):
            raise Refused(f"found {text!r}, expected count(event NAME) or sum(event NAME.Output)", at=at(function))
        unit = names.event_output(identifier, output, name) if output else ""
        return Events(text, identifier, _first(owners), output, unit)


def _first(owners: list[Named]) -> Named | None:
    return owners[0] if owners else None
