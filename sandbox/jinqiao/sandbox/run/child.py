"""The gateway process seen from the simulator process: start it, configure it, ask it, end it.

They talk JSON lines: requests on the child's standard input, answers on its standard output. When the input ends, for
whatever reason, the child ends; so no orphan survives a killed run.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.config import ServiceConfig

from .gateway_child import GatewayChild

__all__ = ["CONFIG", "GatewayProcess"]

#: The configuration as JSON and back.
CONFIG = TypeAdapter(ServiceConfig)

_START_TIMEOUT_S = 30.0
_ANSWER_TIMEOUT_S = 10.0
#: Time to end by itself, and less for one that has been silent so long.
_END_S, _SILENT_S, _END_SILENT_S = 5.0, 3.0, 1.0
_LINE_LIMIT = 1 << 22


class GatewayProcess:
    """A child running `gateway_process`. Raises EnvironmentFault when it cannot serve or is gone."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        output: asyncio.StreamReader,
        into: asyncio.StreamWriter,
        control: socket.socket,
    ) -> None:
        self._process, self._input, self._output = process, into, output
        #: Where requests to `/control` come from, and their answers go to; see `relay.py`.
        self.control = control
        self._asking = asyncio.Lock()
        #: Completes with the exit status when the child is gone.
        self.gone: asyncio.Task[int] = asyncio.create_task(asyncio.to_thread(process.wait))
        #: Where it listens: `mqtt_port`, and `mqtts_port` and `http_port` if they were asked for.
        self.ports: dict[str, int] = {}
        #: Its counters when they were asked for last.
        self.latest: dict[str, Any] = {}
        self._number = 0
        #: When it was asked what it has not answered yet (`time.monotonic`).
        self._waiting_since: float | None = None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def mqtt_port(self) -> int:
        return self.ports["mqtt_port"]

    @classmethod
    async def spawn(cls, child: GatewayChild | None = None) -> GatewayProcess:
        """Start the child, unless it was already; it imports while we build the world."""
        child = (GatewayChild() if child is None else child).take()
        output, into = await asyncio.open_connection(sock=child.socket, limit=_LINE_LIMIT)
        return cls(child.process, output, into, child.control)

    async def configure(self, config: ServiceConfig, names: NDArray[np.bytes_]) -> None:
        """Send the configuration and the vehicles' names, shape (n,), and wait until the ports listen."""
        blob = names.tobytes()
        request = {
            "do": "serve",
            "config": CONFIG.dump_python(config, mode="json"),
            "vehicles": len(names),
            "blob_bytes": len(blob),
        }
        ready = await self._ask(request, blob, timeout_s=_START_TIMEOUT_S)
        if "failed" in ready:
            failure = InputError if ready.get("exit_code") == 2 else EnvironmentFault
            raise failure(ready["failed"])
        self.ports = {name: int(port) for name, port in ready.items()}

    async def stats(self) -> dict[str, Any]:
        """The gateway's counters now."""
        self.latest = await self._ask({"do": "stats"}, timeout_s=_ANSWER_TIMEOUT_S)
        return self.latest

    async def lossless(self, *, lossless: bool) -> None:
        """Whether it holds the simulator back while a subscriber that reads is behind, instead of dropping."""
        await self._ask({"do": "lossless", "lossless": lossless}, timeout_s=_ANSWER_TIMEOUT_S)

    async def is_alive(self, within_s: float) -> bool:
        """Whether it answers within this time. Raises EnvironmentFault when it is gone."""
        try:
            async with asyncio.timeout(within_s):
                await self.stats()
        except TimeoutError:
            return False
        return True

    async def _ask(self, request: dict[str, Any], blob: bytes = b"", *, timeout_s: float) -> dict[str, Any]:
        async with self._asking:
            self._number += 1
            self._waiting_since = self._waiting_since or time.monotonic()
            try:
                self._input.write(json.dumps(request | {"number": self._number}).encode() + b"\n" + blob)
                await self._input.drain()
                # Not `wait_for`, which may swallow a cancellation that comes with the answer.
                async with asyncio.timeout(timeout_s):
                    return await self._answer_to(self._number)
            except (ConnectionError, TimeoutError) as error:
                raise EnvironmentFault(f"the gateway process does not answer ({type(error).__name__})") from error

    async def _answer_to(self, number: int) -> dict[str, Any]:
        """The answer with this number; those before it belong to requests whose asker was cancelled."""
        while line := await self._output.readline():
            self._waiting_since = None
            answer: dict[str, Any] = json.loads(line)
            if answer.pop("number", None) == number:
                return answer
        status = await self.gone
        raise EnvironmentFault(f"the gateway process ended (exit status {status})")

    async def close(self) -> None:
        """Let the child end by itself; kill it if it does not, sooner if it has not answered what it was asked."""
        silent = self._waiting_since is not None and time.monotonic() - self._waiting_since > _SILENT_S
        self.control.close()
        with suppress(ConnectionError):
            self._input.close()
        try:
            await asyncio.wait_for(asyncio.shield(self.gone), _END_SILENT_S if silent else _END_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self.gone
