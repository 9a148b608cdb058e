"""What a run says when it is ready: where to listen, and lines to paste."""

from __future__ import annotations

import json
import shlex
import sys

from ..invoked import program
from ..product import PRODUCT_KEY
from ..shown import short
from .running import Running

__all__ = ["announce"]


async def announce(run: Running) -> None:
    """Say where to listen: for a person on stderr, for a program as one JSON line on stdout."""
    options, plan = run.options, run.plan
    for problem in plan.scenario.warnings:
        print(problem.as_warning(), file=sys.stderr)
    if run.gateway is None:
        _elsewhere(run)
        return
    port = run.gateway.mqtt_port
    user, password = options.app_user, options.app_password
    http = f", HTTP on {run.gateway.ports['http_port']}" if "http_port" in run.gateway.ports else ""
    amqp = f", AMQP on {run.gateway.ports['amqp_port']}" if "amqp_port" in run.gateway.ports else ""
    print(
        f"{short(plan.scenario.name)}: {_size(run)}, seed {plan.seed}, "
        f"MQTT on {options.mqtt_host}:{port}{http}{amqp}\n"
        f"  user {user}  password {password}\n"
        f"  {_subscriber_line(options.mqtt_host, port, user, password)}\n"
        f"  {_watch_line(options.mqtt_host, port, user, password)}\n"
        f"{_control_line(run)}",
        end="",
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
            **_counts(run),
            "seed": run.plan.seed,
            **_control(run),
        }
        print(json.dumps({"ready": ready}), flush=True)


def _size(run: Running) -> str:
    towns = f" in {run.plan.towns:,} towns" if run.plan.towns > 1 else ""
    return f"{run.summary.vehicles:,} vehicles{towns}"


def _counts(run: Running) -> dict[str, int]:
    """Of vehicles, and of towns where there are several."""
    towns = {"towns": run.plan.towns} if run.plan.towns > 1 else {}
    return {"vehicles": run.summary.vehicles, **towns}


def _control(run: Running) -> dict[str, str]:
    """Where the run is controlled, and by whom."""
    control = run.control
    return {} if control.url is None else {"control_url": control.url, "control_token": control.token}


def _control_line(run: Running) -> str:
    """The same for a person."""
    control = run.control
    where = "" if control.url is None else f"  control {control.url}  token {control.token}\n"
    return where + ("  paused: go on with POST /control/resume or /control/advance\n" if run.options.paused else "")


def _subscriber_line(host: str, port: int, user: str, password: str) -> str:
    """What to paste into a shell."""
    login = f"-u {shlex.quote(user)} -P {shlex.quote(password)}"
    return f"mosquitto_sub -h {host} -p {port} {login} -t '/sys/+/+/thing/event/property/post'"


def _watch_line(host: str, port: int, user: str, password: str) -> str:
    """The same with a program that is there."""
    where = f" --mqtt-host {host}" if host not in {"127.0.0.1", "0.0.0.0"} else ""
    return f"{program()} watch{where} --mqtt-port {port} --user {shlex.quote(user)} --password {shlex.quote(password)}"


def _elsewhere(run: Running) -> None:
    broker, devices = run.options.broker, run.options.devices
    assert broker is not None
    key = PRODUCT_KEY if devices is None else devices.product_key
    where = f"{broker.host}:{broker.port}"
    print(
        f"{short(run.plan.scenario.name)}: {_size(run)}, seed {run.plan.seed}, "
        f"publishing to {where}\n"
        f"  topics /sys/{key}/+/thing/event/property/post\n"
        f"{_control_line(run)}",
        end="",
        file=sys.stderr,
        flush=True,
    )
    if not sys.stdout.isatty():
        ready = {"broker": where, "product_key": key, **_counts(run), "seed": run.plan.seed, **_control(run)}
        print(json.dumps({"ready": ready}), flush=True)
