"""The gateway process: a `Service`, controlled by JSON lines on its standard input.

    python -m jinqiao.sandbox.run.gateway_process [SOCKET]

SOCKET is the number of a descriptor over which requests to `/control` are relayed (`relay.py`).

First line: the configuration, followed by as many bytes of vehicles' names as it announces. Then `{"do": "stats"}` and
`{"do": "lossless", "lossless": true}` at any time. Each line is answered by one line with the same `number`. The end of
the input ends the process.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
import time
from typing import Any, BinaryIO

import numpy as np

from jinqiao.base.errors import EnvironmentFault, JinqiaoError
from jinqiao.base.system import raise_file_limit
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.config import ServiceConfig
from jinqiao.gateway.controlled import Controlled
from jinqiao.gateway.service import Service

from ..loop import run_async
from .child import CONFIG
from .relay import RelayedTo, control_socket

__all__ = ["main", "serve"]


def main() -> None:
    """Serve until standard input ends. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    first = sys.stdin.buffer.readline()
    if first:
        relay = control_socket(sys.argv[1]) if len(sys.argv) > 1 else None
        run_async(serve(json.loads(first), sys.stdin.buffer, relay))


async def serve(request: dict[str, Any], source: BinaryIO, relay: socket.socket | None = None) -> None:
    """The service that the first request describes, until `source` ends; `/control` goes over `relay`."""
    raise_file_limit()
    blob = source.read(request["blob_bytes"])
    names = np.frombuffer(blob, f"S{len(blob) // request['vehicles']}") if blob else None
    try:
        config = CONFIG.validate_python(request["config"])
        control = await RelayedTo.open(relay) if relay is not None else None
        service = Service(config, names, _controlled(config, control))
        taken = await service.start()
    except JinqiaoError as error:
        _answer(request, {"failed": str(error), "exit_code": error.exit_code})
        return
    _answer(request, taken)
    try:
        while line := await asyncio.to_thread(source.readline):
            request = json.loads(line)
            _answer(request, _obey(request, service.front.server))
    finally:
        if control is not None:
            await control.close()  # before the service, which waits for requests that are under way
        await service.close()


def _controlled(config: ServiceConfig, control: RelayedTo | None) -> Controlled | None:
    token = config.fleet.control_token if config.fleet is not None else None
    return None if control is None or token is None else Controlled(token, control.carry)


def _obey(request: dict[str, Any], server: Server) -> dict[str, Any]:
    if request.get("do") == "stats":
        return server.stats() | {"cpu_s": time.process_time()}
    if request.get("do") == "lossless":
        server.hold_back(lossless=request["lossless"])
        return {}
    return {"failed": f"unknown request {request!r}"}


def _answer(request: dict[str, Any], value: dict[str, Any]) -> None:
    try:
        print(json.dumps(value | {"number": request["number"]}), flush=True)
    except BrokenPipeError as error:
        raise EnvironmentFault("the parent process is gone") from error


if __name__ == "__main__":
    main()
