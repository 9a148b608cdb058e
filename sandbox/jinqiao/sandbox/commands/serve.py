"""`jinqiao serve`: the platform alone, for your own devices."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from jinqiao.base.errors import InputError
from jinqiao.base.system import raise_file_limit
from jinqiao.base.words import counted
from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.config import HISTORY_DAYS, Ports, ServiceConfig
from jinqiao.gateway.service import Service

from ..loop import ending_signals, run_async
from ..serve_view import DeviceTable, StderrHandler, log_devices
from .options import Certs, HttpHost, HttpPort, HttpsPort, MqttHost, MqttPort, MqttsPort

__all__ = ["serve"]

_DEFAULT = Limits()


def serve(
    registry: Annotated[
        Path | None, typer.Option(help="Products, devices and applications (YAML).", show_default=False)
    ] = None,
    mqtt_port: MqttPort = 1883,
    mqtts_port: MqttsPort = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    mqtt_host: MqttHost = "127.0.0.1",
    http_host: HttpHost = None,
    certs: Certs = Path("certs"),
    amqp_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Reserved; nothing listens there yet.", hidden=True),
    ] = None,
    gbt32960_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Also serve the GB/T 32960 cloud gateway, on this port (usually 8999; 0 takes any free one).",
            show_default=False,
        ),
    ] = None,
    gbt32960_allow: Annotated[
        list[str] | None,
        typer.Option(
            help="Address or ICCID from which vehicles may log in over GB/T 32960; may be repeated.",
            show_default="all",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder that keeps devices and their state after the server ends.", show_default=False),
    ] = None,
    history_days: Annotated[
        float, typer.Option(min=0, help="With --data: days to keep property values and events; 0 keeps none.")
    ] = HISTORY_DAYS,
    plain_mqtt: Annotated[
        bool, typer.Option("--plain-mqtt", help="Also accept clients without a user name, on ordinary topics.")
    ] = False,
    rates: Annotated[
        bool,
        typer.Option(
            "--rates/--no-rates", help="Enforce the platform's message rates and logins per minute, for each device."
        ),
    ] = True,
    cut_off: Annotated[
        bool, typer.Option("--cut-off", help="Disconnect a device that publishes without permission.")
    ] = False,
    max_connections: Annotated[int, typer.Option(min=1, help="Most connections at once.")] = _DEFAULT.connections,
    max_connections_per_address: Annotated[
        int, typer.Option(min=1, help="Most connections at once from one remote address.")
    ] = _DEFAULT.connections_per_address,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Log every login, logout and refusal, instead of a table.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No table of devices on a terminal.")] = False,
) -> None:
    """Serve the platform for the devices of a registry: MQTT by its rules, and cloud calls over HTTP.

    With --data, changes made by devices and cloud calls are kept in a folder, which --registry seeds. Stop with Ctrl-C.
    If standard output is not a terminal, one JSON line says where the server listens.

    \b
    Example:
      jinqiao serve --registry registry.yaml --mqtt-port 1883 --http-port 8080
      jinqiao serve --data my-devices --http-port 8080
      jinqiao serve --plain-mqtt --mqtt-port 1884
    """
    if registry is None and data is None and not plain_mqtt:
        raise InputError(
            "nothing to serve: give --registry FILE, --data DIR, or --plain-mqtt for a broker without devices"
        )
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(handlers=[StderrHandler()], level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that a web server has started is no news
    if amqp_port is not None:
        print("AMQP is not served yet: nothing listens on --amqp-port", file=sys.stderr)
    config = ServiceConfig(
        ports=Ports(
            host=mqtt_host,
            http_host=http_host,
            mqtt=mqtt_port,
            mqtts=mqtts_port,
            http=http_port,
            http_usual=http_port is None,
            certs=certs,
            https=https_port,
            gbt32960=gbt32960_port,
            gbt32960_allowed=tuple(gbt32960_allow or ()),
        ),
        registry=registry,
        data=data,
        history_days=history_days,
        anonymous=plain_mqtt,
        rates="all" if rates else "none",
        cut_off=cut_off,
        connections=max_connections,
        connections_per_address=max_connections_per_address,
    )
    service = Service(config)
    if verbose:
        log_devices(service.platform.events)
    run_async(_serve(service, mqtt_host, http_host or mqtt_host, table=not verbose and not quiet))


def _table(service: Service) -> AbstractContextManager[None]:
    """A table of devices where there is a terminal, and devices that could stand in it."""
    console = Console(stderr=True)
    if not console.is_terminal or not (service.platform.registry.products or service.remembers):
        return nullcontext()
    return DeviceTable(service.platform.registry, service.platform.events).shown(console)


async def _serve(service: Service, host: str, http_host: str, *, table: bool) -> None:
    raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        taken = await service.start()
        for number in ending_signals():
            loop.add_signal_handler(number, stop.set)
        registry = service.platform.registry
        devices = sum(len(product.devices) for product in registry.products.values())
        print(
            f"MQTT on {host}:{taken['mqtt_port']}, cloud calls on http://{http_host}:{taken['http_port']}/"
            f"{f', GB/T 32960 on {port}' if (port := taken.get('gbt32960_port')) else ''}\n"
            f"  {counted(len(registry.products), 'product')}, {counted(devices, 'device')}, "
            f"{counted(len(registry.applications), 'application')}"
            f"{', anonymous clients' if registry.anonymous else ''}",
            file=sys.stderr,
        )
        if not sys.stdout.isatty():
            print(json.dumps({"ready": {"mqtt_host": host, **taken}}), flush=True)
        with _table(service) if table else nullcontext():
            await stop.wait()
    finally:
        await service.close()
    stats = service.front.server.stats()
    received = sum(stats.get("received", {}).values())
    print(f"served {received:,} messages, {stats.get('delivered', 0):,} delivered", file=sys.stderr)
    if service.front.gbt32960 is not None and service.front.gbt32960.sessions.counts:
        counts = ", ".join(
            f"{count:,} {what}" for what, count in sorted(service.front.gbt32960.sessions.counts.items())
        )
        print(f"GB/T 32960: {counts}", file=sys.stderr)
