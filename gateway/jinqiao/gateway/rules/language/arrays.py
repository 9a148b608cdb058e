"""What `values` says of two values, said of columns.

A value is one for all rows, or an array: of doubles, where NaN is null, of truth values, or of device names as bytes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .values import ARITHMETIC, EQUAL, compares, is_number

__all__ = [
    "NotOnColumns",
    "compared",
    "double",
    "is_double",
    "is_name",
    "operated",
    "or_default",
    "truth",
    "with_nulls",
]


class NotOnColumns(Exception):
    """An expression whose values are no column."""


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_OPERATE: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
}


def truth(value: Any) -> Any:
    """As a condition: whatever is not true counts as false."""
    if isinstance(value, np.ndarray):
        return value if value.dtype.kind == "b" else False
    return value is True


def is_double(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def with_nulls(column: NDArray[np.float64]) -> list[float | None]:
    return [None if value != value else value for value in column.tolist()]


def or_default(value: Any, default: Any) -> Any:
    """`nanvl`, where one of them is a column."""
    if not isinstance(value, np.ndarray):
        return default if value is None else value
    null = np.isnan(value) if is_double(value) else np.zeros(len(value), bool)
    if not null.any():
        return value
    if default is None or is_double(default) or is_number(default):
        return np.where(null, double(default), value)
    raise NotOnColumns


def double(value: Any) -> Any:
    return np.nan if value is None else value


def is_name(text: str) -> bool:
    """Whether it can be a device name of a fleet; NumPy's padding would make others out of the rest."""
    return text.isascii() and "\0" not in text


def operated(sign: str, left: Any, right: Any) -> Any:
    """Two numbers or columns of them; NaN is null."""
    if not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray):
        return _finite(ARITHMETIC[sign](float(left), float(right)))
    with np.errstate(all="ignore"):
        result = _OPERATE[sign](left, right)
        if not np.isfinite(result.sum()):  # which is dear to find out row by row
            result[~np.isfinite(result)] = np.nan
    return result


def _finite(value: float) -> float:
    return value if np.isfinite(value) else np.nan


def compared(sign: str, left: Any, right: Any) -> Any:
    """Two values or columns, as `compares` has it."""
    if not isinstance(left, np.ndarray) and not isinstance(right, np.ndarray):
        return compares(sign)(left, right)
    one, other = _kind(left), _kind(right)
    if not one or not other:
        return False
    if one != other:
        if sign != "<>":
            return False
        return _present(left) & _present(right)
    if one == "number":
        return _compared_numbers(sign, left, right)
    if one == "truth":
        if sign not in ("=", "<>"):
            return False
        return left == right if sign == "=" else left != right
    return _compared_names(sign, left, right)


def _compared_numbers(sign: str, left: Any, right: Any) -> Any:
    if sign == "<>":  # NumPy's is true of NaN
        return (left < right) | (left > right)
    return _COMPARE[sign](left, right)


def _compared_names(sign: str, left: Any, right: Any) -> Any:
    if sign not in ("=", "<>"):
        raise NotOnColumns
    pair = [value if isinstance(value, np.ndarray) else value.encode() for value in (left, right)]
    if all(isinstance(value, np.ndarray) or is_name(value) for value in (left, right)):
        equal: Any = pair[0] == pair[1]
    else:
        equal = np.zeros(len(next(value for value in pair if isinstance(value, np.ndarray))), bool)
    return equal if sign == "=" else ~equal


_KINDS = {"f": "number", "b": "truth", "S": "text"}


def _kind(value: Any) -> str:
    """What it compares with, nothing for null."""
    return _KINDS[value.dtype.kind] if isinstance(value, np.ndarray) else EQUAL.get(type(value), "")


def _present(value: Any) -> Any:
    return ~np.isnan(value) if is_double(value) else True
