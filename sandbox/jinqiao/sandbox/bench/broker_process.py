"""The broker under test: registry, permissions and rates as in `jinqiao serve`. Ends with its standard input.

Each line of it is answered by one of JSON: the messages that were dropped because of rates, by direction.

python -m jinqiao.sandbox.bench.broker_process DEVICES FLEET_SECRET [CERTIFICATES]
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.system import raise_file_limit
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.broker.tls import server_context
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Application, Registry

from ..certificates import SERVER, SERVER_KEY
from ..loop import run_async

__all__ = ["PRODUCT_KEY", "device_names", "main"]

PRODUCT_KEY = "a1BenchBnch"


def device_names(count: int) -> NDArray[np.bytes_]:
    """Names of the fleet's devices, shape (count,)."""
    return np.char.add(b"bench", np.char.zfill(np.arange(count).astype("S5"), 5)).astype("S10")


async def _serve(devices: int, fleet_secret: str, certificates: str = "") -> None:
    raise_file_limit()
    product = simulated_product(PRODUCT_KEY, device_names(devices), fleet_secret=fleet_secret)
    registry = Registry([product], [Application("app", "app", frozenset({PRODUCT_KEY}))], anonymous=True)
    server = Server(Platform(registry), sys_interval_s=0)
    await server.start("127.0.0.1", 0)
    ports = {"port": server.port}
    if certificates:
        tls = server_context(Path(certificates) / SERVER, Path(certificates) / SERVER_KEY)
        ports["tls_port"] = await server.start("127.0.0.1", 0, tls=tls)
    gc.freeze()
    print(json.dumps(ports), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(server.counters.throttled), flush=True)
    await server.close()


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    logging.basicConfig(stream=sys.stderr, level=logging.ERROR)
    run_async(_serve(int(arguments[0]), *arguments[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])
