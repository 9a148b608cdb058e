"""`jinqiao log` and `jinqiao thing-model`: what was refused and why, and whether a thing model is one."""

from __future__ import annotations

import functools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from jinqiao.base.errors import InputError, Problem
from jinqiao.gateway.platform.devices.device_log import LogEntry
from jinqiao.gateway.storage.sqlite import FILE, Storage
from jinqiao.wire.alink.thing_model_file import load_thing_model

from .options import AsJson, Data

__all__ = ["added", "log", "thing_model"]

#: The server writes as often.
_LOOK_EVERY_S = 0.5

P = ParamSpec("P")

_NAME = re.compile(r"[A-Za-z0-9_.:@-]*")


def _until_ctrl_c(command: Callable[P, None]) -> Callable[P, None]:
    """The same command, for which Ctrl-C is the end and no failure."""

    @functools.wraps(command)
    def ended(*args: P.args, **kwargs: P.kwargs) -> None:
        with suppress(KeyboardInterrupt):
            command(*args, **kwargs)

    return ended


@_until_ctrl_c
def log(
    data: Data,
    device: Annotated[
        str | None,
        typer.Option(
            help="Only entries of this product or device.", metavar="PRODUCT_KEY[/DEVICE_NAME]", show_default=False
        ),
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="Show at most this many, the latest.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep printing new entries, until Ctrl-C.")] = False,
    json_: AsJson = False,
) -> None:
    """Show what was refused or failed, with the platform's code, like the vendor's console.

    The server writes twice a second.

    \b
    Example:
      jinqiao log --data my-devices --device a1carPK0001/tbox001
      jinqiao log --data my-devices --follow
      jinqiao log --data my-devices --json | jq -r .message
    """
    if not (data / FILE).is_file():
        raise InputError(f"no data in {str(data)!r}")
    product_key, _, device_name = (device or "").partition("/")
    wanted = (product_key or None, device_name or None)
    for entry in _entries(data, wanted, last, follow):
        if json_:
            print(json.dumps(entry._asdict(), ensure_ascii=False))
            continue
        moment = datetime.fromtimestamp(entry.time_ms / 1000, tz=UTC).isoformat(timespec="milliseconds")
        # Quoted, because a client chose these texts; names where they are none that a device can have.
        name = "/".join(n if _NAME.fullmatch(n) else ascii(n) for n in (entry.product_key, entry.device_name))
        print(f"{moment} {entry.code} {name} {entry.topic!r}: {entry.message!r}")


def _entries(data: Path, wanted: tuple[str | None, str | None], last: int, follow: bool) -> Iterator[LogEntry]:
    """What is in the log, and with `follow` what is added, until Ctrl-C."""
    storage = Storage(data)
    try:
        known = list(storage.log(*wanted))
        yield from known[-last:]
        while follow:
            sys.stdout.flush()
            time.sleep(_LOOK_EVERY_S)
            if storage.changed_elsewhere():
                now = list(storage.log(*wanted))
                yield from added(known, now)
                known = now
    finally:
        storage.close()


def added(known: Sequence[LogEntry], now: Sequence[LogEntry]) -> Sequence[LogEntry]:
    """What a log has more than it had, whose oldest entries may have made room."""
    for gone in range(len(known)):
        left = len(known) - gone
        if now[:left] == known[gone:]:
            return now[left:]
    return now


def thing_model(
    files: Annotated[list[Path], typer.Argument(help="TSL files (JSON).", metavar="FILE", show_default=False)],
) -> None:
    """Check thing models and report every problem as file:line:column.

    \b
    Example:
      jinqiao thing-model my-model.json
    """
    problems: list[Problem] = []
    for file in files:
        try:
            model = load_thing_model(file)
        except InputError as refused:
            problems += refused.problems
            continue
        counts = (len(model.properties), len(model.events), len(model.services))
        print("{}: {} properties, {} events, {} services".format(file, *counts))
        if model.hollow:
            print(f"  refers to the modules {', '.join(model.hollow)}, whose features are in separate files")
    if problems:
        raise InputError(problems)
