"""`jinqiao serve`: the platform alone, for your own devices."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError
from jinqiao.gateway.mqtt.limits import Limits
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import Registry, load_registry

from ..gateway import Gateway, Ports
from ..loop import run_async
from ..system import raise_file_limit

__all__ = ["serve"]

_DEFAULT = Limits()


def serve(
    registry: Annotated[
        Path | None, typer.Option(help="Products, devices and applications (YAML).", show_default=False)
    ] = None,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65535, help="MQTT port; 0 takes any free one.")] = 1883,
    mqtts_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Also MQTT over TLS, on this port.", show_default=False)
    ] = None,
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of /metrics and of MQTT over WebSocket; 0 takes any free one.")
    ] = 8080,
    mqtt_host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    certs: Annotated[Path, typer.Option(help="Folder with the TLS certificate; see: jinqiao certs.")] = Path("certs"),
    plain_mqtt: Annotated[
        bool, typer.Option("--plain-mqtt", help="Also take clients without user name on ordinary topics.")
    ] = False,
    rates: Annotated[
        bool, typer.Option("--rates/--no-rates", help="Keep the platform's rates per device, and its logins a minute.")
    ] = True,
    cut_off: Annotated[
        bool, typer.Option("--cut-off", help="Disconnect a device that publishes without permission.")
    ] = False,
    max_connections: Annotated[int, typer.Option(min=1, help="Connections at once.")] = _DEFAULT.connections,
    max_connections_per_address: Annotated[
        int, typer.Option(min=1, help="Connections at once from one address that is not this machine.")
    ] = _DEFAULT.connections_per_address,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every login and refusal.")] = False,
) -> None:
    """Serve MQTT for the devices of a registry, by the platform's rules.

    Ctrl-C ends it. When standard output is not a terminal, one JSON line says where it listens.

    \b
    Example:
      jinqiao serve --registry registry.yaml --mqtt-port 1883
      jinqiao serve --plain-mqtt --mqtt-port 1884
    """
    if registry is None and not plain_mqtt:
        raise InputError("nothing to serve: give --registry FILE, or --plain-mqtt for a broker without devices")
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
    known = load_registry(registry) if registry is not None else Registry()
    known.anonymous = known.anonymous or plain_mqtt
    limits = Limits(connections=max_connections, connections_per_address=max_connections_per_address)
    platform = Platform(
        known,
        clock_ms=lambda: time.time_ns() // 1_000_000,
        rates="all" if rates else "none",
        cut_off=cut_off,
    )
    run_async(_serve(platform, limits, Ports(mqtt_host, mqtt_port, mqtts_port, http_port, certs)))


async def _serve(platform: Platform, limits: Limits, ports: Ports) -> None:
    raise_file_limit()
    registry, gateway = platform.registry, Gateway(platform, limits)
    taken = await gateway.start(ports)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    devices = sum(len(product.devices) for product in registry.products.values())
    print(
        f"MQTT on {ports.host}:{taken['mqtt_port']}, HTTP on {taken['http_port']}\n"
        f"  {len(registry.products)} products, {devices:,} devices, "
        f"{len(registry.applications)} applications{', anonymous clients' if registry.anonymous else ''}",
        file=sys.stderr,
    )
    if not sys.stdout.isatty():
        print(json.dumps({"ready": {"mqtt_host": ports.host, **taken}}), flush=True)
    try:
        await stop.wait()
    finally:
        await gateway.close()
    stats = gateway.server.stats()
    received = sum(stats.get("received", {}).values())
    print(f"served {received:,} messages, {stats.get('delivered', 0):,} delivered", file=sys.stderr)
