"""A product's thing model, compiled: which properties, events and services a device has, and what may stand in them.

Members of a custom module are addressed `functionBlockId:identifier` everywhere. `post`, `set` and `get` are the
platform's own features and are left out here; `tsl` keeps the document as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from .tsl_types import Check, compile_type

if TYPE_CHECKING:
    from . import tsl_schema

__all__ = ["FEATURES", "EventModel", "PropertyModel", "ServiceModel", "ThingModel", "UnopenedThingModel"]

Validation = Literal["strong", "weak", "none"]

_GENERATED = frozenset({"post", "set", "get"})
#: What a thing model's features stand under.
FEATURES = ("properties", "events", "services")


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
        from .tsl_schema import Tsl  # pydantic: only when a model is compiled (`UnopenedThingModel`)

        self.tsl = tsl
        self.validation: Validation = validation
        self._ranges = validation == "strong"
        document = Tsl.model_validate(tsl)
        modules = (document, *document.blocks)
        self.properties = {p.address: p for module in modules for p in self._properties(module)}
        self.events = {e.address: e for module in modules for e in self._events(module)}
        self.services = {s.address: s for module in modules for s in self._services(module)}
        self._checks = {address: model.check for address, model in self.properties.items()}

    @property
    def hollow(self) -> list[str]:
        """Modules that the document names and of which it has no feature: they are in files of their own."""
        blocks = self.tsl.get("functionBlocks", ())
        return [block["functionBlockId"] for block in blocks if not any(name in block for name in FEATURES)]

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


class UnopenedThingModel(ThingModel):
    """A document that was accepted before, compiled when somebody looks into it.

    For commands that register a device or disable one: most look into no model, and to compile one takes longer than
    all they do.
    """

    def __init__(self, tsl: Mapping[str, Any], *, validation: Validation = "strong") -> None:
        self.tsl = tsl
        self.validation: Validation = validation

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there, and so once: afterwards everything is."""
        if name.startswith("__") or "_checks" in self.__dict__:
            raise AttributeError(name)
        super().__init__(self.tsl, validation=self.validation)
        return getattr(self, name)


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


def _address(module: tsl_schema.Module, identifier: str) -> str:
    return f"{module.block}:{identifier}" if module.block else identifier
