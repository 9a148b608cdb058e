"""`jinqiao watch`: follow topics, pretty-printed."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from typing import Annotated, Any

import aiomqtt
import typer
from rich.console import Console
from rich.text import Text

from jinqiao.base.errors import EnvironmentFault

__all__ = ["watch"]

#: Everything the devices of every product say: what a newcomer wants to see first.
EVERYTHING = "/sys/+/+/thing/event/#"


def watch(
    topic_filter: Annotated[str, typer.Argument(help="MQTT topic filter.", metavar="FILTER")] = EVERYTHING,
    mqtt_host: Annotated[str, typer.Option(help="Host of the broker.")] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 1883,
    user: Annotated[str | None, typer.Option(help="User name, as `jinqiao run` printed it.")] = "app",
    password: Annotated[
        str | None, typer.Option(help="Password.", envvar="JINQIAO_PASSWORD", show_default=False)
    ] = None,
    count: Annotated[
        int, typer.Option("--count", "-n", min=0, help="Stop after this many messages; 0 means never.")
    ] = 0,
    raw: Annotated[
        bool, typer.Option("--raw", help="Print one JSON object per line on stdout: topic and payload.")
    ] = False,
) -> None:
    """Follow topics and print each message; stop with Ctrl-C.

    \b
    Example:
      jinqiao watch --password "$PASSWORD"
      jinqiao watch '/sys/+/+/thing/event/TripFinished/post' --password "$PASSWORD" --raw | jq .
    """
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(topic_filter, mqtt_host, mqtt_port, user, password, count, raw))


async def _follow(
    topic_filter: str, host: str, port: int, user: str | None, password: str | None, count: int, raw: bool
) -> None:
    console = Console(highlight=False)
    client = aiomqtt.Client(host, port, username=user if password is not None else None, password=password)
    seen = 0
    try:
        async with client:
            await client.subscribe(topic_filter)
            print(f"following {topic_filter} on {host}:{port} (stop with Ctrl-C)", file=sys.stderr)
            async for message in client.messages:
                _show(console, str(message.topic), bytes(message.payload), raw=raw)
                seen += 1
                if seen == count:
                    return
    except aiomqtt.MqttError as error:
        raise EnvironmentFault(
            f"broker {host}:{port}: {error}\n  the port, user and password are those that `jinqiao run` prints"
        ) from error


def _show(console: Console, topic: str, payload: bytes, *, raw: bool) -> None:
    content = _parsed(payload)
    if raw:
        print(json.dumps({"topic": topic, "payload": content}, ensure_ascii=False), flush=True)
        return
    console.print(Text(topic, style="bold cyan"))
    values = content.get("params") if isinstance(content, dict) else None
    if not isinstance(values, dict):
        console.print(Text(f"  {content}"))
        return
    for name, value in values.items():
        shown = value.get("value", value) if isinstance(value, dict) else value
        console.print(Text.assemble("  ", (f"{name:<28}", "dim"), json.dumps(shown, ensure_ascii=False)))


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
