"""The gateway process: broker and platform, told what to do by JSON lines on its standard input.

    python -m jinqiao.sandbox.run.gateway_process

First line: the configuration, followed by as many bytes of device names as it announces. Then `{"do": "stats"}` at any
time. Each line is answered by one line with the same `number`. The end of the input ends the process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jinqiao.base.errors import EnvironmentFault, JinqiaoError
from jinqiao.gateway.history.telemetry import TelemetryPast
from jinqiao.gateway.mqtt.server import Server
from jinqiao.gateway.platform.fleet_devices import simulated_product
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry import Application, Registry

from ..gateway import Gateway, Ports
from ..loop import run_async
from ..system import raise_file_limit

__all__ = ["main", "serve_fleet"]

#: The fleet's latest traffic, in which a cloud call finds a vehicle's last values.
_REMEMBERED_BYTES = 64 << 20


def main() -> None:
    """Serve until standard input ends. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    first = sys.stdin.buffer.readline()
    if first:
        run_async(serve_fleet(json.loads(first), sys.stdin.buffer))


async def serve_fleet(configuration: dict[str, Any], source: BinaryIO) -> None:
    """Broker and platform for one simulated fleet."""
    raise_file_limit()
    blob = source.read(configuration["blob_bytes"])
    names = np.frombuffer(blob, f"S{len(blob) // configuration['device_count']}")
    key = configuration["product_key"]
    product = simulated_product(
        key,
        names,
        fleet_secret=configuration["fleet_secret"],
        factory_versions=configuration.get("factory_versions"),
    )
    user, password = configuration["app"]
    # The application's credentials sign its cloud calls, too.
    registry = Registry([product], [Application(user, password, frozenset([key]))], access_keys={user: password})
    platform = Platform(
        registry,
        clock_ms=lambda: time.time_ns() // 1_000_000,
        in_house=tuple(configuration["house"]),
        rates=configuration.get("rates", "all"),
    )
    gateway = Gateway(platform)
    gateway.server.remember(_REMEMBERED_BYTES)
    platform.last_payloads = gateway.server.last_payloads
    try:
        if configuration.get("history"):
            platform.history = TelemetryPast(Path(configuration["history"]))
        taken = await gateway.start(_ports(configuration))
    except JinqiaoError as error:
        _answer(configuration, {"failed": str(error), "exit_code": error.exit_code})
        return
    _answer(configuration, taken)
    try:
        while line := await asyncio.to_thread(source.readline):
            request = json.loads(line)
            _answer(request, _obey(request, gateway.server))
    finally:
        await gateway.close()


def _ports(configuration: dict[str, Any]) -> Ports:
    return Ports(
        configuration["host"],
        configuration["mqtt_port"],
        configuration.get("mqtts_port"),
        configuration.get("http_port"),
        configuration.get("http_usual", False),
        Path(configuration.get("certs", "certs")),
        configuration.get("https_port"),
    )


def _obey(request: dict[str, Any], server: Server) -> dict[str, Any]:
    if request.get("do") == "stats":
        return server.stats() | {"cpu_s": time.process_time()}
    return {"failed": f"unknown request {request!r}"}


def _answer(request: dict[str, Any], value: dict[str, Any]) -> None:
    try:
        print(json.dumps(value | {"number": request["number"]}), flush=True)
    except BrokenPipeError as error:
        raise EnvironmentFault("the parent process is gone") from error


if __name__ == "__main__":
    main()
