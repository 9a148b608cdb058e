"""Functions of texts. No text that they make is longer than `MAX_TEXT`: that would be null."""

from __future__ import annotations

import hashlib
import math
from typing import Any
from uuid import uuid4

from jinqiao.base.words import one_of

from ..limits import MAX_TEXT
from ..message import Message
from ..values import as_text, is_number
from .row import Argument, Function, Made, Parameter

__all__ = ["TEXTS"]

#: MD2, which the platform has too, is in no library we need.
_DIGESTS = {
    "MD5": hashlib.md5,
    "SHA1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}


def _concat(left: Any, right: Any) -> str | None:
    one, other = as_text(left), as_text(right)
    if one is None or other is None or len(one) + len(other) > MAX_TEXT:
        return None
    return one + other


def _digest(field: Argument, algorithm: Argument) -> Made:
    make = _DIGESTS.get(algorithm.text.upper())
    if make is None:
        raise ValueError(one_of([f"'{name}'" for name in _DIGESTS]))

    def made(values: Any, message: Message) -> str | None:
        text = as_text(field.value(values, message))
        return make(text.encode(errors="replace"), usedforsecurity=False).hexdigest() if text is not None else None

    return made


def _endswith(text: Any, suffix: Any) -> bool | None:
    return text.endswith(suffix) if type(text) is str and type(suffix) is str else None


def _lower(text: Any) -> str | None:
    return text.lower() if type(text) is str else None


def _upper(text: Any) -> str | None:
    return text.upper() if type(text) is str else None


def _nanvl(value: Any, default: Any) -> Any:
    return default if value is None else value


def _new_uuid() -> Made:
    return lambda *_: str(uuid4())


def _replace(source: Any, substring: Any, replacement: Any) -> str | None:
    if not (type(source) is str and type(substring) is str and type(replacement) is str):
        return None
    longer = len(replacement) - len(substring)
    if longer > 0 and len(source) + longer * source.count(substring) > MAX_TEXT:
        return None
    return source.replace(substring, replacement)


def _substring(target: Any, start: Any, end: Any = math.inf) -> str | None:
    """As the platform: of texts and whole numbers, places count from 0, a negative one is 0, fractions are cut off."""
    if type(target) is int:
        target = str(target)
    if type(target) is not str or not is_number(start) or not is_number(end):
        return None
    return target[_place(start, target) : _place(end, target)]


def _place(number: float, text: str) -> int:
    return int(min(max(number, 0), len(text)))


TEXTS = (
    Function(
        "concat",
        (Parameter("string1", "any"), Parameter("string2", "any")),
        "text",
        "Both, one behind the other; numbers and truth values as JSON writes them.",
        pure=_concat,
    ),
    Function(
        "crypto",
        (Parameter("field", "any"), Parameter("algorithm", "constant text")),
        "text",
        f"The digest of the field's text as hex digits: {one_of(list(_DIGESTS))} (not the platform's MD2).",
        about=_digest,
    ),
    Function(
        "endswith",
        (Parameter("input", "text"), Parameter("suffix", "text")),
        "truth value",
        "Whether the input ends with the suffix.",
        pure=_endswith,
    ),
    Function("lower", (Parameter("string", "text"),), "text", "In small letters.", pure=_lower),
    Function(
        "nanvl",
        (Parameter("value", "any"), Parameter("default", "any")),
        "any",
        "The value, or the default where it is null.",
        pure=_nanvl,
    ),
    Function("newuuid", (), "text", "A random UUID.", about=_new_uuid),
    Function(
        "replace",
        (Parameter("source", "text"), Parameter("substring", "text"), Parameter("replacement", "text")),
        "text",
        "The source with every substring replaced.",
        pure=_replace,
    ),
    Function(
        "substring",
        (Parameter("target", "any"), Parameter("start", "number"), Parameter("end", "number", optional=True)),
        "text",
        "Characters from start to before end, or to the last one. Places count from 0; whole numbers count as texts.",
        pure=_substring,
    ),
    Function("upper", (Parameter("string", "text"),), "text", "In capital letters.", pure=_upper),
)
