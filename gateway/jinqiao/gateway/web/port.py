"""The HTTP port in the broker's event loop: taken at once, served from the first request on.

Starlette and uvicorn take a quarter of a second and 20 MB: a fleet does not wait for them at its start, and a run that
nobody asks never pays. The socket listens, the kernel keeps the first request, and its coming begins the import.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from jinqiao.base.errors import EnvironmentFault

from ..doors import Door, Doors, Gate, Seat
from .bounds import HttpBounds

if TYPE_CHECKING:
    from starlette.types import ASGIApp

__all__ = ["HttpPort"]

_BACKLOG = 512
_FAREWELL_S = 2.0


class HttpPort:
    """A listening socket and, once somebody knocks, the web server behind it; HTTPS and `wss:` with `tls`."""

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None = None,
        *,
        door: Door | None = None,
        bounds: HttpBounds | None = None,
        turned_away: Callable[[str, str], object] | None = None,
    ) -> None:
        """Take the port (0: any free one); raises EnvironmentFault if it cannot be had."""
        self._tls = tls
        self._bounds = bounds or HttpBounds()
        self._door = door or Doors().door(self._bounds.connections)
        self._turned_away = turned_away or (lambda *_: None)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        except OSError as error:
            raise EnvironmentFault(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        self._socket.setblocking(False)
        self._server: Any = None
        #: The loop while it waits for the first request.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that was taken."""
        return int(self._socket.getsockname()[1])

    def serve(self, make: Callable[[], ASGIApp], *, at_once: bool = False) -> None:
        """Serve what `make` returns; it is called, like all imports, in a thread, when the first request comes, or
        `at_once` where one is sure to come.
        """
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket.fileno(), self._knock, make)
        if at_once:
            self._knock(make)

    def _knock(self, make: Callable[[], ASGIApp]) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
            self._serving = asyncio.create_task(self._serve(make))

    async def _serve(self, make: Callable[[], ASGIApp]) -> None:
        server = self._server = await asyncio.to_thread(_server, make, self._bounds, self._gate)
        await server.serve()

    def _gate(self, protocol: Callable[[Seat], asyncio.Protocol]) -> Gate:
        return Gate(self._socket, self._door, protocol, self._turned_away, self._tls)

    async def close(self) -> None:
        """End all requests and connections."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket.fileno())
            self._loop = None
        serving, self._serving = self._serving, None
        if self._server is not None and serving is not None:
            self._server.should_exit = True
            await asyncio.wait({serving}, timeout=_FAREWELL_S)
        if serving is not None:
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        self._socket.close()


def _server(
    make: Callable[[], ASGIApp], bounds: HttpBounds, gate: Callable[[Callable[[Seat], asyncio.Protocol]], Gate]
) -> Any:
    import uvicorn

    from .protocols import BoundedHttp

    class Server(uvicorn.Server):
        """Signals are the program's business, not the web server's; who may come in is the gate's."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:  # noqa: ARG002 - uvicorn's name
            await self.lifespan.startup()
            self.servers = cast(list[asyncio.Server], [gate(self._protocol)])
            self.started = True

        def _protocol(self, seat: Seat) -> asyncio.Protocol:
            return BoundedHttp(
                seat, bounds, config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

    config = uvicorn.Config(
        make(),
        log_config=None,
        access_log=False,
        lifespan="off",
        http="h11",
        h11_max_incomplete_event_size=bounds.header_bytes,
        timeout_keep_alive=cast(int, bounds.idle_s),
        ws="websockets-sansio",
        ws_max_size=1 << 20,
        ws_ping_interval=None,  # MQTT has its own keep-alive
        ws_per_message_deflate=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    config.load()
    return Server(config)
