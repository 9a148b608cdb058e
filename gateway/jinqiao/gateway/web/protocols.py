"""The web server's protocols with bounds in time: uvicorn waits for a header, a body or a reader for ever.

Imported where uvicorn is: with the first request.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..doors import Seat
from .bounds import HttpBounds

__all__ = ["SOCKET", "BoundedHttp", "BoundedWebSocket", "cannot_be_a_request"]

#: Name of the extension in a WebSocket's scope under which its `BoundedWebSocket` is found.
SOCKET = "jinqiao.socket"


#: A request line (RFC 9112 § 3), and what one may begin with; methods of more than 20 characters there are none.
_METHOD = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}"
_LINE = re.compile(_METHOD + rb" [\x21-\x7e\x80-\xff]+ HTTP/[0-9]\.[0-9]\r?")
_BEGUN = re.compile(_METHOD + rb"(?: |$)")


def cannot_be_a_request(begun: bytes) -> bool:
    """Whether nothing that follows these bytes makes a request of them; h11 says so at the end of the header only."""
    line, ended, _ = begun.partition(b"\n")
    return bool(begun) and (_LINE.fullmatch(line) if ended else _BEGUN.match(line)) is None


class BoundedHttp(H11Protocol):
    """One HTTP connection: its seat, and a deadline for what the peer owes: a header, a body, or to read."""

    def __init__(self, seat: Seat, bounds: HttpBounds, **options: Any) -> None:
        super().__init__(**options)
        self._seat, self._bounds = seat, bounds
        self._owed = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._owe("header")

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._owe("")
        self._all_taken()
        self.ws_protocol_class = partial(BoundedWebSocket, self._seat)  # type: ignore[assignment]
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._unread is None:
            self._wait_for_reader()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._all_taken()

    def connection_lost(self, exc: Exception | None) -> None:
        self._owe("")
        self._all_taken()
        super().connection_lost(exc)
        self._seat.leave()

    def _look(self) -> None:
        """What does the peer owe now? Between two requests uvicorn counts the time itself."""
        state = self.conn.their_state
        if self.transport.get_protocol() is not self:
            return  # it is a WebSocket
        if state is h11.IDLE:
            if cannot_be_a_request(self.conn.trailing_data[0]) and not self.transport.is_closing():
                self.send_400_response("Invalid HTTP request received.")
                return
            begun = self._owed == "header" or bool(self.conn.trailing_data[0])
            self._owe("header" if begun else "")
        else:
            self._owe("body" if state is h11.SEND_BODY else "")

    def _owe(self, what: str) -> None:
        """The time for the same debt goes on, however it dribbles in."""
        if what == self._owed:
            return
        self._owed = what
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if what:
            within_s = self._bounds.header_s if what == "header" else self._bounds.body_s
            self._deadline = self.loop.call_later(within_s, self.transport.abort)

    def _wait_for_reader(self) -> None:
        """A slow one may take as long as it likes for a long response, as long as it takes something."""
        self._unread = self.loop.call_later(
            self._bounds.unread_s, self._check_reader, self.transport.get_write_buffer_size()
        )

    def _check_reader(self, before: int) -> None:
        if self.transport.get_write_buffer_size() < before:
            self._wait_for_reader()
        else:
            self.transport.abort()

    def _all_taken(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """One WebSocket: its seat, and a way to end it at once."""

    def __init__(self, seat: Seat, **options: Any) -> None:
        super().__init__(**options)
        self.seat = seat

    async def run_asgi(self) -> None:
        cast(dict[str, Any], self.scope)["extensions"][SOCKET] = self
        await super().run_asgi()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.seat.leave()

    def abort(self) -> None:
        """End at once, whatever has not been read."""
        self.transport.abort()
