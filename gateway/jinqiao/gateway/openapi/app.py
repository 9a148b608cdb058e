"""The cloud side as routes for a web application: from HTTP to values and back, and the wait for a device.

What is called most, `POST /`, is a plain ASGI application, `CloudCalls`: routing, and the web framework's request and
response, would take a third of a call's time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .channel import AUTH, TOPIC, DeviceChannel
from .cloud import Cloud
from .downloads import download
from .http import MAX_BODY, UNSIGNED_BYTES, Request, Response, Waiting
from .registration import PATHS

__all__ = ["CloudCalls", "routes"]


class CloudCalls:
    """Answers the requests of one path of the cloud side."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._judging = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        try:
            request = await _read(scope, receive)
        except ClientDisconnect:
            return
        result = await self._large(request) if len(request.body) > UNSIGNED_BYTES else self._cloud.dispatch(request)
        await _send(await _wait(result) if isinstance(result, Waiting) else result, send)

    async def _large(self, request: Request) -> Response | Waiting:
        cloud = self._cloud
        if request.path in PATHS:
            return cloud.dispatch(request)
        async with self._judging:  # one after the other: who is not known cannot keep more than one thread busy
            judged = await asyncio.to_thread(cloud.judge, request)
            if cloud.may_have_changed(judged):
                judged = await asyncio.to_thread(cloud.judge, request)
        return cloud.act(judged)


def routes(cloud: Cloud, calls: CloudCalls | None = None) -> list[Route]:
    """The paths of the cloud side; `calls` are those of `cloud`, where somebody else has them, too."""
    calls = calls or CloudCalls(cloud)
    channel = DeviceChannel(cloud.platform)

    async def authenticate(request: HttpRequest) -> HttpResponse:
        return _http(channel.authenticate(await _read(request.scope, request.receive)))

    async def publish(request: HttpRequest) -> HttpResponse:
        return _http(channel.publish(await _read(request.scope, request.receive)))

    def file(request: HttpRequest) -> HttpResponse:
        content = cloud.platform.parts.downloads.get(request.url.path)
        return _http(download(content, request.headers.get("range", "")))

    answers = [Route(path, calls, methods=["GET", "POST"]) for path in ("/", *sorted(PATHS))]
    devices = [
        Route(AUTH, authenticate, methods=["POST"]),
        Route(f"{TOPIC}/{{topic:path}}", publish, methods=["POST"]),
    ]
    return [*answers, *devices, Route("/download/{path:path}", file)]


def _http(result: Response) -> HttpResponse:
    return HttpResponse(result.body, result.status, headers={**result.headers, "content-type": result.content_type})


async def _read(scope: Scope, receive: Receive) -> Request:
    """The request as a value; a body that is too large is read no further than to know it.

    Raises ClientDisconnect when the rest of a body does not come.
    """
    body, more = bytearray(), True  # in place: a stranger may send it octet by octet
    while more and len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, bytes(body))


async def _send(result: Response, send: Send) -> None:
    headers = {**result.headers, "content-type": result.content_type, "content-length": str(len(result.body))}
    named = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": result.status, "headers": named})
    await send({"type": "http.response.body", "body": result.body})


async def _wait(waiting: Waiting) -> Response:
    """Wait for the device, at most as long as it may take."""
    answered = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        waiting.call.when_answered(lambda: loop.call_soon_threadsafe(answered.set))  # perhaps by another thread
        with suppress(TimeoutError):
            await asyncio.wait_for(answered.wait(), waiting.timeout_s)
        return waiting.finish()
    finally:
        waiting.close()
