"""A tree becomes closures: `compiled` computes a value, `condition` whether it is true.

They take the message's values and the message. What is frequent (a path, a comparison with a constant) has a closure of
its own; everything else is general.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .functions.row import Argument, Made
from .functions.table import FUNCTIONS
from .message import Message
from .paths import Step, look_up
from .tree import (
    And,
    Arithmetic,
    Call,
    Case,
    Comparison,
    Constant,
    In,
    IsNull,
    Like,
    Negative,
    Node,
    Not,
    Or,
    Path,
    Star,
)
from .values import ARITHMETIC, EQUAL, compares, is_number, number

__all__ = ["Condition", "Selection", "compiled", "condition", "is_in", "is_like"]

Condition = Callable[[Any, Message], bool]

#: Makes the result of a message's values and the message.
Selection = Callable[[Any, Message], dict[str, Any] | bytes]


def compiled(node: Node) -> Made:
    """What computes this expression; it never raises."""
    return _VALUES[type(node)](node) if type(node) in _VALUES else condition(node)


def condition(node: Node) -> Condition:
    """What computes whether this expression is true."""
    make = _CONDITIONS.get(type(node))
    if make is not None:
        return make(node)
    value = compiled(node)
    return lambda values, message: value(values, message) is True


# Values.


def _star(_: Star) -> Made:
    return lambda values, _: values


def _constant(node: Constant) -> Made:
    value = node.value
    return lambda *_: value


def _path(node: Path) -> Made:
    read = _reading(node.steps)
    if not node.in_array:
        return read

    def in_array(values: Any, message: Message) -> Any:
        found = read(values, message)
        return None if found is None else [found]

    return in_array


def _reading(steps: tuple[Step, ...]) -> Made:
    if len(steps) == 3 and all(type(step) is str for step in steps):  # items.speed.value
        first, second, third = steps

        def read(values: Any, _: Message) -> Any:
            try:
                return values[first][second][third]
            except (KeyError, TypeError, IndexError):
                return None

        return read
    return lambda values, _: look_up(values, steps)


def _call(node: Call) -> Made:
    function = FUNCTIONS[node.function.lower()]
    arguments = [compiled(argument) for argument in node.arguments]
    if function.about is not None:
        return function.about(*map(Argument, node.arguments, arguments))
    assert function.pure is not None
    pure = function.pure
    if len(arguments) == 1:
        (only,) = arguments
        return lambda values, message: pure(only(values, message))
    return lambda values, message: pure(*[argument(values, message) for argument in arguments])


def _arithmetic(node: Arithmetic) -> Made:
    first = compiled(node.first)
    rest = [(ARITHMETIC[sign], compiled(term)) for sign, term in node.rest]

    def made(values: Any, message: Message) -> int | float | None:
        total = first(values, message)
        if not is_number(total):
            return None
        total = float(total)
        for operate, term in rest:
            value = term(values, message)
            if not is_number(value):
                return None
            total = operate(total, float(value))
            if not math.isfinite(total):
                return None
        return number(total)

    return made


def _negative(node: Negative) -> Made:
    value = compiled(node.of)

    def made(values: Any, message: Message) -> int | float | None:
        found = value(values, message)
        return number(-float(found)) if is_number(found) else None

    return made


def _case(node: Case) -> Made:
    subject = compiled(node.subject) if node.subject is not None else None
    branches = [(condition(when), compiled(when), compiled(then)) for when, then in node.branches]
    otherwise = compiled(node.otherwise) if node.otherwise is not None else None
    equal = compares("=")

    def made(values: Any, message: Message) -> Any:
        of = subject(values, message) if subject is not None else None
        for is_true, when, then in branches:
            chosen = equal(of, when(values, message)) if subject is not None else is_true(values, message)
            if chosen:
                return then(values, message)
        return otherwise(values, message) if otherwise is not None else None

    return made


# Conditions.


def _comparison(node: Comparison) -> Condition:
    left, right = compiled(node.left), compiled(node.right)
    compare = compares(node.operator)
    if isinstance(node.right, Constant):
        value = node.right.value
        return lambda values, message: compare(left(values, message), value)
    return lambda values, message: compare(left(values, message), right(values, message))


def is_in(node: In) -> Callable[[Any], bool]:
    """Whether a value is among the options; `NOT IN` is false for what cannot be compared at all."""
    options = {(EQUAL[type(option)], option) for option in node.options if option is not None}
    negated = node.negated

    def judge(value: Any) -> bool:
        kind = EQUAL.get(type(value))
        return kind is not None and ((kind, value) in options) is not negated

    return judge


def is_like(node: Like) -> Callable[[Any], bool]:
    """Whether a text is like the pattern; neither `LIKE` nor `NOT LIKE` is true of anything else."""
    first, *middle = node.pattern.split("%")
    last = middle.pop() if middle else None
    negated = node.negated

    def like(text: str) -> bool:
        if last is None:
            return text == first
        end = len(text) - len(last)
        if end < len(first) or not text.startswith(first) or not text.endswith(last):
            return False
        place = len(first)
        for part in middle:  # the leftmost place is as good as any
            place = text.find(part, place, end)
            if place < 0:
                return False
            place += len(part)
        return True

    return lambda value: type(value) is str and like(value) is not negated


def _inside(node: In) -> Condition:
    value, judge = compiled(node.value), is_in(node)
    return lambda values, message: judge(value(values, message))


def _like(node: Like) -> Condition:
    value, judge = compiled(node.value), is_like(node)
    return lambda values, message: judge(value(values, message))


def _is_null(node: IsNull) -> Condition:
    value, negated = compiled(node.value), node.negated
    return lambda values, message: (value(values, message) is None) is not negated


def _not(node: Not) -> Condition:
    of = condition(node.of)
    return lambda values, message: not of(values, message)


def _and(node: And) -> Condition:
    parts = [condition(part) for part in node.parts]
    if len(parts) == 2:
        one, other = parts
        return lambda values, message: one(values, message) and other(values, message)
    return lambda values, message: all(part(values, message) for part in parts)


def _or(node: Or) -> Condition:
    parts = [condition(part) for part in node.parts]
    return lambda values, message: any(part(values, message) for part in parts)


_VALUES: dict[type, Callable[[Any], Made]] = {
    Constant: _constant,
    Path: _path,
    Star: _star,
    Call: _call,
    Arithmetic: _arithmetic,
    Negative: _negative,
    Case: _case,
}

_CONDITIONS: dict[type, Callable[[Any], Condition]] = {
    Comparison: _comparison,
    In: _inside,
    Like: _like,
    IsNull: _is_null,
    Not: _not,
    And: _and,
    Or: _or,
}
