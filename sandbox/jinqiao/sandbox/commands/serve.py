"""`jinqiao serve`: the platform alone, for your own devices."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from jinqiao.base.errors import InputError

from ..loop import run_async
from ..serving import House, Ports, known_registry, open_storage, ready_line
from ..system import raise_file_limit

__all__ = ["serve"]


def serve(
    registry: Annotated[
        Path | None, typer.Option(help="Products, devices and applications (YAML).", show_default=False)
    ] = None,
    mqtt_port: Annotated[int, typer.Option(min=0, max=65535, help="MQTT port; 0 takes any free one.")] = 1883,
    mqtt_host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    http_port: Annotated[
        int, typer.Option(min=0, max=65535, help="HTTP port for cloud calls; 0 takes any free one.")
    ] = 8080,
    amqp_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Taken for later; nothing listens there yet.", show_default="none"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Folder in which devices and their state outlive this process.", show_default=False),
    ] = None,
    plain_mqtt: Annotated[
        bool, typer.Option("--plain-mqtt", help="Also take clients without user name on ordinary topics.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every login and refusal.")] = False,
) -> None:
    """Serve the platform for the devices of a registry: MQTT by its rules, cloud calls over HTTP.

    With --data, what devices and cloud calls change is kept in a folder; --registry seeds it. Ctrl-C ends it. When
    standard output is not a terminal, one JSON line says where it listens.

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
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(message)s")
    if amqp_port is not None:
        print("AMQP is not served yet: nothing listens on --amqp-port", file=sys.stderr)
    storage = open_storage(data)
    known = known_registry(registry, storage)
    known.anonymous = known.anonymous or plain_mqtt
    run_async(_serve(House(known, storage), Ports(mqtt_host, mqtt_port, http_port)))


async def _serve(house: House, ports: Ports) -> None:
    raise_file_limit()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        await house.start(ports)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        registry = house.platform.registry
        devices = sum(len(product.devices) for product in registry.products.values())
        print(
            f"MQTT on {ports.host}:{house.server.port}: {len(registry.products)} products, {devices:,} devices, "
            f"{len(registry.applications)} applications{', anonymous clients' if registry.anonymous else ''}",
            file=sys.stderr,
        )
        if house.http_port is not None:
            print(f"cloud calls on http://{ports.host}:{house.http_port}/", file=sys.stderr)
        if not sys.stdout.isatty():
            print(ready_line(house, ports), flush=True)
        await stop.wait()
    finally:
        await house.close()
    stats = house.server.stats()
    received = sum(stats.get("received", {}).values())
    print(f"served {received:,} messages, {stats.get('delivered', 0):,} delivered", file=sys.stderr)
