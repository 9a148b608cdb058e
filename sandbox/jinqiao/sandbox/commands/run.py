"""`jinqiao run`: a scenario on the topics of the platform."""

from __future__ import annotations

import json
import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from jinqiao.base.errors import EnvironmentFault, ExpectationFailed, InputError
from jinqiao.base.quantity import parse_duration_s
from jinqiao.base.words import Refused
from jinqiao.simulator.scenario.start import parse_start

from ..bundled import scenario_file
from ..invoked import program
from ..loop import run_async
from ..run.console import console_for
from ..run.options import RunOptions
from ..run.outside import load_triples, parse_broker
from ..run.own_gateway import PRODUCT_KEY
from ..run.pace import parse_speed
from ..run.running import Running
from ..run.session import Ended
from ..run.session import run as run_to_the_end
from ..sinks import addresses, parse_sink
from ..sinks.kinds.record import RecordSpec
from .options import Certs, HttpHost, HttpPort, HttpsPort, MqttHost, MqttPort, MqttsPort, Towns

__all__ = ["execute", "run"]


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
    certs: Certs = Path("certs"),
    mqtt_host: MqttHost = "127.0.0.1",
    http_host: HttpHost = None,
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
            help=f"Also send telemetry to this sink; may be repeated: {addresses()}.",
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
    summary: Annotated[Path | None, typer.Option(help="Write the summary to this file as JSON.")] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Verify the physics of everything published; exit code 1 if there are violations."
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No live table; one line per minute.")] = False,
) -> None:
    """Drive a scenario's fleets and publish their telemetry on an embedded broker.

    Ctrl-C ends the run at any time and prints the summary so far; the exit code is then 130 (SIGTERM: 143).

    \b
    Example:
      jinqiao run jinqiao-morning --for 60s
      jinqiao run my-scenario.yaml --speed max --seed 7 --summary out.json
      jinqiao run winter --speed max --check
      jinqiao run jinqiao-morning --towns 20 --vehicles 10000
    """
    named: dict[str, Any] = {} if app_password is None else {"app_password": app_password}
    options = RunOptions(
        scenario=scenario_file(scenario),
        for_s=None if for_ is None else _duration_s("--for", for_),
        start=None if start is None else _start(start),
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
        certs=certs,
        registry=registry,
        data=data,
        **_outside(broker, devices),
        app_user=app_user,
        summary=summary,
        quiet=quiet,
        check=check,
        sinks=(
            *(parse_sink(text) for text in sink or ()),
            *(parse_sink(text, "--to") for text in to or ()),
            *(RecordSpec.at(text, "--record") for text in record or ()),
        ),
        **named,
    )
    if summary is not None and not summary.resolve().parent.is_dir():
        raise InputError(f"--summary: no folder {str(summary.resolve().parent)!r} to write {summary.name!r} into")
    execute(options)


def _outside(broker: str | None, devices: Path | None) -> dict[str, Any]:
    """Options of a run that publishes elsewhere."""
    if broker is None:
        if devices is not None:
            raise InputError("--devices: expected --broker too: they are the devices of another platform")
        return {}
    found = parse_broker(broker)
    return {"broker": found, "devices": None if devices is None else load_triples(devices)}


def _start(text: str) -> datetime | Literal["now"]:
    if text == "now":
        return "now"
    try:
        return parse_start(text)
    except Refused as refused:
        raise InputError(f"--start: {refused}") from refused


def _duration_s(option: str, text: str) -> float:
    try:
        return parse_duration_s(text)
    except InputError as error:
        raise InputError(f"{option}: {error}") from error


def execute(options: RunOptions) -> None:
    """Run to the end; prints the summary of what ran and raises the fault that ended the run, if any.

    Raises typer.Exit with the signal's code when a signal ended it, 130 for Ctrl-C.
    """
    ended = run_async(_go(options))
    if ended.running is not None:
        _report(options, ended)
    elif ended.exit_code:
        print("interrupted before the first second", file=sys.stderr)
    if ended.fault is not None:
        raise ended.fault
    checker = None if ended.running is None else ended.running.checker
    if checker is not None and checker.total:
        kept = len(checker.violations)
        raise ExpectationFailed(
            f"the physics self-check found {checker.total:,} violations; the first {kept} are listed above"
        )
    if ended.exit_code:
        raise typer.Exit(ended.exit_code)


