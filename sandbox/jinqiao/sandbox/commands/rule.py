"""`jinqiao rule try`: what a rule's SQL makes of messages, without a platform."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jinqiao.base.errors import InputError, Problem, RuleError

__all__ = ["try_"]

#: Names in a message's topic where neither an option nor the statement has them.
_PRODUCT_KEY, _DEVICE_NAME = "a1carPK0001", "tbox001"


def try_(
    sql: Annotated[str, typer.Argument(help="The statement.", metavar="SQL", show_default=False)],
    file: Annotated[
        str,
        typer.Argument(
            help="A message as it is forwarded, or several JSON messages, one on each line; - is stdin.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    topic: Annotated[
        str | None, typer.Option(help="The topic of the messages.", show_default="the statement's")
    ] = None,
    product_key: Annotated[
        str | None, typer.Option(help="The product of the device.", show_default="that in the topic")
    ] = None,
    device_name: Annotated[
        str | None, typer.Option(help="The name of the device.", show_default="that in the topic")
    ] = None,
    message_id: Annotated[str, typer.Option(help="What messageId() returns.")] = "1234567890123456789",
    time_ms: Annotated[
        int | None,
        typer.Option(
            min=0, max=4_102_444_800_000, help="When the messages were made, in UTC milliseconds.", show_default="now"
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(help="A tag of the device, as KEY=VALUE; may be repeated.", metavar="KEY=VALUE"),
    ] = None,
) -> None:
    """Show what a rule's SQL makes of messages: one line on stdout for each that it lets through.

    \b
    Example:
      jinqiao rule try 'SELECT deviceName() AS car, items.VehicleSpeed.value AS speed
        FROM "/a1carPK0001/+/thing/event/property/post" WHERE items.VehicleSpeed.value > 80' post.json
    """
    import orjson

    from jinqiao.gateway.rules.language.message import Message
    from jinqiao.gateway.rules.language.statement import parse
    from jinqiao.wire.mqtt.topics import matches

    try:
        statement = parse(sql)
    except RuleError as error:
        raise InputError([_with_caret(sql, error)]) from None
    tags = _tags(tag or ())
    whole = topic or _filled(statement.topic, product_key, device_name)
    if not matches(statement.topic, whole):
        raise InputError(f"the topic {whole!r} is not among those of the statement, {statement.topic!r}")
    product, device = _names(whole)
    now_ms = time.time_ns() // 1_000_000 if time_ms is None else time_ms
    let_through = 0
    messages = list(_messages(_read(file)))
    for body in messages:
        names = (product_key or product, device_name or device)
        result = statement.evaluate(Message(whole, body, None, message_id, *names, now_ms, lambda: tags))
        if result is not None:
            let_through += 1
            sys.stdout.buffer.write((result if isinstance(result, bytes) else orjson.dumps(result)) + b"\n")
    sys.stdout.buffer.flush()
    print(f"{let_through} of {len(messages)} messages let through", file=sys.stderr)


def _with_caret(sql: str, error: RuleError) -> Problem:
    """The problem, and under it the line with a caret below the place."""
    from rich.cells import cell_len

    (problem,) = error.problems
    line = [*sql.split("\n"), ""][error.line - 1]
    before = line[: error.column - 1].replace("\t", " ")
    shown = f"{line.replace(chr(9), ' ')}\n  {' ' * cell_len(before)}^"
    return Problem(
        "SQL", error.line, error.column, "", problem.message, "\n  ".join(filter(None, (shown, problem.hint)))
    )


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None


def _messages(content: bytes) -> Iterator[bytes]:
    """The file as one message, unless its lines are JSON and the whole is not."""
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and not _is_json(content) and all(map(_is_json, lines)):
        yield from lines
    else:
        yield content


def _is_json(text: bytes) -> bool:
    import orjson

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _tags(pairs: list[str] | tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise InputError(f"--tag: found {pair!r}, expected KEY=VALUE")
        found[key] = value
    return found


def _filled(topic_filter: str, product_key: str | None, device_name: str | None) -> str:
    """A topic that the filter matches, with these names where it has wildcards."""
    levels = topic_filter.split("/")
    first = _first_name(levels)
    for place, name in ((first, product_key or _PRODUCT_KEY), (first + 1, device_name or _DEVICE_NAME)):
        if place < len(levels) and levels[place] == "+":
            levels[place] = name
    return "/".join("any" if level in ("+", "#") else level for level in levels)


def _names(topic: str) -> tuple[str, str]:
    """Product and device in a topic."""
    levels = topic.split("/")
    first = _first_name(levels)
    product, device, *_ = (*levels[first : first + 2], "", "")
    return product, device


def _first_name(levels: list[str]) -> int:
    """Where the product stands: `/as/mqtt/status/{pk}/{dn}` has three levels before it."""
    return 4 if levels[1:4] == ["as", "mqtt", "status"] else 1
