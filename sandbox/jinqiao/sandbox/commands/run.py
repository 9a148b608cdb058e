"""`jinqiao run`: a scenario on the topics of the platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from jinqiao.base.errors import InputError

from ..bundled import scenario_file
from ..run.gateway_child import gateway_ahead
from .options import (
    AmqpPort,
    AmqpsPort,
    Certs,
    HttpHost,
    HttpPort,
    HttpsPort,
    LenientClock,
    MqttHost,
    MqttPort,
    MqttsPort,
    Towns,
)

__all__ = ["ADDRESSES", "run"]

#: The addresses of all sinks, written down here: to ask their kinds would import the simulator for `--help`.
ADDRESSES = "gbt32960://HOST:PORT, influx:URL, null, parquet:DIR, record:FILE"


def run(
    scenario: Annotated[
        Path, typer.Argument(help="Scenario file (YAML), or the name of a bundled one.", show_default=False)
    ],
    for_: Annotated[
        str | None,
        typer.Option("--for", help="Stop after this much simulated time, e.g. 30s or '5 min'.", metavar="TIME"),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Start at this time instead of the scenario's: now, or a date and time with its zone.",
            metavar="TIME",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        str, typer.Option(help="Simulated seconds per second: 1 is real time, 10 is ten times as fast, or max.")
    ] = "1",
    vehicles: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000,
            help="Scale the fleets to this many vehicles in total; stations grow with them.",
        ),
    ] = None,
    towns: Towns = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Seed for every random draw; overrides the scenario's.")
    ] = None,
    mqtt_port: MqttPort = 1883,
    mqtts_port: MqttsPort = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    amqp_port: AmqpPort = None,
    amqps_port: AmqpsPort = None,
    certs: Certs = Path("certs"),
    mqtt_host: MqttHost = "127.0.0.1",
    http_host: HttpHost = None,
    lenient_clock: LenientClock = False,
    broker: Annotated[
        str | None,
        typer.Option(
            help="Publish to this broker instead of an embedded one: mqtt://\\[user:password@]host[:port].",
            show_default=False,
        ),
    ] = None,
    devices: Annotated[
        Path | None,
        typer.Option(
            help="With --broker: device triples of a real platform (a registry file); one connection per vehicle.",
            show_default=False,
        ),
    ] = None,
    registry: Annotated[
        Path | None,
        typer.Option(
            help="Your own products, devices and keys (YAML), beside the simulated fleet.", show_default=False
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps your own devices and their state after the run.", show_default=False),
    ] = None,
    app_user: Annotated[str, typer.Option(help="User name of your application's MQTT credential.")] = "app",
    app_password: Annotated[
        str | None,
        typer.Option(
            help="Its password; generated and printed if not given.", envvar="JINQIAO_PASSWORD", show_default=False
        ),
    ] = None,
    sink: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Also send telemetry to this sink; may be repeated: {ADDRESSES}.",
            metavar="KIND:WHERE",
            show_default=False,
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            help="Also record what is published: FILE.mcap or NAME.parquet; may be repeated.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="Have every vehicle report to a GB/T 32960 platform; the same as --sink with this address.",
            metavar="gbt32960://HOST:PORT",
            show_default=False,
        ),
    ] = None,
    lock_step: Annotated[
        list[str] | None,
        typer.Option(
            help="Hold the clock after each simulated second until this MQTT client has acknowledged everything that "
            "was published (QoS 1; at QoS 0: received it); may be repeated.",
            metavar="CLIENT_ID",
            show_default=False,
        ),
    ] = None,
    lock_step_limit: Annotated[
        str,
        typer.Option(
            help="With --lock-step: end the run when a client that was there is away, or acknowledges nothing, for "
            "this long.",
            metavar="TIME",
        ),
    ] = "60s",
    paused: Annotated[
        bool, typer.Option("--paused", help="Stand at second 0 until a POST to /control/resume or /control/advance.")
    ] = False,
    linger: Annotated[
        bool,
        typer.Option(
            "--linger",
            help="When the scenario is over, go on answering /control until a POST to /control/stop, or Ctrl-C.",
        ),
    ] = False,
    control_token: Annotated[
        str | None,
        typer.Option(
            help="What requests to /control authenticate with; generated and printed if not given.",
            envvar="JINQIAO_CONTROL_TOKEN",
            show_default=False,
        ),
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Write the summary to this file as JSON.")] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(
            help="Write what came of the expectations to this file as JSON.", metavar="FILE.json", show_default=False
        ),
    ] = None,
    junit: Annotated[
        Path | None,
        typer.Option(help="The same as JUnit XML, for a CI.", metavar="FILE.xml", show_default=False),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="The same as a page with plots.", metavar="FILE.html", show_default=False),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Verify the physics of everything published; exit code 1 if there are violations."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No live table; one line per minute.")] = False,
) -> None:
    """Drive a scenario's fleets and publish their telemetry on an embedded broker.

    Ctrl-C ends the run at any time and prints the summary so far; the exit code is then 130 (SIGTERM: 143). It is 1
    when something that the scenario expects failed, or was never exercised.

    \b
    Example:
      jinqiao run jinqiao-morning --for 60s
      jinqiao run my-scenario.yaml --speed max --seed 7 --summary out.json
      jinqiao run winter --speed max --check
      jinqiao run my-scenario.yaml --speed max --junit verdicts.xml --report verdicts.html
      jinqiao run my-scenario.yaml --speed max --lock-step my-product
      jinqiao run jinqiao-morning --towns 20 --vehicles 10000
    """
    with gateway_ahead(needed=broker is None) as child:
        # The run itself: not for --help.
        from ..reporting.write import Reports
        from ..run.asked import control_options, duration_s, elsewhere, listeners, sinks_of, start_of
        from ..run.execute import execute
        from ..run.options import RunOptions
        from ..run.pace import parse_speed

        named: dict[str, Any] = {} if app_password is None else {"app_password": app_password}
        options = RunOptions(
            scenario=scenario_file(scenario),
            for_s=None if for_ is None else duration_s("--for", for_),
            start=None if start is None else start_of(start),
            speed=parse_speed(speed),
            vehicles=vehicles,
            towns=towns,
            seed=seed,
            mqtt_host=mqtt_host,
            http_host=http_host,
            mqtt_port=mqtt_port,
            mqtts_port=mqtts_port,
            http_port=http_port,
            http_usual=http_port is None,
            https_port=https_port,
            amqp_port=amqp_port,
            amqp_usual=amqp_port is None,
            amqps_port=amqps_port,
            certs=certs,
            registry=registry,
            data=data,
            lenient_clock=lenient_clock,
            **elsewhere(broker, devices),
            app_user=app_user,
            lock_step=listeners(lock_step or (), broker),
            lock_step_limit_s=duration_s("--lock-step-limit", lock_step_limit),
            summary=summary,
            reports=Reports(verdicts, junit, report),
            quiet=quiet,
            check=check,
            sinks=sinks_of(sink or (), to or (), record or ()),
            **control_options(
                control_token, paused=paused, linger=linger, reachable=broker is None or http_port is not None
            ),
            **named,
        )
        if summary is not None and not summary.resolve().parent.is_dir():
            raise InputError(f"--summary: no folder {str(summary.resolve().parent)!r} to write {summary.name!r} into")
        execute(options, child)
