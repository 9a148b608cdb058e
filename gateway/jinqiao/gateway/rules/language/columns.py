"""Expressions on the columns of a fleet's posts: what NumPy computes bit for bit as `compiling` does, and nothing else.

The value of an expression is one value for all rows (a number, a text, a truth value, null) or an array. Arrays are
doubles, where NaN is null, truth values, or device names as bytes. The doubles are exact: the wire's whole numbers of
the last decimal, divided by a power of ten, are what a JSON parser makes of their digits. What is none of these raises
`NotOnColumns`, and its rows are evaluated one by one. NumPy's own sin, exp and the like may differ from the C library's
in the last bit, so the latter are called for each row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.signals import Signal

from .arrays import NotOnColumns, compared, double, is_double, is_name, operated, or_default, truth, with_nulls
from .compiling import is_in, is_like
from .functions.table import FUNCTIONS
from .paths import look_up
from .posts import FleetPosts, unscaled
from .shape import DeviceName, MadeTime, OfEachRow, SampleTime, message_shape
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
)
from .values import is_number, number

__all__ = ["Columns"]


@dataclass(frozen=True)
class Columns:
    """Evaluates on `posts`, on all rows, or on those of `rows`, shape (k,)."""

    posts: FleetPosts
    rows: NDArray[np.intp] | None = None

    @cached_property
    def count(self) -> int:
        return len(self.posts) if self.rows is None else len(self.rows)

    def value(self, node: Node) -> Any:
        """One value for all rows, or an array of shape (k,); raises NotOnColumns."""
        make = _VALUES.get(type(node))
        if make is None:
            raise NotOnColumns
        return make(self, node)

    def condition(self, node: Node) -> bool | NDArray[np.bool_]:
        """Whether it is true, for all rows or for each."""
        holds: bool | NDArray[np.bool_] = truth(self.value(node))
        return holds

    def found(self, path: Path) -> Any:
        """What a path leads to: a value, a `Signal`, a mark; raises NotOnColumns for what is no single value."""
        batch = self.posts.said.batch
        shape = message_shape(tuple(batch.signals), self.posts.product_key, self.posts.device_type)
        leaf = look_up(shape, path.steps)
        if isinstance(leaf, dict | list | OfEachRow) or (path.in_array and leaf is not None):
            raise NotOnColumns
        return leaf

    def shown(self, path: Path) -> list[Any]:
        """The values that a path leads to, as the messages have them; raises NotOnColumns."""
        leaf = self.found(path)
        if isinstance(leaf, Signal):
            return unscaled(self.whole(leaf), leaf.decimals)
        if isinstance(leaf, SampleTime | MadeTime):
            return list((self.time_ms if isinstance(leaf, SampleTime) else self.generated_ms).tolist())
        return [name.decode() for name in self.names.tolist()] if isinstance(leaf, DeviceName) else [leaf] * self.count

    def whole(self, signal: Signal) -> NDArray[Any]:
        """The signal as whole numbers of its last decimal."""
        return self._some(self.posts.said.batch.signals[signal.name])

    @property
    def time_ms(self) -> NDArray[np.int64]:
        return self._some(self.posts.said.batch.time_ms)

    @property
    def generated_ms(self) -> NDArray[np.int64]:
        return self._some(self.posts.generated_ms)

    @cached_property
    def names(self) -> NDArray[np.bytes_]:
        names: NDArray[np.bytes_] = self.posts.device_names[self._some(self.posts.said.batch.vehicles)]
        return names

    def _some(self, column: NDArray[Any]) -> NDArray[Any]:
        return column if self.rows is None else column[self.rows]

    # Values.

    def _constant(self, node: Constant) -> Any:
        return node.value

    def _path(self, node: Path) -> Any:
        leaf = self.found(node)
        if isinstance(leaf, Signal):
            whole = self.whole(leaf)
            return whole / 10**leaf.decimals if leaf.decimals else whole.astype(np.float64)
        if isinstance(leaf, SampleTime):
            return self.time_ms.astype(np.float64)
        if isinstance(leaf, MadeTime):
            return self.generated_ms.astype(np.float64)
        return self.names if isinstance(leaf, DeviceName) else leaf

    def _call(self, node: Call) -> Any:
        if node.function == "deviceName":
            return self.names
        if node.function == "productKey":
            return self.posts.product_key
        function = FUNCTIONS[node.function.lower()]
        if node.function == "timestamp" and not node.arguments:
            return self.generated_ms.astype(np.float64)
        if function.pure is None:
            raise NotOnColumns
        values = [self.value(argument) for argument in node.arguments]
        if all(not isinstance(value, np.ndarray) for value in values):
            return function.pure(*values)
        if node.function == "nanvl":
            return or_default(*values)
        if not function.numeric:
            raise NotOnColumns
        return self._each(function.pure, values)

    def _each(self, function: Callable[..., Any], values: list[Any]) -> Any:
        """A numeric function, row by row."""
        if any(not (is_double(value) or is_number(value)) for value in values):
            return None
        columns = [with_nulls(value) if is_double(value) else [value] * self.count for value in values]
        results = [function(*row) for row in zip(*columns, strict=True)]
        return np.array([np.nan if result is None else result for result in results], np.float64)

    def _arithmetic(self, node: Arithmetic) -> Any:
        total = self.value(node.first)
        terms = [(sign, self.value(term)) for sign, term in node.rest]
        if any(not (is_double(value) or is_number(value)) for value in (total, *(value for _, value in terms))):
            return None
        for sign, term in terms:
            total = operated(sign, total, term)
        return total if is_double(total) else number(float(total))

    def _negative(self, node: Negative) -> Any:
        value = self.value(node.of)
        if is_double(value):
            return -value
        return number(-float(value)) if is_number(value) else None

    def _case(self, node: Case) -> Any:
        """Where all results are numbers or null."""
        subject = self.value(node.subject) if node.subject is not None else None
        results = [self.value(then) for _, then in node.branches]
        otherwise = self.value(node.otherwise) if node.otherwise is not None else None
        if any(not (result is None or is_double(result) or is_number(result)) for result in (*results, otherwise)):
            raise NotOnColumns
        chosen = []
        for when, _ in node.branches:
            value = self.value(when)
            chosen.append(truth(value) if node.subject is None else compared("=", subject, value))
        whens = [np.broadcast_to(when, self.count) for when in chosen]
        thens = [np.broadcast_to(double(then), self.count) for then in results]
        return np.select(whens, thens, double(otherwise)).astype(np.float64)

    # Conditions.

    def _comparison(self, node: Comparison) -> Any:
        return compared(node.operator, self.value(node.left), self.value(node.right))

    def _in(self, node: In) -> Any:
        value = self.value(node.value)
        if not isinstance(value, np.ndarray):
            return is_in(node)(value)
        if value.dtype.kind == "b":
            raise NotOnColumns
        if value.dtype.kind == "f":
            numbers = np.array([option for option in node.options if is_number(option)], np.float64)
            found = np.isin(value, numbers)
            return ~found & ~np.isnan(value) if node.negated else found
        options = [option.encode() for option in node.options if isinstance(option, str) and is_name(option)]
        found = np.isin(value, np.array(options, "S")) if options else np.zeros(len(value), bool)
        return ~found if node.negated else found

    def _like(self, node: Like) -> Any:
        value, judge = self.value(node.value), is_like(node)
        if not isinstance(value, np.ndarray):
            return judge(value)
        if value.dtype.kind != "S":
            return False
        return np.array([judge(name.decode()) for name in value.tolist()], bool)

    def _is_null(self, node: IsNull) -> Any:
        value = self.value(node.value)
        if not is_double(value):
            return (value is None) is not node.negated
        return ~np.isnan(value) if node.negated else np.isnan(value)

    def _not(self, node: Not) -> Any:
        of = self.condition(node.of)
        return ~of if isinstance(of, np.ndarray) else not of

    def _and(self, node: And) -> Any:
        result: Any = True
        for part in node.parts:
            result = result & self.condition(part)
        return result

    def _or(self, node: Or) -> Any:
        result: Any = False
        for part in node.parts:
            result = result | self.condition(part)
        return result


_VALUES: dict[type, Callable[[Columns, Any], Any]] = {
    Constant: Columns._constant,
    Path: Columns._path,
    Call: Columns._call,
    Arithmetic: Columns._arithmetic,
    Negative: Columns._negative,
    Case: Columns._case,
    Comparison: Columns._comparison,
    In: Columns._in,
    Like: Columns._like,
    IsNull: Columns._is_null,
    Not: Columns._not,
    And: Columns._and,
    Or: Columns._or,
}
