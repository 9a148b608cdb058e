"""What a condition is once it is read: a function of columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Condition", "Test", "Values"]

#: Columns of the signal table by name, each in its signal's unit, all of shape (m,).
Values: TypeAlias = Mapping[str, NDArray[Any]]
Test: TypeAlias = Callable[[Values], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Condition:
    """`text` as it was written; `signals` are the names (of the signal table) of all that it reads.

    `never` says that no value within the signals' ranges makes it true.
    """

    text: str
    signals: frozenset[str]
    test: Test
    never: bool = False

    def holds(self, values: Values) -> NDArray[np.bool_]:
        """For which of m vehicles it is true, shape (m,). `values` has at least the columns of `signals`."""
        return self.test(values)
