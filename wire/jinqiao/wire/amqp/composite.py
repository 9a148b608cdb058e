"""Composite types: described lists with named fields (AMQP 1.0 part 1 § 1.4), read and written by one row per field.

A composite is a frozen dataclass whose fields are made by `row`, in the standard's order; `composite` gives it its
descriptor and enters it in the table by which it is found again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, Final, TypeVar

from .encoding import encode_list, encode_value
from .errors import AmqpError, Condition
from .values import Array, Described, Map, Symbol, Timestamp, Ubyte, Uint, Ulong, Ushort, Value

__all__ = ["Kind", "as_composite", "composite", "encode_composite", "row"]

_C = TypeVar("_C")


@dataclass(frozen=True, slots=True)
class Kind:
    """The type of a field. `read` makes a dataclass's value of a wire value, or raises; `write` reverses it."""

    name: str
    read: Callable[[Value], Any]
    write: Callable[[Any], Value]


def _is(name: str, wire: type, plain: type | None = None) -> Kind:
    def read(value: Value) -> Any:
        if type(value) is not wire:
            raise AmqpError(f"{type(value).__name__.lower()} instead of {name}", Condition.INVALID_FIELD)
        return value if plain is None else plain(value)

    return Kind(name, read, lambda value: wire(value))


def _symbols(value: Value) -> tuple[str, ...]:
    """A field that may have many values: one of them alone, or an array (part 1 § 1.4)."""
    items = value.items if isinstance(value, Array) else (value,)
    if not all(type(each) is Symbol for each in items):
        raise AmqpError("something else among symbols", Condition.INVALID_FIELD)
    return tuple(str(each) for each in items)


def _fields(value: Value) -> Map:
    if not isinstance(value, Map) or not all(type(key) is Symbol for key, _ in value.pairs):
        raise AmqpError("not a map with symbols as keys", Condition.INVALID_FIELD)
    return value


def _any_composite(value: Value) -> Any:
    if not isinstance(value, Described):
        raise AmqpError("not a described value", Condition.INVALID_FIELD)
    return as_composite(value) or value


KINDS: Final = {
    kind.name: kind
    for kind in (
        _is("string", str),
        _is("symbol", Symbol, str),
        _is("binary", bytes),
        _is("boolean", bool),
        _is("ubyte", Ubyte, int),
        _is("ushort", Ushort, int),
        _is("uint", Uint, int),
        _is("ulong", Ulong, int),
        _is("timestamp", Timestamp, int),
        Kind("map", _is("map", Map).read, lambda value: value),
        Kind("symbols", _symbols, lambda each: Array(0xA3, tuple(Symbol(one) for one in each))),
        Kind("fields", _fields, lambda value: value),
        Kind("composite", _any_composite, lambda value: value),
        Kind("any", lambda value: value, lambda value: value),
    )
}

_BY_CODE: Final[dict[int, type]] = {}
_BY_NAME: Final[dict[str, type]] = {}
_ROWS: Final[dict[type, tuple[tuple[str, Kind, Any], ...]]] = {}
_CODES: Final[dict[type, int]] = {}


def row(kind: str, default: Any = None, *, mandatory: bool = False, first: bool = False) -> Any:
    """A field of a composite; a mandatory one has no default.

    Nor has one that stands `first`, before mandatory ones, in Python: None says that it is absent.
    """
    given = {} if mandatory or first else {"default": default}
    return field(**given, metadata={"kind": KINDS[kind], "mandatory": mandatory})


def composite(code: int, name: str) -> Callable[[type[_C]], type[_C]]:
    """Enter a dataclass under its descriptor: the code within OASIS's domain, and the symbol."""

    def enter(made: type[_C]) -> type[_C]:
        _BY_CODE[code] = _BY_NAME[f"amqp:{name}:list"] = made
        _ROWS[made] = tuple(_row_of(each) for each in fields(made))  # type: ignore[arg-type]
        _CODES[made] = code
        return made

    return enter


def _row_of(each: Field[Any]) -> tuple[str, Kind, Any]:
    optional = each.default is MISSING and not each.metadata["mandatory"]
    return each.name, each.metadata["kind"], None if optional else each.default


def as_composite(value: Described) -> Any:
    """The composite that a described value is, or None for a descriptor that is none of ours.

    Raises AmqpError for fields that are missing, of another type, or too many.
    """
    found = value.descriptor
    made = _BY_CODE.get(found) if isinstance(found, Ulong) else None
    if isinstance(found, Symbol):
        made = _BY_NAME.get(found)
    if made is None:
        return None
    rows, items = _ROWS[made], value.value
    if not isinstance(items, tuple):
        raise AmqpError(f"{made.__name__.lower()} is not a list")
    if len(items) > len(rows):
        raise AmqpError(f"{made.__name__.lower()} with {len(items)} fields")
    given = {}
    for index, (name, kind, default) in enumerate(rows):
        item = items[index] if index < len(items) else None
        if item is not None:
            try:
                given[name] = kind.read(item)
            except AmqpError as error:
                raise AmqpError(f"{made.__name__.lower()}, {name}: {error}", error.condition) from None
        elif default is MISSING:
            raise AmqpError(f"{made.__name__.lower()} without {name}", Condition.INVALID_FIELD)
        else:
            given[name] = default
    return made(**given)


def encode_composite(value: Any) -> bytes:
    """The octets of a composite; fields at the end that have their default are left out."""
    encoded: list[bytes] = []
    length = 0
    for name, kind, default in _ROWS[type(value)]:
        found = getattr(value, name)
        is_default = found is None or (default is not MISSING and found == default)
        encoded.append(b"\x40" if is_default else _encode_field(kind, found))
        length = length if is_default else len(encoded)
    return b"\x00" + encode_value(Ulong(_CODES[type(value)])) + encode_list(encoded[:length])


def _encode_field(kind: Kind, value: Any) -> bytes:
    return encode_composite(value) if type(value) in _ROWS else encode_value(kind.write(value))
