"""Samples without the values that are none: nothing has a byte for NaN, and one NaN must not stop a recording.

A value that was not measured is a value that was not sent. So rows that lack a signal become samples without it, beside
the others; what was left out is counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import SIGNALS

from .parts import Samples
from .problems import Problems

__all__ = ["whole_arrays", "whole_samples"]

_ELEMENT = re.compile(r"(.+)\[\d+\]")


def _array(name: str) -> str | None:
    """The array that a signal is an element of, if it is one."""
    element = _ELEMENT.fullmatch(SIGNALS[name].identifier)
    return None if element is None else element[1]


_ELEMENTS: Counter[str | None] = Counter(filter(None, map(_array, SIGNALS)))


def whole_samples(part: Samples, problems: Problems, untold: Collection[str] = ()) -> Iterator[Samples]:
    """The samples as parts whose columns hold a finite value in every row, each at its signal's type, in order.

    In the columns `untold` NaN is no problem: these samples came without such a value.
    """
    part = _named(part, problems)
    if not len(part):
        return
    lacking: dict[str, NDArray[np.bool_]] = {}
    for name, column in part.columns.items():
        gone = ~_fits(name, column)
        if gone.any():
            lacking[name] = gone
            wrong = int((gone & ~np.isnan(column)).sum() if name in untold else gone.sum())
            if wrong:
                problems.count(f"values of {name} are unusable (NaN, infinite, missing) and are left out", wrong)
    if not lacking:
        yield _typed(part)
        return
    names = list(lacking)
    matrix = np.stack([lacking[name] for name in names], axis=1)
    _, pattern = np.unique(matrix, axis=0, return_inverse=True)
    pattern = pattern.reshape(-1)
    moment = np.concatenate(([0], np.cumsum(part.time_ms[1:] != part.time_ms[:-1])))
    order = np.lexsort((pattern, moment))  # rows of one moment may change places, so that fewer parts are made
    edges = np.flatnonzero(np.diff(pattern[order])) + 1
    for rows in np.split(order, edges):
        some = part.rows(rows)
        without = {name for name, gone in zip(names, matrix[rows[0]], strict=True) if gone}
        columns = {name: column for name, column in some.columns.items() if name not in without}
        if columns:
            yield _typed(Samples(some.group, some.time_ms, some.device_names, some.sequence, columns))
        else:
            problems.count("samples hold no value at all and are left out", len(rows))


def _named(part: Samples, problems: Problems) -> Samples:
    """The samples whose device names are text: a topic holds no other."""
    names = np.ascontiguousarray(part.device_names)
    if not (names.view(np.uint8) & 0x80).any():
        return part
    text = np.array([_is_text(name) for name in names.tolist()], np.bool_)
    if text.all():
        return part
    problems.count("samples have a device name that is not text and are left out", int((~text).sum()))
    return part.rows(np.flatnonzero(text))


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def whole_arrays(columns: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns without arrays that lack an element: in JSON elements are known by their places."""
    there: Counter[str | None] = Counter(filter(None, map(_array, columns)))
    return {name: column for name, column in columns.items() if there[_array(name)] == _ELEMENTS[_array(name)]}


def _fits(name: str, column: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Which rows are values of the signal's type."""
    dtype = np.dtype(SIGNALS[name].dtype)
    if column.dtype == dtype:
        finite: NDArray[np.bool_] = np.isfinite(column)
        return finite
    limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    numbers = np.asarray(column, np.float64)
    with np.errstate(invalid="ignore"):
        fits: NDArray[np.bool_] = (numbers >= float(limits.min)) & (numbers <= float(limits.max))
    return fits


def _typed(part: Samples) -> Samples:
    columns = {name: column.astype(SIGNALS[name].dtype, copy=False) for name, column in part.columns.items()}
    return Samples(part.group, part.time_ms, part.device_names, part.sequence, columns)
