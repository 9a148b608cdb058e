"""`jinqiao record`: live topics of any broker into a recording."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError, ProtocolError
from jinqiao.base.quantity import parse_duration_s
from jinqiao.wire.mqtt.topics import check_filter

from ..loop import run_async
from ..recordings.live import record_live
from ..run.outside import parse_broker

__all__ = ["record"]

#: What the devices of every product say, by the platform's topics and by custom ones.
EVERYTHING = ("/sys/+/+/thing/event/#", "/+/+/user/#")


def record(
    file: Annotated[Path, typer.Argument(help="FILE.mcap, or a folder NAME.parquet.", show_default=False)],
    from_: Annotated[
        str,
        typer.Option("--from", help="The broker: mqtt://\\[user:password@]host[:port], or mqtts://…", metavar="URL"),
    ] = "mqtt://127.0.0.1:1883",
    topic: Annotated[
        list[str] | None,
        typer.Option(
            help="MQTT topic filter; may be repeated.", metavar="FILTER", show_default=" and ".join(EVERYTHING)
        ),
    ] = None,
    for_: Annotated[
        str | None, typer.Option("--for", help="Stop after this time, e.g. 60s or '5 min'.", metavar="TIME")
    ] = None,
    count: Annotated[
        int | None, typer.Option("--count", "-n", min=1, help="Stop after this many messages.", show_default=False)
    ] = None,
) -> None:
    """Record live topics byte for byte; Ctrl-C ends the recording and leaves a complete file.

    \b
    Example:
      jinqiao record drive.mcap --from mqtt://app:$PASSWORD@127.0.0.1:1883 --for 60s
      jinqiao record drive.parquet --from mqtts://backend:$PASSWORD@iot.example --topic '/sys/+/+/thing/event/#'
    """
    broker = parse_broker(from_, "--from")
    for_s = None
    if for_ is not None:
        try:
            for_s = parse_duration_s(for_)
        except InputError as error:
            raise InputError(f"--for: {error}") from error
    filters = topic or list(EVERYTHING)
    for topic_filter in filters:
        try:
            check_filter(topic_filter)
        except ProtocolError as error:
            raise InputError(f"--topic: {error}") from error

    def ready() -> None:
        print(f"recording {', '.join(filters)} to {file} (stop with Ctrl-C)", file=sys.stderr, flush=True)
        if not sys.stdout.isatty():
            print(json.dumps({"ready": {"file": str(file)}}), flush=True)

    report, fault = run_async(record_live(file, broker, filters, for_s=for_s, count=count, ready=ready))
    told = {"file": str(file), **report}
    if sys.stdout.isatty():
        print(f"{report['messages']:,} messages in {file}")
    else:
        print(json.dumps({"recorded": told}), flush=True)
    if fault is not None:
        raise fault
