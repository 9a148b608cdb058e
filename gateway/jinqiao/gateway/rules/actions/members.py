"""An output as plain columns, for actions that write tables or points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from ..output import Output

__all__ = ["members"]


def members(output: Output) -> dict[str, Any]:
    """By name; those of objects within as `outer.inner`, arrays as JSON. Nulls and other payloads have none."""
    result: Any = output.result
    if isinstance(result, bytes):
        try:
            result = orjson.loads(result)
        except orjson.JSONDecodeError:
            return {}
    return dict(_flat(result, "")) if isinstance(result, Mapping) else {}


def _flat(value: Mapping[str, Any], outer: str) -> Iterator[tuple[str, Any]]:
    for name, member in value.items():
        if isinstance(member, Mapping):
            yield from _flat(member, f"{outer}{name}.")
        elif isinstance(member, list):
            yield outer + name, orjson.dumps(member).decode()
        elif member is not None:
            yield outer + name, member
