"""Bodies and queries of requests as models; what does not fit is a BodyError with the JSON pointer to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, cast
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ValidationError

from jinqiao.base.errors import BodyError
from jinqiao.base.explain import explain
from jinqiao.base.words import did_you_mean, one_of

__all__ = ["json_of", "pointer_of", "query_of", "read"]

ModelT = TypeVar("ModelT", bound=BaseModel)

#: Parameters of a query.
_MOST_PARAMETERS = 100


def json_of(body: bytes) -> dict[str, Any]:
    """The object that a body holds; an empty body is an empty object. Raises BodyError."""
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except ValueError as error:
        start = body[:40].decode(errors="replace")
        raise BodyError("", start, f"JSON ({str(error).partition(':')[0]})") from error
    if not isinstance(found, dict):
        raise BodyError("", found, "an object")
    return found


def query_of(query: str) -> dict[str, str]:
    """The parameters of a query, each once. Raises BodyError."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise BodyError("", query[:40], f"at most {_MOST_PARAMETERS} parameters") from error
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise BodyError(pointer_of([name]), value, "each parameter once")
        found[name] = value
    return found


def read(model: type[ModelT], value: Mapping[str, Any]) -> ModelT:
    """The model that this object is. Raises BodyError for the first thing that does not fit."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _body_error(model, error, value) from None


def pointer_of(steps: Sequence[str | int]) -> str:
    """A place as RFC 6901 writes it."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _body_error(model: type[BaseModel], problem: ValidationError, value: Mapping[str, Any]) -> BodyError:
    errors = problem.errors(include_url=False)
    # Somebody who misspells a key leaves out the right one, too: what was written comes first.
    errors.sort(key=lambda error: error["type"] == "missing")
    first = errors[0]
    if first["type"] == "extra_forbidden":
        name = str(first["loc"][-1])
        known = [field.alias or key for key, field in model.model_fields.items()]
        expected = f"{one_of(known)}{did_you_mean(name, known)}" if known else "nothing"
        return BodyError(pointer_of(first["loc"]), _at(value, first["loc"]), expected)
    finding = explain(model, [first], cast(Any, _Places(value)))[0]
    if first["type"] == "missing":
        field = model.model_fields[_field_of(model, str(first["loc"][-1]))]
        return BodyError(pointer_of(first["loc"]), None, field.description or finding.message)
    _, said, expected = finding.message.partition(", expected ")
    expected = f"{expected if said else finding.message}{f' ({finding.hint})' if finding.hint else ''}"
    return BodyError(pointer_of(finding.path), _at(value, finding.path), expected)


def _field_of(model: type[BaseModel], alias: str) -> str:
    return next(key for key, field in model.model_fields.items() if alias in (key, field.alias))


class _Places:
    """Where an object has values, as `explain` asks it of a file."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def has(self, steps: Sequence[str | int]) -> bool:
        return _at(self._value, steps, _Places) is not _Places


def _at(value: Any, steps: Sequence[str | int], missing: Any = None) -> Any:
    for step in steps:
        is_there = isinstance(value, Mapping) and step in value
        if not is_there and not (isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)):
            return missing
        value = value[step]
    return value
