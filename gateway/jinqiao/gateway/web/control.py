"""The door of `/control`: who may come in, how much at once, and what happens when the client goes.

What is asked is not known here; the request goes, whole, to whoever runs the run, and the answer comes back. A client
that reads slowly or goes away costs its own request and nothing else.
"""

from __future__ import annotations

import asyncio
import hmac

from starlette.types import Receive, Scope, Send

from ..controlled import PREFIX, ControlAnswer, Controlled, ControlRequest, refusal
from .bounds import ControlBounds
from .origin import is_here

__all__ = ["ControlDoor"]

#: The one path that asks for no token.
_DESCRIPTION = f"{PREFIX}/openapi.json"


class ControlDoor:
    """The ASGI application of everything below `/control`. It answers this machine only, unless it is `open_to_all`."""

    def __init__(self, run: Controlled, bounds: ControlBounds | None = None, *, open_to_all: bool = False) -> None:
        self._run, self._open_to_all = run, open_to_all
        self._bounds = bounds or ControlBounds()
        self._token = run.token.encode()
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        refused = self._refused(scope)
        if refused is not None:
            await _send(refused, send)
            return
        self._under_way += 1
        try:
            answer = await self._answer(scope, receive)
            if answer is not None:
                await _send(answer, send)
        finally:
            self._under_way -= 1

    def _refused(self, scope: Scope) -> ControlAnswer | None:
        """The answer to whom nothing of the request is read."""
        client = scope.get("client")
        if not self._open_to_all and (client is None or not is_here(str(client[0]))):
            why = "a caller on this machine; start with --http-host to open it to the network"
            return refusal(403, "", None if client is None else str(client[0]), why)
        if scope["path"] != _DESCRIPTION and not self._shows_token(scope):
            return refusal(401, "", None, "a header Authorization: Bearer TOKEN, with the run's control token")
        if self._under_way >= self._bounds.at_once:
            return refusal(503, "", self._under_way, f"at most {self._bounds.at_once} requests at once")
        return None

    def _shows_token(self, scope: Scope) -> bool:
        """Compared in constant time, whatever was sent."""
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, token = sent.partition(b" ")
        return hmac.compare_digest(token.strip(), self._token) and scheme.lower() == b"bearer"

    async def _answer(self, scope: Scope, receive: Receive) -> ControlAnswer | None:
        """None when the client has gone."""
        body, more, most = bytearray(), True, self._bounds.body_bytes
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > most:
                return refusal(413, "", f"more than {most} bytes", f"a body of at most {most} bytes")
        request = ControlRequest(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), bytes(body))
        answer = asyncio.ensure_future(self._run.carry(request))
        gone = asyncio.ensure_future(receive())  # what comes after the whole body is that the client has gone
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            answer.cancel()
            gone.cancel()


async def _send(answer: ControlAnswer, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if answer.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if answer.allow:
        headers.append((b"allow", answer.allow.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
