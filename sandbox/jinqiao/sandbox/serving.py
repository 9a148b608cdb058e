"""The platform alone, from its configuration until it is stopped: what `jinqiao serve` does."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console

from jinqiao.base.system import raise_file_limit
from jinqiao.base.words import counted
from jinqiao.gateway.config import Ports, ServiceConfig
from jinqiao.gateway.service import Service

from .early import ending_signals
from .loop import run_async
from .serve_view import DeviceTable, StderrHandler, log_devices

__all__ = ["serve_until_stopped"]


def serve_until_stopped(config: ServiceConfig, *, verbose: bool, quiet: bool) -> None:
    """Serve until a signal. `verbose` logs devices line by line, `quiet` shows no table of them.

    Raises InputError or EnvironmentFault when it cannot be served.
    """
    level = logging.INFO if verbose else logging.WARNING
    logging.basicConfig(handlers=[StderrHandler()], level=level, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # that a web server has started is no news
    service = Service(config)
    if verbose:
        log_devices(service.platform.events)
    run_async(_serve(service, config.ports, table=not verbose and not quiet))


def _table(service: Service) -> AbstractContextManager[None]:
    """A table of devices where there is a terminal, and devices that could stand in it."""
    console = Console(stderr=True)
    if not console.is_terminal or not (service.platform.registry.products or service.remembers):
        return nullcontext()
    return DeviceTable(service.platform.registry, service.platform.events).shown(console)


async def _serve(service: Service, ports: Ports, *, table: bool) -> None:
    raise_file_limit()
    host, http_host = ports.host, ports.http_host or ports.host
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        taken = await service.start()
        for number in ending_signals():
            loop.add_signal_handler(number, stop.set)
        registry = service.platform.registry
        devices = sum(len(product.devices) for product in registry.products.values())
        print(
            f"MQTT on {host}:{taken['mqtt_port']}, cloud calls on http://{http_host}:{taken['http_port']}/, "
            f"AMQP on {taken['amqp_port']}"
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
