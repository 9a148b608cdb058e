"""What pydantic found wrong with a YAML document, in this project's words: one finding for one mistake.

pydantic reports every branch of a union; a reader wants the branch that was meant. It names places by its own steps
(branches, validators, `[key]`); a reader wants the file's.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, Tag

from .variants import Variants
from .words import did_you_mean, one_of, show

__all__ = ["Finding", "Location", "Places", "explain"]

Location = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake: the place in the file (its key if `key`, its character `at`), the sentence, the way out."""

    path: Location
    message: str
    hint: str = ""
    key: bool = False
    at: int | None = None


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors, its location split where it leaves the file."""

    kind: str
    location: Location  # pydantic's, without `[key]`
    path: Location  # the file's
    branch: tuple[Location, str | int] | None  # the union's place in the file and the branch taken there
    key: bool
    found: Any
    message: str
    context: Mapping[str, Any]


class Places(Protocol):
    """What was read: a file's tree, or plain data."""

    def has(self, location: Sequence[str | int]) -> bool:
        """Whether there is a value at exactly this location."""


def explain(model: type[BaseModel], errors: Iterable[Mapping[str, Any]], tree: Places) -> list[Finding]:
    """One finding for each mistake in `errors` (pydantic's `ValidationError.errors()`)."""
    return [_finding(model, group) for group in _meant([_read(e, tree) for e in errors if not _follows_from_others(e)])]


def _follows_from_others(error: Mapping[str, Any]) -> bool:
    """pydantic counts only the entries of a tuple that were right, and calls a list of wrong ones too short."""
    found = error.get("input")
    return error["type"] == "too_short" and isinstance(found, (list, dict)) and len(found) >= error["ctx"]["min_length"]


def _read(error: Mapping[str, Any], tree: Places) -> _Error:
    location: Location = tuple(error["loc"])
    key = bool(location) and location[-1] == "[key]"
    location = location[:-1] if key else location
    missing = error["type"] == "missing"
    path: Location = ()
    branch = None
    for index, step in enumerate(location):
        if tree.has([*path, step]) or (missing and index == len(location) - 1):
            path = (*path, step)
        elif branch is None:
            branch = (path, step)
    context = error.get("ctx") or {}
    return _Error(error["type"], location, path, branch, key, error.get("input"), str(error["msg"]), context)


def _meant(errors: Sequence[_Error]) -> Iterator[list[_Error]]:
    """Groups of errors that are one mistake: alone, or the branches of a union that all refuse the value itself."""
    unions: dict[Location, dict[str | int, list[_Error]]] = {}
    for error in errors:
        if error.branch is None:
            yield [error]
        else:
            place, branch = error.branch
            unions.setdefault(place, {}).setdefault(branch, []).append(error)
    for place, branches in unions.items():
        inside = [found for found in branches.values() if any(len(error.path) > len(place) for error in found)]
        if inside:  # the value has a branch's shape; the one with the fewest mistakes was meant
            yield from ([error] for error in min(inside, key=len))
        else:
            yield [error for found in branches.values() for error in found]


def _finding(model: type[BaseModel], group: list[_Error]) -> Finding:
    error = next((e for e in group if e.kind == "value_error"), group[0])
    if error.kind == "value_error":  # our own validators write whole sentences
        raised = error.context.get("error", error.message)
        hint, at = getattr(raised, "hint", ""), getattr(raised, "at", None)
        return Finding(error.path, str(raised), hint, error.key, at)
    if error.kind == "missing" and isinstance(error.path[-1], int):  # a tuple of fixed length
        wanted_entries = _entries(error.path[-1] + 1)
        return Finding(error.path[:-1], f"found {show(error.found)}, expected at least {wanted_entries}")
    if error.kind in ("extra_forbidden", "missing"):
        message = _unknown_key(model, error) if error.kind != "missing" else f"key {error.path[-1]!r} is missing"
        return Finding(error.path, message, key=True)
    wanted = list(dict.fromkeys(_wanted(e) for e in group))
    return Finding(error.path, f"found {show(error.found)}, expected {one_of(wanted)}", key=error.key)


