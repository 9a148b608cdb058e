"""docs/control.md, written from the table of calls: `python -m jinqiao.sandbox.control.page > docs/control.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints

from .call import Call, Request
from .table import CALLS

__all__ = ["control_page"]

_HEAD = """\
# Control

A run is controlled over HTTP: its clock, its vehicles, its faults, and what is expected of the product under test.
Written from the table of calls by `python -m jinqiao.sandbox.control.page`.

```
jinqiao run my-scenario.yaml --paused
```

stands at second 0 until told to go. The `ready` line has `control_url`, which ends in `/control`, and `control_token`,
which `--control-token` sets; without `--paused` a run answers just the same while it runs.

```
curl -H "Authorization: Bearer $TOKEN" -d '{"for": "30 s"}' http://127.0.0.1:8080/control/advance
```

Bodies and answers are JSON, and `GET /control/openapi.json` describes all of it (OpenAPI 3.1), without a token. A
request that does not fit is refused with the place of the mistake (a JSON pointer; of a query parameter, its name),
what was found there and what fits:

```json
{"error": {"pointer": "/for", "found": "30", "expected": "a duration in s, min, h or d, like '30 min'"}}
```

with 400, 401 without the token, 404 for what is not there, 405 for another method, 409 for what does not fit how the
run is at this moment. `/control` answers this machine only, unless the run is started with `--http-host`. A run that
publishes to another broker (`--broker`) answers on a port of its own if it is given one (`--http-port`).

Simulated time stands while a run is paused; commands and downlinks still act. What is read leaves no trace: a run that
is watched publishes what it would have published without.

| call | what it does |
|---|---|
"""


def control_page() -> str:
    """The whole page."""
    rows = "".join(f"| [`{call.method} {call.path}`](#{_anchor(call)}) | {_summary(call)} |\n" for call in CALLS)
    return _HEAD + rows + "".join("\n" + "\n".join(_section(call)) + "\n" for call in CALLS)


def _summary(call: Call) -> str:
    return call.doc.partition("\n\n")[0]


def _anchor(call: Call) -> str:
    """As GitHub makes it from the heading."""
    return re.sub(r"[^\w -]", "", f"{call.method} {call.path}".lower()).replace(" ", "-")


def _section(call: Call) -> Iterator[str]:
    yield f"## {call.method} {call.path}\n"
    yield call.doc
    if call.query is not None:
        yield "\n" + "\n".join(f"- `{name}`: {about}" for name, about in _named(call.query.model_json_schema()))
    if call.example is not None:
        yield f"\n```json\n{json.dumps(call.example)}\n```"
        if isinstance(call.body, type) and issubclass(call.body, Request):
            schema = call.body.model_json_schema()
            yield "\n" + "\n".join(f"- `{name}`: {about}" for name, about in _named(schema))
    if is_dataclass(call.answer):
        yield f"\nAnswer: {_shape(call.answer)}"
    for status, why in sorted(call.refuses.items()):
        yield f"\n{status}: {why}."


def _named(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, about in schema["properties"].items():
        default = about.get("default")
        yield name, about.get("description", "") + ("" if default is None else f" ({default} if not said)")


def _shape(kind: Any) -> str:
    """The names of an answer, those of what its lists hold in brackets."""
    hints = get_type_hints(kind)
    return "`{" + ", ".join(f"{each.name}{_inner(hints[each.name])}" for each in fields(kind)) + "}`"


def _inner(hint: Any) -> str:
    inner = next((part for part in getattr(hint, "__args__", ()) if is_dataclass(part)), None)
    if inner is not None:
        return f": [{_shape(inner).strip('`')}]"
    return f": {_shape(hint).strip('`')}" if is_dataclass(hint) else ""


if __name__ == "__main__":
    print(control_page(), end="")
