"""Faults and commands that come while a scenario runs, as a request's body says them: the scenario's words, without a
time.

They are read by the models of the scenario language, so whatever is learned there fits here, and what is wrong is told
with its place in the body.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError, create_model

from jinqiao.base.errors import BodyError
from jinqiao.base.explain import Location, explain
from jinqiao.base.variants import Variants
from jinqiao.base.words import one_of

from .faults.base import FaultSpec
from .faults.kinds import KINDS
from .language.selection import unknown_fleets, unknown_stations
from .language.timing import Timed
from .scenario.command import CommandSpec

__all__ = ["MOST_ACTIVE", "Injected", "command_of", "fault_of"]

#: Faults that go on at a time; a program that begins more has lost count.
MOST_ACTIVE = 10_000

#: What a step of a scenario says about when; here it happens at once.
_TIMES = frozenset(field.alias or name for name, field in Timed.model_fields.items())
_NOW = {"at": "0 s"}

SpecT = TypeVar("SpecT")


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was begun from outside: its name for `World.end_fault`, and the rows that it struck, rising."""

    id: str
    rows: NDArray[np.intp]


class _Places:
    """Where a value stands in plain data, as `explain` asks a file."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def has(self, location: Sequence[str | int]) -> bool:
        return _at(self._data, location) is not _NOTHING


_NOTHING = object()


def fault_of(body: object, fleets: Sequence[str], vins: NDArray[np.bytes_], stations: Sequence[str] = ()) -> FaultSpec:
    """A fault of the scenario language without its time. Raises BodyError; `fleets`, `vins` and `stations` are those
    there are.
    """
    spec: FaultSpec = _read("faults", _fault_model(), body, fleets, vins, stations)
    return spec


def command_of(body: object, fleets: Sequence[str], vins: NDArray[np.bytes_]) -> CommandSpec:
    """A command of the scenario language without its time. Raises BodyError."""
    spec: CommandSpec = _read("commands", _command_model(), body, fleets, vins)
    return spec


@cache
def _fault_model() -> type[BaseModel]:
    one: Any = Annotated[FaultSpec, Variants("fault", KINDS, key="fault")]
    return create_model("_FaultBody", faults=(tuple[one, ...], ...))


@cache
def _command_model() -> type[BaseModel]:
    return create_model("_CommandBody", commands=(tuple[CommandSpec, ...], ...))


def _read(
    key: str,
    model: type[BaseModel],
    body: object,
    fleets: Sequence[str],
    vins: NDArray[np.bytes_],
    stations: Sequence[str] = (),
) -> Any:
    if not isinstance(body, Mapping):
        raise BodyError("", body, "an object")
    for name in body:
        if name in _TIMES:
            raise BodyError(f"/{name}", body[name], "no time: what comes from outside happens at once")
    data = {key: [{**body, **_NOW}]}
    there = {"fleets": [{"name": name} for name in fleets], "charging_stations": [{"name": name} for name in stations]}
    findings = [*unknown_fleets({**data, **there}, key), *unknown_stations({**data, **there})]
    spec = None
    try:
        (spec,) = getattr(model.model_validate(data), key)
    except ValidationError as invalid:
        findings = explain(model, invalid.errors(include_url=False), _Places(data))
    if findings:
        # Somebody who misspells a key leaves out the right one, too: what was written comes first.
        first = min(findings, key=lambda finding: _at(data, finding.path) is _NOTHING)
        path = first.path[2:]
        found = _at(body, path)
        raise BodyError(_pointer(path), None if found is _NOTHING else found, _expected(first.message, path))
    assert spec is not None
    for _, message in spec.on.unknown_vins(vins):
        raise BodyError("/on", body["on"], message.partition("expected ")[2])
    return spec


def _expected(message: str, path: Location) -> str:
    """What fits, of a sentence that says what was found, too."""
    if message.endswith("is missing"):
        return f"the key {path[-1]!r}"
    _, _, expected = message.partition("expected ")
    if message.startswith("unknown key") and expected:
        names = expected.removeprefix("one of: ").split(", ")
        return one_of([name for name in names if name not in _TIMES])
    return expected or message


def _at(data: Any, location: Sequence[str | int]) -> Any:
    for step in location:
        inside = isinstance(data, Mapping) and step in data
        if not inside and not (isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)):
            return _NOTHING
        data = data[step]
    return data


def _pointer(path: Location) -> str:
    """RFC 6901."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
