"""The form of a TSL file (the platform's thing model, document 73736) as pydantic models.

Numbers inside `specs` are texts in exported models (`"min": "0"`); plain numbers are taken too. Keys that the platform
adds for itself are ignored. Lengths and sizes are the limits of mid-2026.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "ArrayType",
    "BoolType",
    "DataType",
    "DateType",
    "EnumType",
    "Event",
    "ItemType",
    "Member",
    "Module",
    "NumberType",
    "Property",
    "Service",
    "StructType",
    "TextType",
    "Tsl",
]

#: Names an identifier may not have, because the wire uses them.
RESERVED = frozenset({"set", "get", "post", "property", "event", "time", "value"})


def _number(value: object) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"found {value!r}, expected a number as text")
    try:
        number = float(value)
    except ValueError:
        raise ValueError(f"found {value!r}, expected a number as text") from None
    if not math.isfinite(number):
        raise ValueError(f"found {value!r}, expected a finite number as text")
    return number


def _count(value: object) -> int:
    number = _number(value)
    if number is None or number != int(number) or number < 0:
        raise ValueError(f"found {value!r}, expected a whole number as text")
    return int(number)


def _not_reserved(identifier: str) -> str:
    if identifier in RESERVED:
        raise ValueError(f"{identifier!r} is reserved by the platform")
    return identifier


def _on_off(specs: dict[str, str]) -> dict[str, str]:
    if not set(specs) <= {"0", "1"}:
        raise ValueError(f"a bool has the values '0' and '1', found {', '.join(map(repr, specs))}")
    return specs


Bound = Annotated[float | None, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_count)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,50}$")]
ModuleId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,30}$")]
Identifier = Annotated[Name, AfterValidator(_not_reserved)]
EnumKey = Annotated[str, Field(pattern=r"^-?[0-9]{1,10}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class NumberSpecs(_Model):
    min: Bound = None
    max: Bound = None
    step: Bound = None
    unit: str | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> NumberSpecs:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"the range is empty: min {self.min:g} is above max {self.max:g}")
        return self


class NumberType(_Model):
    type: Literal["int", "float", "double"]
    specs: NumberSpecs = NumberSpecs()


class BoolType(_Model):
    type: Literal["bool"]
    specs: Annotated[dict[str, str], AfterValidator(_on_off)] = Field(default_factory=dict)


class EnumType(_Model):
    type: Literal["enum"]
    specs: dict[EnumKey, str] = Field(min_length=1)


class TextSpecs(_Model):
    length: Annotated[Count, Field(le=10_240)] = 2_048


class TextType(_Model):
    type: Literal["text"]
    specs: TextSpecs = TextSpecs()


class DateType(_Model):
    type: Literal["date"]


SimpleType = Annotated[NumberType | BoolType | EnumType | TextType | DateType, Field(discriminator="type")]


class Member(_Model):
    """A member of a struct: no nesting."""

    identifier: Identifier
    name: str = ""
    data_type: SimpleType = Field(alias="dataType")


def _unique_members(members: list[Member]) -> list[Member]:
    return _unique(members, "member")


class StructType(_Model):
    type: Literal["struct"]
    specs: Annotated[list[Member], Field(min_length=1, max_length=50), AfterValidator(_unique_members)]


ItemType = Annotated[NumberType | TextType | StructType, Field(discriminator="type")]


class ArraySpecs(_Model):
    size: Annotated[Count, Field(ge=1, le=512)]
    item: ItemType


class ArrayType(_Model):
    type: Literal["array"]
    specs: ArraySpecs


DataType = Annotated[
    NumberType | BoolType | EnumType | TextType | DateType | StructType | ArrayType, Field(discriminator="type")
]


class Parameter(_Model):
    """An output of an event, an input or output of a service."""

    identifier: Identifier
    name: str = ""
    data_type: DataType = Field(alias="dataType")


class Property(Parameter):
    access: Literal["r", "rw", "w"] = Field(default="r", alias="accessMode")
    required: bool = False


def _parameters(values: list[Any]) -> list[Any]:
    return _unique([value for value in values if isinstance(value, Parameter)], "parameter") and values


#: The generated service `get` lists bare identifiers where others list parameters.
Parameters = Annotated[list[Parameter | str], Field(max_length=300), AfterValidator(_parameters)]


class Event(_Model):
    identifier: Name
    name: str = ""
    type: Literal["info", "alert", "error"] = "info"
    method: str = ""
    output: Parameters = Field(default_factory=list, alias="outputData")


class Service(_Model):
    identifier: Name
    name: str = ""
    call_type: Literal["async", "sync"] = Field(default="async", alias="callType")
    method: str = ""
    input: Parameters = Field(default_factory=list, alias="inputData")
    output: Parameters = Field(default_factory=list, alias="outputData")


class Module(_Model):
    """The features of one module; the default module has no `functionBlockId`."""

    block: ModuleId | None = Field(default=None, alias="functionBlockId")
    block_name: str = Field(default="", alias="functionBlockName")
    properties: list[Property] = Field(default_factory=list, max_length=300)
    events: list[Event] = Field(default_factory=list, max_length=300)
    services: list[Service] = Field(default_factory=list, max_length=300)

    @field_validator("properties", "events", "services")
    @classmethod
    def _once_each(cls, features: list[Any]) -> list[Any]:
        return _unique(features, "identifier")


class Profile(_Model):
    product_key: str = Field(default="", alias="productKey")
    version: str = "1.0"


class Tsl(Module):
    """One file: the default module with its `functionBlocks`, or a single custom module."""

    profile: Profile = Profile()
    blocks: list[Module] = Field(default_factory=list, max_length=200, alias="functionBlocks")

    @field_validator("blocks")
    @classmethod
    def _named_once(cls, blocks: list[Module]) -> list[Module]:
        names = [block.block for block in blocks]
        if None in names:
            raise ValueError("a function block without functionBlockId")
        if len(set(names)) != len(names):
            raise ValueError("the same functionBlockId twice")
        return blocks


def _unique(features: list[Any], what: str) -> list[Any]:
    seen: set[str] = set()
    for feature in features:
        if feature.identifier in seen:
            raise ValueError(f"{what} {feature.identifier!r} appears twice")
        seen.add(feature.identifier)
    return features
