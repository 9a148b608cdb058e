"""Data types of the thing model compiled to checks: value in, code out.

A check returns 0 for a value that fits and else the platform's code (device-side error table). It is total over what a
JSON parser can return, and one call per value is all that a validated post costs. Wire forms: bool and enum are whole
numbers, date is UTC milliseconds as text, floats may be written without a decimal point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .tsl_schema import ArrayType, BoolType, DataType, DateType, EnumType, NumberType, StructType, TextType

__all__ = ["Check", "compile_type"]

Check = Callable[[Any], int]

#: `int` is 32 bits wide on the platform.
_INT32 = (-(2**31), 2**31 - 1)


def compile_type(data_type: DataType, *, ranges: bool = True) -> Check:
    """The check of one data type; without `ranges` only the type is judged, as the platform's weak validation does."""
    return _COMPILERS[data_type.type](data_type, ranges)


def _int(data_type: NumberType, ranges: bool) -> Check:
    low, high = _bounds(data_type, *_INT32) if ranges else _INT32

    def check(value: Any) -> int:
        return 0 if type(value) is int and low <= value <= high else 6306

    return check


def _real(code: int) -> Callable[[NumberType, bool], Check]:
    def compiler(data_type: NumberType, ranges: bool) -> Check:
        low, high = _bounds(data_type, -math.inf, math.inf) if ranges else (-math.inf, math.inf)

        def check(value: Any) -> int:
            kind = type(value)
            return 0 if (kind is float or kind is int) and low <= value <= high else code

        return check

    return compiler


def _bounds(data_type: NumberType, low: float, high: float) -> tuple[float, float]:
    specs = data_type.specs
    return (low if specs.min is None else specs.min, high if specs.max is None else specs.max)


def _bool(_: BoolType, __: bool) -> Check:
    def check(value: Any) -> int:
        return 0 if type(value) is int and 0 <= value <= 1 else 6308

    return check


def _enum(data_type: EnumType, ranges: bool) -> Check:
    keys = frozenset(int(key) for key in data_type.specs)

    def check(value: Any) -> int:
        return 0 if type(value) is int and (not ranges or value in keys) else 6309

    return check


def _text(data_type: TextType, ranges: bool) -> Check:
    longest = data_type.specs.length if ranges else 10_240

    def check(value: Any) -> int:
        if type(value) is not str or len(value) > longest:
            return 6310
        # The length counts bytes of UTF-8.
        return 0 if value.isascii() or len(value.encode("utf-8", "replace")) <= longest else 6310

    return check


def _date(_: DateType, __: bool) -> Check:
    def check(value: Any) -> int:
        return 0 if type(value) is str and len(value) <= 19 and value.isascii() and value.isdigit() else 6311

    return check


def _struct(data_type: StructType, ranges: bool) -> Check:
    members = {member.identifier: compile_type(member.data_type, ranges=ranges) for member in data_type.specs}

    def check(value: Any) -> int:
        if type(value) is not dict:
            return 6312
        for name, inner in value.items():
            member = members.get(name)
            if member is None:
                return 6304
            if code := member(inner):
                return code
        return 0 if len(value) == len(members) else 6312

    return check


def _array(data_type: ArrayType, ranges: bool) -> Check:
    size = data_type.specs.size
    item = compile_type(data_type.specs.item, ranges=ranges)
    # A struct reports which of its members is wrong; other elements have one code of their own.
    own_code = data_type.specs.item.type == "struct"

    def check(value: Any) -> int:
        if type(value) is not list:
            return 6328
        if len(value) > size:
            return 6324
        for element in value:
            if code := item(element):
                return code if own_code else 6325
        return 0

    return check


_COMPILERS: Mapping[str, Callable[[Any, bool], Check]] = {
    "int": _int,
    "float": _real(6307),
    "double": _real(6322),
    "bool": _bool,
    "enum": _enum,
    "text": _text,
    "date": _date,
    "struct": _struct,
    "array": _array,
}
