"""Bounds: what a number is compared with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["COMPARES", "Bound", "Side"]

#: On which side of a value it is that a bound can be crossed.
Side = Literal["max", "min", "last"]

COMPARES: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """`operator` and `low`, or from `low` to `high`, both included, where there is a `high`."""

    operator: str
    low: float
    high: float | None = None

    def holds(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Where it holds; never for NaN, but for `!=`."""
        if self.high is not None:
            return np.asarray((values >= self.low) & (values <= self.high))
        return np.asarray(COMPARES[self.operator](values, self.low))

    def admits(self, value: float) -> bool:
        """Whether it holds for one number."""
        return bool(self.holds(np.asarray(value)))

    @property
    def worst(self) -> Side:
        """Which of many values is the first to break it: the largest or the smallest; `last` where neither."""
        if self.high is not None or self.operator in ("==", "!="):
            return "last"
        return "max" if self.operator in ("<", "<=") else "min"

    @property
    def best(self) -> Side:
        """Which of many values is the first to fulfil it."""
        opposite: dict[Side, Side] = {"max": "min", "min": "max", "last": "last"}
        return opposite[self.worst]