def _unknown_key(model: type[BaseModel], error: _Error) -> str:
    name = str(error.path[-1])
    models = _models_at(model, error.location[:-1])
    later = next((text for m in models if (text := getattr(m, "later_keys", {}).get(name))), None)
    if later:
        return f"found {name!r}, which a later version will know ({later}); leave it out"
    known = list(dict.fromkeys(field.alias or key for m in models for key, field in m.model_fields.items()))
    suggestion = did_you_mean(name, known)
    return f"unknown key {name!r}{suggestion}" + (f", expected one of: {', '.join(known)}" if not suggestion else "")


def _wanted(error: _Error) -> str:
    if error.kind in ("literal_error", "enum"):
        expected = str(error.context["expected"])
        near = did_you_mean(error.found, re.findall(r"'([^']*)'", expected)) if isinstance(error.found, str) else ""
        return expected + near
    if error.kind == "string_type" and isinstance(error.found, (bool, int, float)):
        return "text (in quotes)"
    if error.kind in ("int_type", "float_type") and _is_number(error.found):
        return "a number without quotes"
    phrase = _EXPECTED.get(error.kind)
    return phrase(error.context) if phrase else error.message[:1].lower() + error.message[1:]


def _is_number(found: Any) -> bool:
    return isinstance(found, str) and re.fullmatch(r"[-+]?[0-9]+([.][0-9]+)?", found) is not None


def _number(value: Any) -> str:
    """A bound as a person writes it: 60, not 60.0."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _entries(count: int) -> str:
    return f"{count} entries" if count > 1 else "one entry"


#: What pydantic expected, in this project's words; the rest of its messages are passed on.
_EXPECTED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "greater_than": lambda c: f"more than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"at least {_number(c['ge'])}",
    "less_than": lambda c: f"less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"at most {_number(c['le'])}",
    "too_short": lambda c: f"at least {_entries(c['min_length'])}",
    "too_long": lambda c: f"at most {_entries(c['max_length'])}",
    "string_pattern_mismatch": lambda c: f"text of the form {c['pattern']}",
    "string_too_short": lambda c: f"at least {c['min_length']} character{'s' * (c['min_length'] > 1)}",
    "string_too_long": lambda c: f"at most {c['max_length']} characters",
    "finite_number": lambda _: "a finite number",
    "string_type": lambda _: "text",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), lambda _: "a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), lambda _: "a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), lambda _: "true or false"),
    **dict.fromkeys(("list_type", "tuple_type"), lambda _: "a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), lambda _: "a mapping (key: value)"),
}


def _models_at(model: type[BaseModel], location: Location) -> list[type[BaseModel]]:
    """The models that may stand where `location` points, walking the annotations."""
    here: list[tuple[str, type[BaseModel]]] = [("", model)]
    for step in location:
        fields = [f for _, m in here for name, f in m.model_fields.items() if step == (f.alias or name)]
        below = [
            found for field in fields for found in _models_in(Annotated[(field.annotation, *field.metadata, None)])
        ]
        # A step that is no field is a list's index, a dict's key, or the name of a union's branch.
        here = below or [found for found in here if step in (found[0], found[1].__name__)] or here
    return [found for _, found in here]


def _models_in(annotation: Any, tag: str = "") -> list[tuple[str, type[BaseModel]]]:
    """The pydantic models an annotation can hold (itself, or inside unions, lists, dicts), each with its union tag."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [(tag, annotation)] if issubclass(annotation, BaseModel) else []
    parts = typing.get_args(annotation)
    variants = next((part for part in parts if isinstance(part, Variants)), None)
    if variants is not None:
        return list(variants.kinds.items())
    tag = next((part.tag for part in parts if isinstance(part, Tag)), tag)
    return [found for part in parts for found in _models_in(part, tag)]
