"""`jinqiao log` and `jinqiao thing-model`: what was refused and why, and whether a thing model is one."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError, Problem
from jinqiao.gateway.storage.sqlite import FILE, Storage
from jinqiao.wire.alink.thing_model_file import load_thing_model

from .options import AsJson, Data

__all__ = ["log", "thing_model"]

_NAME = re.compile(r"[A-Za-z0-9_.:@-]*")


def log(
    data: Data,
    device: Annotated[
        str | None,
        typer.Option(help="Only this product's or device's.", metavar="PRODUCT_KEY[/DEVICE_NAME]", show_default=False),
    ] = None,
    last: Annotated[int, typer.Option(min=1, help="At most so many, the latest.")] = 100,
    json_: AsJson = False,
) -> None:
    """Show what was refused or failed, with the platform's code, as the vendor's console would.

    The server writes twice a second.

    \b
    Example:
      jinqiao log --data my-devices --device a1carPK0001/tbox001
      jinqiao log --data my-devices --json | jq -r .message
    """
    if not (data / FILE).is_file():
        raise InputError(f"no data in {str(data)!r}")
    product_key, _, device_name = (device or "").partition("/")
    storage = Storage(data)
    try:
        entries = list(storage.log(product_key or None, device_name or None))[-last:]
    finally:
        storage.close()
    for entry in entries:
        if json_:
            print(json.dumps(entry._asdict(), ensure_ascii=False))
            continue
        moment = datetime.fromtimestamp(entry.time_ms / 1000, tz=UTC).isoformat(timespec="milliseconds")
        # Quoted, because a client chose these texts; names where they are none that a device can have.
        name = "/".join(n if _NAME.fullmatch(n) else ascii(n) for n in (entry.product_key, entry.device_name))
        print(f"{moment} {entry.code} {name} {entry.topic!r}: {entry.message!r}")


def thing_model(
    files: Annotated[list[Path], typer.Argument(help="TSL files (JSON).", metavar="FILE", show_default=False)],
) -> None:
    """Check thing models; every problem is told as file:line:column.

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
            print(f"  names the modules {', '.join(model.hollow)}, whose features are in files of their own")
    if problems:
        raise InputError(problems)