def _report(options: RunOptions, ended: Ended) -> None:
    found = ended.summary.as_json()
    for line in ended.summary.lines():
        print(line, file=sys.stderr)
    if options.summary is not None:
        try:
            options.summary.write_text(json.dumps(found, indent=2) + "\n")
        except OSError as error:
            raise EnvironmentFault(f"--summary: {options.summary} cannot be written: {error.strerror}") from error
    if not sys.stdout.isatty():
        print(json.dumps({"summary": found}), flush=True)


async def _go(options: RunOptions) -> Ended:
    return await run_to_the_end(options, console_for(quiet=options.quiet), _announce)


async def _announce(run: Running) -> None:
    """Say where to listen: for a person on stderr, for a program as one JSON line on stdout."""
    options, plan = run.options, run.plan
    for problem in plan.scenario.warnings:
        print(problem.as_warning(), file=sys.stderr)
    if run.gateway is None:
        _announce_outside(run)
        return
    port = run.gateway.mqtt_port
    user, password = options.app_user, options.app_password
    http = f", HTTP on {run.gateway.ports['http_port']}" if "http_port" in run.gateway.ports else ""
    print(
        f"{plan.scenario.name}: {_size(run)}, seed {plan.seed}, MQTT on {options.mqtt_host}:{port}"
        f"{http}\n"
        f"  user {user}  password {password}\n"
        f"  {_subscriber_line(options.mqtt_host, port, user, password)}\n"
        f"  {_watch_line(options.mqtt_host, port, user, password)}",
        file=sys.stderr,
        flush=True,
    )
    if not sys.stdout.isatty():
        ready = {
            "mqtt_host": options.mqtt_host,
            **run.gateway.ports,
            "app_user": options.app_user,
            "app_password": options.app_password,
            "product_key": PRODUCT_KEY,
            "vehicles": run.summary.vehicles,
            **_towns(run),
            "seed": run.plan.seed,
        }
        print(json.dumps({"ready": ready}), flush=True)


def _size(run: Running) -> str:
    towns = f" in {run.plan.towns:,} towns" if run.plan.towns > 1 else ""
    return f"{run.summary.vehicles:,} vehicles{towns}"


def _towns(run: Running) -> dict[str, int]:
    """Their number, where there are several."""
    return {"towns": run.plan.towns} if run.plan.towns > 1 else {}


def _subscriber_line(host: str, port: int, user: str, password: str) -> str:
    """What to paste into a shell."""
    login = f"-u {shlex.quote(user)} -P {shlex.quote(password)}"
    return f"mosquitto_sub -h {host} -p {port} {login} -t '/sys/+/+/thing/event/property/post'"


def _watch_line(host: str, port: int, user: str, password: str) -> str:
    """The same with a program that is there."""
    where = f" --mqtt-host {host}" if host not in {"127.0.0.1", "0.0.0.0"} else ""
    return f"{program()} watch{where} --mqtt-port {port} --user {shlex.quote(user)} --password {shlex.quote(password)}"


def _announce_outside(run: Running) -> None:
    broker, devices = run.options.broker, run.options.devices
    assert broker is not None
    key = PRODUCT_KEY if devices is None else devices.product_key
    where = f"{broker.host}:{broker.port}"
    print(
        f"{run.plan.scenario.name}: {_size(run)}, seed {run.plan.seed}, publishing to {where}\n"
        f"  topics /sys/{key}/+/thing/event/property/post",
        file=sys.stderr,
        flush=True,
    )
    if not sys.stdout.isatty():
        count = {"vehicles": run.summary.vehicles, **_towns(run)}
        ready = {"broker": where, "product_key": key, **count, "seed": run.plan.seed}
        print(json.dumps({"ready": ready}), flush=True)
