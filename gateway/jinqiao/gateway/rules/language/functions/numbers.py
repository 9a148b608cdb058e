"""Functions of numbers. What has no result, or none that a double holds, is null."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import random
from typing import Any

from ..values import ARITHMETIC, is_number, number
from .row import Function, Made, Parameter

__all__ = ["NUMBERS"]

_DECIMAL = 10.0


def _of(function: Callable[..., float]) -> Callable[..., Any]:
    """The function of numbers as one of any values."""

    def of(*values: Any) -> int | float | None:
        for value in values:
            if not is_number(value):
                return None
        try:
            return number(float(function(*map(float, values))))
        except (ValueError, OverflowError, ZeroDivisionError):
            return None

    return of


def _log(value: float, base: float = _DECIMAL) -> float:
    return math.log10(value) if base == _DECIMAL else math.log(value) / math.log(base)


def _rand() -> Made:
    return lambda *_: random()


def _row(name: str, function: Callable[..., float], meaning: str, *parameters: str, optional: bool = False) -> Function:
    names = parameters or ("number",)
    last = len(names) - 1
    row = tuple(Parameter(name, "number", optional=optional and place == last) for place, name in enumerate(names))
    return Function(name, row, "number", meaning, pure=_of(function), numeric=True)


NUMBERS = (
    _row("abs", abs, "The number without its sign."),
    _row("asin", math.asin, "The arc sine, in radians; null outside -1 to 1."),
    _row("cos", math.cos, "The cosine of radians."),
    _row("cosh", math.cosh, "The hyperbolic cosine."),
    _row("exp", math.exp, "e to the power of the number."),
    _row("floor", math.floor, "The largest whole number that is not greater."),
    _row("log", _log, "The logarithm of n to base m, or to base 10.", "n", "m", optional=True),
    _row("mod", ARITHMETIC["%"], "The remainder of n divided by m, with the sign of n; null for m = 0.", "n", "m"),
    _row("power", math.pow, "n to the power of m.", "n", "m"),
    Function("rand", (), "number", "A random number from 0 to below 1.", about=_rand),
    _row("sin", math.sin, "The sine of radians."),
    _row("sinh", math.sinh, "The hyperbolic sine."),
    _row("tan", math.tan, "The tangent of radians."),
    _row("tanh", math.tanh, "The hyperbolic tangent."),
)
