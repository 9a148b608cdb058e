"""From a parse tree to a condition: names are looked up, quantities brought to their signal's unit."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from lark import Token, Transformer, v_args
from numpy.typing import NDArray

from jinqiao.base.signals import Signal
from jinqiao.base.units import in_unit
from jinqiao.base.words import Refused, did_you_mean, one_of, show

from ..language.measured import ADDRESSES, known_address
from ..language.selection import STATES
from .condition import Test, Values

__all__ = ["ConditionBuilder", "Part", "Written", "signal_at", "value_of"]

_COMPARES: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A condition within one; `never` and `always` are what the ranges of its signals make certain."""

    signals: frozenset[str]
    test: Test
    never: bool = False
    always: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A value as it stands there: a number with its unit, or the word of an enumeration."""

    at: int
    number: float | None = None
    unit: str = ""
    word: str = ""


def signal_at(address: str, at: int) -> Signal:
    """The signal of a name in the text, which stands at `at`. Raises Refused with the nearest one."""
    try:
        return ADDRESSES[known_address(address)]
    except Refused as refused:
        raise Refused(str(refused), at=at) from None


@v_args(inline=True)
class ConditionBuilder(Transformer[Token, Any]):
    """The rules of `grammar.RULES`; a larger language inherits them."""

    def either(self, first: Part, *more: Any) -> Part:
        parts = [first, *(part for part in more if isinstance(part, Part))]
        if len(parts) == 1:
            return first
        return Part(
            _signals(parts),
            lambda values: np.logical_or.reduce([part.test(values) for part in parts]),
            all(part.never for part in parts),
            any(part.always for part in parts),
        )

    def all_of(self, first: Part, *more: Any) -> Part:
        parts = [first, *(part for part in more if isinstance(part, Part))]
        if len(parts) == 1:
            return first
        return Part(
            _signals(parts),
            lambda values: np.logical_and.reduce([part.test(values) for part in parts]),
            any(part.never for part in parts),
            all(part.always for part in parts),
        )

    def negated(self, _: Token, part: Part) -> Part:
        return Part(part.signals, lambda values: ~part.test(values), part.always, part.never)

    def state(self, word: Token) -> Part:
        state = STATES[str(word)]
        return Part(frozenset({"vehicle_state"}), lambda values: values["vehicle_state"] == state)

    def compared(self, name: Token, compares: Token, written: Written) -> Part:
        signal = signal_at(str(name), _at(name))
        value, compare = value_of(signal, written), _COMPARES[str(compares)]

        def test(values: Values) -> NDArray[np.bool_]:
            found: NDArray[np.bool_] = compare(values[signal.name], value)
            return found

        ends = compare(signal.low, value), compare(signal.high, value)
        certain = str(compares) in ("<", "<=", ">", ">=")  # these hold everywhere if they hold at both ends
        outside = not signal.low <= value <= signal.high
        never = (certain and not any(ends)) or (str(compares) == "==" and outside)
        return Part(frozenset({signal.name}), test, never, certain and all(ends))

    def between(self, name: Token, _: Token, low: Written, __: Token, high: Written) -> Part:
        signal = signal_at(str(name), _at(name))
        least, most = value_of(signal, low), value_of(signal, high)
        if least > most:
            raise Refused("found a range whose end is below its beginning, expected: between LOW and HIGH", at=low.at)

        def test(values: Values) -> NDArray[np.bool_]:
            column = values[signal.name]
            found: NDArray[np.bool_] = (column >= least) & (column <= most)
            return found

        return Part(frozenset({signal.name}), test, never=most < signal.low or least > signal.high)

    def quantity(self, *tokens: Token) -> Written:
        number = next(token for token in tokens if token.type == "NUMBER")
        unit = next((str(token) for token in tokens if token.type == "UNIT"), "")
        sign = -1.0 if tokens[0].type == "MINUS" else 1.0
        return Written(_at(tokens[0]), sign * float(number), unit)

    def word(self, word: Token) -> Written:
        return Written(_at(word), word=str(word))

    def text(self, text: Token) -> Written:
        return Written(_at(text), word=str(text)[1:-1])


def _at(token: Token) -> int:
    return token.start_pos or 0


def _signals(parts: list[Part]) -> frozenset[str]:
    return frozenset().union(*(part.signals for part in parts))


def value_of(signal: Signal, written: Written) -> float:
    """What stands there, as the signal's column holds it."""
    if written.number is not None:
        try:
            return in_unit(written.number, written.unit, signal.unit, signal.identifier)
        except Refused as refused:
            raise Refused(str(refused), at=written.at) from None
    if not signal.values:
        unit = f" in {signal.unit}" if signal.unit else ""
        raise Refused(
            f"found {show(written.word)}, expected a number{unit}: that is how {signal.identifier} is told",
            at=written.at,
        )
    for number, name in signal.values.items():
        if name.casefold() == written.word.casefold():
            return number
    known = list(signal.values.values())
    raise Refused(
        f"found {show(written.word)}, expected {one_of(known)}{did_you_mean(written.word, known)}", at=written.at
    )
