"""MQTT over WebSocket on `/mqtt` and `/`, for browsers (MQTT 3.1.1 § 6, MQTT 5 § 6): a transport like a socket's.

Binary frames only [MQTT-6.0.0-1]; packets need not respect frame borders [MQTT-6.0.0-2]; the subprotocol is `mqtt`
[MQTT-6.0.0-3, 4], or `mqttv3.1` as clients of that version say.
"""

from __future__ import annotations

import asyncio
from typing import cast

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from jinqiao.gateway.broker.connection import Connection
from jinqiao.gateway.broker.server import Server

from ..doors import NoSeat
from .origin import is_foreign
from .protocols import SOCKET, BoundedWebSocket

__all__ = ["serve_websocket"]

_SUBPROTOCOLS = ("mqtt", "mqttv3.1")
#: Close codes of RFC 6455 § 7.4.1.
_NORMAL, _PROTOCOL_ERROR, _NO_TEXT = 1000, 1002, 1003
#: Time for a close frame to be taken.
_FAREWELL_S = 1.0


async def serve_websocket(websocket: WebSocket, server: Server) -> None:
    """Serve one browser until either side ends."""
    offered = websocket.scope.get("subprotocols", ())
    chosen = next((name for name in _SUBPROTOCOLS if name in offered), None)
    carrier: BoundedWebSocket | None = websocket.scope.get("extensions", {}).get(SOCKET)
    if chosen is None or not _has_room(carrier, server):
        await websocket.close(_PROTOCOL_ERROR)
        return
    await websocket.accept(subprotocol=chosen)
    transport = _Transport(websocket)
    connection = transport.connection = server.connection(
        carrier.seat if carrier is not None else None, foreign=is_foreign(websocket.headers)
    )
    connection.connection_made(cast(asyncio.Transport, transport))
    tasks = [asyncio.create_task(work()) for work in (transport.write_out, transport.read_in, transport.aborted.wait)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        connection.connection_lost(None)
        if websocket.application_state is WebSocketState.CONNECTED:
            said = not transport.aborted.is_set() and await _say_goodbye(websocket, transport.close_code)
            if not said and carrier is not None:
                carrier.abort()


def _has_room(carrier: BoundedWebSocket | None, server: Server) -> bool:
    """A WebSocket has come in by the door of HTTP, and stays as one of the broker's connections."""
    if carrier is None:
        return True
    try:
        carrier.seat.move(server.door)
    except NoSeat as reason:
        server.turned_away(str(reason), "{}:{}".format(*(carrier.client or ("unknown", 0))))
        return False
    return True


async def _say_goodbye(websocket: WebSocket, code: int) -> bool:
    """Whether the other side could be notified: one that does not read cannot."""
    try:
        await asyncio.wait_for(websocket.close(code), _FAREWELL_S)
    except (RuntimeError, OSError, WebSocketDisconnect):  # the other side was faster, or does not read
        return False
    return True


class _Transport:
    """What a `Connection` uses of an asyncio transport, on a WebSocket. `write_out` and `read_in` run as tasks."""

    def __init__(self, websocket: WebSocket) -> None:
        self.connection: Connection | None = None
        self.close_code = _NORMAL
        self._websocket = websocket
        self._pending: list[bytes] = []
        self._size = 0
        self._high = 64 * 1024
        self._paused = self._closing = False
        self._something_to_do = asyncio.Event()
        #: It ends at once, whatever is still to be sent.
        self.aborted = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()

    async def read_in(self) -> None:
        """Hand over what comes, until the end."""
        assert self.connection is not None
        while True:
            await self._may_read.wait()
            message = await self._websocket.receive()
            if message["type"] != "websocket.receive":
                return
            data = message.get("bytes")
            if data is None:
                self.close_code = _NO_TEXT
                return
            if not self._closing:
                self.connection.data_received(data)

    async def write_out(self) -> None:
        """Send what is pending, all of it in one frame, until closed and empty."""
        while True:
            await self._something_to_do.wait()
            self._something_to_do.clear()
            if self._pending:
                data = b"".join(self._pending)
                self._pending.clear()
                try:
                    await self._websocket.send_bytes(data)
                except (WebSocketDisconnect, RuntimeError, OSError):
                    return
                self._size -= len(data)
                self._resume()
            if self._closing and not self._pending:
                return

    def _resume(self) -> None:
        if self._paused and self._size * 4 <= self._high and self.connection is not None:
            self._paused = False
            self.connection.resume_writing()

    # As asyncio.Transport.

    def write(self, data: bytes) -> None:
        self._pending.append(data)
        self._size += len(data)
        self._something_to_do.set()
        if self._size > self._high and not self._paused and self.connection is not None:
            self._paused = True
            self.connection.pause_writing()

    def writelines(self, data: list[bytes]) -> None:
        self.write(b"".join(data))

    def get_write_buffer_size(self) -> int:
        return self._size

    def set_write_buffer_limits(self, high: int) -> None:
        self._high = high

    def get_extra_info(self, name: str, default: object = None) -> object:
        client = self._websocket.client
        return (client.host, client.port) if name == "peername" and client is not None else default

    def can_write_eof(self) -> bool:
        return False

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True
        self._may_read.set()
        self._something_to_do.set()

    def abort(self) -> None:
        self._pending.clear()
        self.close()
        self.aborted.set()

    def pause_reading(self) -> None:
        self._may_read.clear()

    def resume_reading(self) -> None:
        self._may_read.set()
