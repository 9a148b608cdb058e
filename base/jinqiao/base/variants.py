"""Named kinds in a document: one mechanism for every place where a word says which keys may stand beside it.

`agenda: Annotated[AgendaSpec, Variants("agenda", AGENDAS)]` is written as `{name: options}`, where

- a name alone is a kind of which nothing has to be said: `commuter`;
- `{name: }` is the same;
- a kind with `short` takes the value of its most important key in the options' place: `{cycle: WLTC}`.

With `key`, the name stands among the options: `{fault: dtc, code: P0A80}`; each kind has a field of that name, whose
type is the literal of its own name.

The table maps names to pydantic models and is read when the model that uses it is defined. A mistake is one finding
with its place, as everywhere (`explain.py`), and an editor is shown what may be written (JSON Schema).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Tag,
    create_model,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .words import Refused, did_you_mean, one_of, show

__all__ = ["Short", "Variants"]


class Short(NamedTuple):
    """A kind's class attribute `short`: the field that a bare value stands for, its words and an example."""

    field: str
    words: str
    example: str


class Variants:
    """Marks a field, or a list's entries, as one of `kinds`; `noun` is what a reader calls them."""

    def __init__(self, noun: str, kinds: Mapping[str, type[BaseModel]], *, key: str = "") -> None:
        self._noun, self._key = noun, key
        self.kinds = dict(kinds)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self._inside() if self._key else self._around())

    # The name is a key around the options.

    def _around(self) -> Any:
        branches = [
            Annotated[(model, BeforeValidator(partial(_options, model)), Tag(name))]
            for name, model in self.kinds.items()
        ]
        union: Any = Union[tuple(branches)]  # noqa: UP007  # made of a table
        return Annotated[(union, Discriminator(self._name_around), BeforeValidator(self._named), _Around(self.kinds))]

    def _named(self, value: Any) -> Any:
        """Every way of writing one as `{name: options}`."""
        if isinstance(value, BaseModel):
            return value
        name = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else value
        if not isinstance(name, str):
            count = "one" if isinstance(value, dict) else self._article
            raise Refused(f"found {show(value)}, expected {count} {self._known}, {self._form}")
        model = self.kinds.get(name)
        if model is None:
            raise Refused(f"found {name!r}, expected {self._article} {self._known}{did_you_mean(name, self.kinds)}")
        if isinstance(value, dict):
            return value
        short = _short(model)
        if short is not None:
            raise Refused(f"found {name!r} without {short.words}, expected it as {{{name}: {short.example}}}")
        if not _says_enough(model):
            meant = f"(did you mean {{{name}: {{…}}}}?)"
            raise Refused(f"found {name!r}, expected {self._article} {self._known}, {self._form} {meant}")
        return {name: {}}

    def _name_around(self, value: Any) -> str:
        if isinstance(value, BaseModel):
            return next(name for name, model in self.kinds.items() if type(value) is model)
        return str(next(iter(value)))

    @property
    def _article(self) -> str:
        return "an" if self._noun[0] in "aeiou" else "a"

    @property
    def _known(self) -> str:
        return f"{self._noun}: {one_of(list(self.kinds))}"

    @property
    def _form(self) -> str:
        bare = any(_says_enough(model) for model in self.kinds.values())
        return "with options as {name: {…}}" if bare else "as {name: {…}}"

    # The name is a key among the options.

    def _inside(self) -> Any:
        unknown = self._unknown()
        branches = [Annotated[(model, Tag(name))] for name, model in [*self.kinds.items(), ("unknown", unknown)]]
        union: Any = Union[tuple(branches)]  # noqa: UP007  # made of a table
        return Annotated[(union, Discriminator(self._name_inside), _Inside(unknown.__name__))]

    def _name_inside(self, value: Any) -> str:
        name = value.get(self._key) if isinstance(value, dict) else getattr(value, self._key, None)
        return name if isinstance(name, str) and name in self.kinds else "unknown"

    def _unknown(self) -> type[BaseModel]:
        """Takes what names no kind, so that only the name is reported, with the nearest one."""
        fields: dict[str, Any] = {self._key: (Literal[tuple(self.kinds)], ...)}
        return create_model(f"_Unknown{self._key.title()}", __config__=ConfigDict(extra="ignore"), **fields)


def _options(model: type[BaseModel], value: Any) -> Any:
    """The options inside `{name: options}`."""
    if isinstance(value, BaseModel):
        return value
    ((_, options),) = value.items()
    short = _short(model)
    if short is not None and not isinstance(options, dict):
        return {short.field: options}
    return {} if options is None else options


def _short(model: type[BaseModel]) -> Short | None:
    short: Short | None = getattr(model, "short", None)
    return short


def _says_enough(model: type[BaseModel]) -> bool:
    """Whether a name alone is enough."""
    return not any(field.is_required() for field in model.model_fields.values())


class _Around:
    """Shows an editor a name, or a name around its options."""

    def __init__(self, kinds: Mapping[str, type[BaseModel]]) -> None:
        self._kinds = kinds

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        written: dict[str, Any] = {}
        for (name, model), branch in zip(self._kinds.items(), handler(core)["oneOf"], strict=True):
            written[name] = {"description": _about(model), "anyOf": [branch, *_shorter(model)]}
            if len(written[name]["anyOf"]) == 1:
                written[name] = branch
        options = {
            "type": "object",
            "properties": written,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        names = [{"const": name, "description": _about(m)} for name, m in self._kinds.items() if _says_enough(m)]
        return {"anyOf": [*names, options]} if names else options


class _Inside:
    """Shows an editor the kinds only."""

    def __init__(self, unknown: str) -> None:
        self._unknown = unknown

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [branch for branch in handler(core)["oneOf"] if self._unknown not in branch["$ref"]]}


def _about(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip()


def _shorter(model: type[BaseModel]) -> list[dict[str, Any]]:
    """What may stand in the place of the options."""
    short = _short(model)
    if short is not None:
        return [{"enum": list(get_args(model.model_fields[short.field].annotation))}]
    return [{"type": "null"}] if _says_enough(model) else []
