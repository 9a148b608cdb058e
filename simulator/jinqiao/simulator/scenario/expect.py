"""`expect:` of a scenario: each entry is one expectation, whose language is in `simulator.expectations`.

YAML reads `at 30 min: count(charging) > 3` as a mapping with one key; it is the same text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from jinqiao.base.explain import Finding
from jinqiao.base.words import Refused, did_you_mean, one_of, show

from ..expectations.tree import Expectation

__all__ = ["Expected", "unknown_names"]

_EXAMPLES = [
    "never(battery:CellTemperatureMax > 60 degC)",
    "eventually(count(charging) > 20)",
    "delivered(property_post) >= 99.9 %",
    "physics",
]
_WANTED = f"expected an expectation, such as {_EXAMPLES[0]}"


def _text(value: object) -> str:
    """An entry as it is written. Raises Refused for what is no text."""
    if isinstance(value, dict) and len(value) == 1:
        ((head, rest),) = value.items()
        if isinstance(head, str) and isinstance(rest, str):
            return f"{head}: {rest}"
    if not isinstance(value, str):
        raise Refused(f"found {show(value)}, {_WANTED}")
    return value


def _read(value: object) -> Expectation:
    if isinstance(value, Expectation):
        return value
    from ..expectations.reading import parse_expectation  # the parser: not for a scenario that expects nothing

    return parse_expectation(_text(value))


#: The field of a scenario: `expect: tuple[Expected, ...]`.
Expected = Annotated[
    Expectation,
    PlainValidator(_read),
    WithJsonSchema(
        {
            "title": "expectation",
            "anyOf": [
                {"type": "string", "minLength": 1},
                {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": {"type": "string"}},
            ],
            "examples": _EXAMPLES,
        }
    ),
]


def unknown_names(data: Any) -> Iterator[Finding]:
    """A finding for every expectation of plain scenario data that names no fleet or no phase of it."""
    expected = data.get("expect") if isinstance(data, dict) else None
    if not isinstance(expected, list):
        return
    fleets, phases = _names(data, "fleets"), _names(data, "phases")
    for index, entry in enumerate(expected):
        try:
            expectation = _read(entry)
        except Refused:
            continue  # its field reports it
        for named in expectation.named("fleet"):
            if named.name not in fleets and not _may_be_vin(named.name):
                near = did_you_mean(named.name, fleets)
                known = one_of([*fleets[:5], "a VIN"])
                yield Finding(("expect", index), f"no fleet {named.name!r}, expected {known}{near}", at=named.at)
        for named in expectation.named("phase"):
            if named.name not in phases:
                known = one_of(phases[:5]) if phases else "one that the scenario has under phases:"
                near = did_you_mean(named.name, phases)
                yield Finding(("expect", index), f"no phase {named.name!r}, expected {known}{near}", at=named.at)


def _names(data: Any, key: str) -> list[str]:
    entries = data.get(key)
    found = [entry.get("name") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [name for name in found if isinstance(name, str)]


def _may_be_vin(name: str) -> bool:
    """Which VINs there are shows when the fleet is made."""
    return len(name) == 17 and name.isalnum() and name.isupper()
