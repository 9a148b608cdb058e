"""A product's thing model, compiled: which properties, events and services a device has, and what may stand in them.

Members of a custom module are addressed `functionBlockId:identifier` everywhere. `post`, `set` and `get` are the
platform's own features and are left out here; `tsl` keeps the document as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from jinqiao.base.document import MAX_BYTES, Document
from jinqiao.base.errors import Problem, RegistryError

from . import tsl_schema
from .tsl_types import Check, compile_type

__all__ = ["EventModel", "PropertyModel", "ServiceModel", "ThingModel", "load_thing_model", "load_thing_models"]

Validation = Literal["strong", "weak", "none"]

_GENERATED = frozenset({"post", "set", "get"})
#: What a thing model's features stand under, and what its head has; of the latter one alone is enough for an empty one.
_FEATURES, _HEAD = ("properties", "events", "services"), ("profile", "schema")


@dataclass(frozen=True, slots=True)
class PropertyModel:
    """A property: `address` is `identifier` or `module:identifier`."""

    address: str
    name: str
    access: Literal["r", "rw", "w"]
    data_type: tsl_schema.DataType
    check: Check = field(repr=False)


@dataclass(frozen=True, slots=True)
class EventModel:
    """An event and the checks of its outputs."""

    address: str
    name: str
    type: Literal["info", "alert", "error"]
    output: Mapping[str, Check]


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """A service and the checks of its inputs and outputs."""

    address: str
    name: str
    call_type: Literal["async", "sync"]
    input: Mapping[str, Check]
    output: Mapping[str, Check]


class ThingModel:
    """Properties, events and services by address.

    `validation` is the product's level: `strong` judges type, range and length, `weak` only identifier and type, `none`
    nothing but a value's time.
    """

    def __init__(self, tsl: Mapping[str, Any], *, validation: Validation = "strong") -> None:
        """Compile a TSL document; raises pydantic's ValidationError when it is none (see `load_thing_model`)."""
        self.tsl = tsl
        self.validation: Validation = validation
        self._ranges = validation == "strong"
        document = tsl_schema.Tsl.model_validate(tsl)
        modules = (document, *document.blocks)
        self.properties = {p.address: p for module in modules for p in self._properties(module)}
        self.events = {e.address: e for module in modules for e in self._events(module)}
        self.services = {s.address: s for module in modules for s in self._services(module)}
        self._checks = {address: model.check for address, model in self.properties.items()}

    @property
    def hollow(self) -> list[str]:
        """Modules that the document names and of which it has no feature: they are in files of their own."""
        blocks = self.tsl.get("functionBlocks", ())
        return [block["functionBlockId"] for block in blocks if not any(name in block for name in _FEATURES)]

    @cached_property
    def tsl_json(self) -> bytes:
        """The document as compact JSON, as the thing-model query answers it."""
        return json.dumps(self.tsl, ensure_ascii=False, separators=(",", ":")).encode()

    def refused_properties(self, params: Mapping[str, Any], latest_ms: int) -> dict[str, int]:
        """Code of each property that is not accepted: unknown (6320), of another form, dated after `latest_ms` (6326).

        A value stands bare or as `{"value": …, "time": UTC ms}`.
        """
        refused: dict[str, int] = {}
        checks, unknown = self._checks, _anything if self.validation == "none" else None
        for address, value in params.items():
            check = checks.get(address, unknown)
            if check is None:
                refused[address] = _unknown(address)
                continue
            if type(value) is dict and "value" in value:
                time_ms = value.get("time", 0)
                if type(time_ms) is not int or not 0 <= time_ms <= latest_ms:
                    refused[address] = 6326
                    continue
                value = value["value"]
            if code := check(value):
                refused[address] = code
        return refused

    def _properties(self, module: tsl_schema.Module) -> Iterable[PropertyModel]:
        for p in module.properties:
            check = _anything if self.validation == "none" else compile_type(p.data_type, ranges=self._ranges)
            yield PropertyModel(_address(module, p.identifier), p.name, p.access, p.data_type, check)

    def _events(self, module: tsl_schema.Module) -> Iterable[EventModel]:
        for e in module.events:
            if e.identifier not in _GENERATED:
                yield EventModel(_address(module, e.identifier), e.name, e.type, self._checks_of(e.output))

    def _services(self, module: tsl_schema.Module) -> Iterable[ServiceModel]:
        for s in module.services:
            if s.identifier not in _GENERATED:
                inputs, outputs = self._checks_of(s.input), self._checks_of(s.output)
                yield ServiceModel(_address(module, s.identifier), s.name, s.call_type, inputs, outputs)

    def _checks_of(self, parameters: Iterable[tsl_schema.Parameter | str]) -> Mapping[str, Check]:
        if self.validation == "none":
            return _Unchecked()
        return {
            p.identifier: compile_type(p.data_type, ranges=self._ranges) for p in parameters if not isinstance(p, str)
        }


def _anything(_: Any) -> int:
    return 0


