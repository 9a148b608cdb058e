"""The arithmetic of the language: which values compare, what a number is, and what becomes null.

`columns` computes the same with arrays; what is said here is said there.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

__all__ = ["ARITHMETIC", "EQUAL", "ORDERED", "as_text", "compares", "is_number", "number"]

#: Whole numbers up to here are exact in a double.
_EXACT = 2**53

#: Types whose values can be equal, and for which other types. A truth value is no number.
EQUAL: dict[type, str] = {int: "number", float: "number", str: "text", bool: "truth"}
#: Types whose values have an order.
ORDERED: dict[type, str] = {int: "number", float: "number", str: "text"}


def is_number(value: Any) -> bool:
    return type(value) is float or type(value) is int


def number(value: float) -> int | float | None:
    """What arithmetic came to, as a result: whole where it is, null where it is not finite."""
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and -_EXACT <= value <= _EXACT else value


def _divided(left: float, right: float) -> float:
    return left / right if right else math.nan


def _remainder(left: float, right: float) -> float:
    """With the sign of what is divided."""
    return math.fmod(left, right) if right else math.nan


#: On doubles; what is not a number any more is null in the end.
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _remainder,
}

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compares(sign: str) -> Callable[[Any, Any], bool]:
    """The comparison of two values, whatever they are."""
    if sign == "<>":
        return _differ
    compare = _COMPARISONS[sign]
    kind_of = (EQUAL if sign == "=" else ORDERED).get

    def compared(left: Any, right: Any) -> bool:
        kind = kind_of(type(left))
        return kind is not None and kind == kind_of(type(right)) and compare(left, right)

    return compared


def _differ(left: Any, right: Any) -> bool:
    """Both are something that can be equal, and they are not."""
    kind, other = EQUAL.get(type(left)), EQUAL.get(type(right))
    return kind is not None and other is not None and (kind != other or left != right)


def as_text(value: Any) -> str | None:
    """A value as part of a text: texts as they are, numbers and truth values as JSON has them, null otherwise."""
    if type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    return repr(value) if is_number(value) and math.isfinite(value) else None
