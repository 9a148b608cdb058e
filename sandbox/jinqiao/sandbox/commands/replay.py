"""`jinqiao replay`: a recording to a broker, as it was or as many times as many cars."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jinqiao.base.errors import EnvironmentFault, InputError

if TYPE_CHECKING:
    from ..recordings.replay import Replay, ReplayOptions

__all__ = ["replay"]


def replay(
    file: Annotated[Path, typer.Argument(help="FILE.mcap, a folder NAME.parquet, or one of its files.")],
    to: Annotated[
        str, typer.Option("--to", help="The broker: mqtt://\\[user:password@]host[:port].", metavar="URL")
    ] = "mqtt://127.0.0.1:1883",
    speed: Annotated[str, typer.Option(help="1 keeps the original timing, 10 is ten times as fast, or max.")] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end, until Ctrl-C.")] = False,
    clones: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Number of cars that each recorded car becomes.")
    ] = 1,
    format_: Annotated[
        Literal["alink", "protobuf"], typer.Option("--format", help="Format of the recorded samples and events.")
    ] = "alink",
    product_key: Annotated[
        str | None, typer.Option(help="Product key in the topics; the recording's if not given.", show_default=False)
    ] = None,
    devices: Annotated[
        Path | None,
        typer.Option(
            help="Device triples (a registry file); each device gets its own connection, as a real platform requires.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report to this file as JSON.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
) -> None:
    """Send a recording to a broker with its original timing, dated now; Ctrl-C ends it and prints the report.

    With --clones N every recorded car becomes N cars with their own VINs, a few seconds and a few hundred metres apart.

    \b
    Example:
      jinqiao replay drive.mcap --to mqtt://127.0.0.1:1883
      jinqiao replay drive.parquet --to mqtt://load:$PASSWORD@broker.example --speed max --clones 1000
      jinqiao replay drive.mcap --to mqtt://127.0.0.1:1883 --devices registry.yaml --loop
    """
    # The replay itself: not for --help.
    from ..loop import run_async
    from ..recordings.replay import ReplayOptions
    from ..run.outside import load_triples, parse_broker
    from ..run.pace import parse_speed

    broker = parse_broker(to, "--to")
    if broker.tls and devices is None:
        raise InputError("--to: mqtts:// needs --devices; the connection shared by all devices is without TLS")
    if product_key is not None and (not product_key or set(product_key) & set("/+#")):
        raise InputError(f"--product-key: found {product_key!r}, expected a word without / + #")
    if report is not None and not report.absolute().parent.is_dir():
        raise InputError(f"--report: no folder {str(report.absolute().parent)!r} to write {report.name!r} into")
    options = ReplayOptions(
        path=file,
        broker=broker,
        speed=parse_speed(speed),
        loop=loop,
        clones=clones,
        protobuf=format_ == "protobuf",
        product_key=product_key,
        devices=None if devices is None else load_triples(devices),
        quiet=quiet,
    )
    replaying, found = run_async(_go(options))
    if report is not None:
        try:
            report.write_text(json.dumps(found, indent=2) + "\n")
        except OSError as error:
            raise EnvironmentFault(f"--report: {report} cannot be written: {error.strerror}") from error
    late = found.get("late_ms")
    told = f"  late       median {late['p50']} ms, p99 {late['p99']} ms\n" if late else ""
    print(
        f"{file}: {found['ended']}, {found['sent']:,} messages of {found['devices']:,} devices in "
        f"{found['wall_s']:,.1f} s ({found['messages_per_s']:,.0f}/s)\n{told}",
        end="",
        file=sys.stderr,
    )
    if not sys.stdout.isatty():
        print(json.dumps({"replayed": found}), flush=True)
    if replaying.fault is not None:
        raise replaying.fault


async def _go(options: ReplayOptions) -> tuple[Replay, dict[str, Any]]:
    from ..recordings.replay import Replay

    replaying = Replay(options)
    return replaying, await replaying.go(_announce)


def _announce(found: dict[str, Any]) -> None:
    print(
        f"{found['messages']:,} messages of {found['devices']:,} devices, product {found['product_key']} "
        "(stop with Ctrl-C)",
        file=sys.stderr,
        flush=True,
    )
    if not sys.stdout.isatty():
        print(json.dumps({"ready": found}), flush=True)