class _Unchecked(dict[str, Check]):
    """Parameters of a model that nothing is held against: none is asked for, any fits."""

    def get(self, _: str, __: Any = None) -> Check:
        return _anything


def refused_parameters(checks: Mapping[str, Check], values: Mapping[str, Any]) -> dict[str, int]:
    """Code of each event or service parameter that is unknown (6320) or does not fit."""
    refused: dict[str, int] = {}
    for identifier, value in values.items():
        check = checks.get(identifier)
        if code := _unknown(identifier) if check is None else check(value):
            refused[identifier] = code
    return refused


def _unknown(identifier: str) -> int:
    return 6320 if identifier else 6321


def load_thing_model(path: Path | str, *, validation: Validation = "strong") -> ThingModel:
    """Read a TSL file (JSON); raises RegistryError with every problem as file:line:column."""
    return _read(path, validation)


def load_thing_models(paths: Sequence[Path | str], *, validation: Validation = "strong") -> ThingModel:
    """One thing model of several files, as the platform's console exports them: a file for each module.

    Raises RegistryError with the problems of all files, and where two files are the same module.
    """
    models, problems = list[tuple[str, ThingModel]](), list[Problem]()
    for path in paths:
        try:
            models.append((str(path), _read(path, validation)))
        except RegistryError as refused:
            problems += refused.problems
    whole: dict[str, Any] = {}
    blocks: dict[str, Any] = {}
    for name, model in models:
        block = model.tsl.get("functionBlockId")
        if block is None and whole:
            problems.append(Problem(name, 1, 1, "", "a second default module; others have a functionBlockId"))
        elif block is None:
            whole = dict(model.tsl)
        elif block in blocks:
            problems.append(Problem(name, 1, 1, "functionBlockId", f"module {block!r} stands in two files"))
        else:
            blocks[block] = model.tsl
    if problems:
        raise RegistryError(problems)
    named = {block["functionBlockId"]: block for block in whole.get("functionBlocks", ())}
    whole["functionBlocks"] = list({**named, **blocks}.values())
    return ThingModel(whole, validation=validation)


def _read(path: Path | str, validation: Validation) -> ThingModel:
    name = str(path)
    try:
        raw = Path(path).read_bytes()
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise RegistryError([Problem(name, 0, 0, "", "no such file")]) from None
    except OSError as problem:
        raise RegistryError([Problem(name, 0, 0, "", f"cannot be read: {problem.strerror}")]) from problem
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise RegistryError([Problem(name, line, 1, "", "not UTF-8 text")]) from problem
    if len(raw) > MAX_BYTES:
        raise RegistryError([Problem(name, 0, 0, "", f"{len(raw)} bytes, expected at most {MAX_BYTES}")])
    try:
        tsl = json.loads(text, object_pairs_hook=_keys_once)
        if type(tsl) is dict and (why := _is_none(tsl)):
            raise RegistryError([Problem(name, 1, 1, "", *why)])
        return ThingModel(tsl, validation=validation)
    except json.JSONDecodeError as problem:
        raise RegistryError([Problem(name, problem.lineno, problem.colno, "", f"not JSON: {problem.msg}")]) from problem
    except RecursionError as problem:
        raise RegistryError([Problem(name, 1, 1, "", "not JSON: nested too deep")]) from problem
    except (ValidationError, _SameKeyTwiceError) as problem:
        raise _explained(text, name) from problem


def _is_none(tsl: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why a document is no thing model and what it may be, None for one that is."""
    if any(tsl.get(name) for name in (*_FEATURES, "functionBlocks")):
        return None
    if any(name in tsl for name in _FEATURES) and any(name in tsl for name in _HEAD):
        return None
    why = f"no thing model: found {', '.join(list(tsl)[:5]) or 'nothing'}, expected {', '.join(_FEATURES)}"
    data = tsl.get("Data")
    if type(data) is dict and "TslStr" in data:
        return why, "this is the answer of a cloud call: the text in Data.TslStr is the thing model"
    if near := [name for name in tsl if name.lower() in _FEATURES]:
        return why, f"names are written small: {near[0].lower()!r}, not {near[0]!r}"
    if "ThingModelJson" in tsl or (type(data) is dict and "ThingModelJson" in data):
        return why, "ThingModelJson is another form: export the TSL"
    return why, ""


class _SameKeyTwiceError(Exception):
    pass


def _keys_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise _SameKeyTwiceError
    return result


def _explained(text: str, name: str) -> RegistryError:
    """The same file read again as YAML, of which JSON is a part: slower, but it knows where everything stands.

    YAML refuses tabs as indentation; JSON has them nowhere but there, so a blank in their place moves nothing.
    """
    try:
        Document(text.replace("\t", " "), name=name, error=RegistryError).check(tsl_schema.Tsl)
    except RegistryError as problems:
        return problems
    return RegistryError([Problem(name, 1, 1, "", "not a thing model")])


def _address(module: tsl_schema.Module, identifier: str) -> str:
    return f"{module.block}:{identifier}" if module.block else identifier
