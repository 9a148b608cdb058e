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

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.mqtt.server import Server
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import Registry, load_registry

from ..loop import run_async
from ..system import OTHER_PORT, raise_file_limit

__all__ = ["serve"]


def serve(
    registry: Annotated[
        Path | None, typer.Option(help="Products, devices and applications (YAML).", show_default=False)
    ] = None,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65535, help="MQTT port; 0 takes any free one.")] = 1883,
    mqtt_host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    plain_mqtt: Annotated[
        bool, typer.Option("--plain-mqtt", help="Also take clients without user name on ordinary topics.")
    ] = False,
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
    run_async(_serve(known, mqtt_host, mqtt_port))


async def _serve(registry: Registry, host: str, port: int) -> None:
    raise_file_limit()
    platform = Platform(registry, clock_ms=lambda: time.time_ns() // 1_000_000)
    server = Server(platform)
    try:
        await server.start(host, port)
    except EnvironmentFault as fault:
        raise EnvironmentFault(f"{fault}\n  {OTHER_PORT}") from fault
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    devices = sum(len(product.devices) for product in registry.products.values())
    print(
        f"MQTT on {host}:{server.port}: {len(registry.products)} products, {devices:,} devices, "
        f"{len(registry.applications)} applications{', anonymous clients' if registry.anonymous else ''}",
        file=sys.stderr,
    )
    if not sys.stdout.isatty():
        print(json.dumps({"ready": {"mqtt_host": host, "mqtt_port": server.port}}), flush=True)
    try:
        await stop.wait()
    finally:
        await server.close()
    stats = server.stats()
    received = sum(stats.get("received", {}).values())
    print(f"served {received:,} messages, {stats.get('delivered', 0):,} delivered", file=sys.stderr)
