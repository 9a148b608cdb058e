"""The cloud side as routes for a web application: from HTTP to values and back, and the wait for a device."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.requests import Request as HttpRequest
from starlette.responses import Response as HttpResponse
from starlette.routing import Route

from .channel import AUTH, TOPIC, DeviceChannel
from .cloud import Cloud
from .downloads import download
from .http import MAX_BODY, UNSIGNED_BYTES, Request, Response, Waiting
from .registration import PATHS

__all__ = ["routes"]


def routes(cloud: Cloud) -> list[Route]:
    """The paths of the cloud side."""
    judging = asyncio.Lock()

    async def answer(request: HttpRequest) -> HttpResponse:
        value = await _read(request)
        if len(value.body) > UNSIGNED_BYTES and value.path not in PATHS:
            async with judging:  # one after the other: who is not known cannot keep more than one thread busy
                judged = await asyncio.to_thread(cloud.judge, value)
                if cloud.may_have_changed(judged):
                    judged = await asyncio.to_thread(cloud.judge, value)
            result = cloud.act(judged)
        else:
            result = cloud.dispatch(value)
        if isinstance(result, Waiting):
            result = await _wait(result)
        return _http(result)

    channel = DeviceChannel(cloud.platform)

    async def authenticate(request: HttpRequest) -> HttpResponse:
        return _http(channel.authenticate(await _read(request)))

    async def publish(request: HttpRequest) -> HttpResponse:
        return _http(channel.publish(await _read(request)))

    def file(request: HttpRequest) -> HttpResponse:
        content = cloud.platform.parts.downloads.get(request.url.path)
        return _http(download(content, request.headers.get("range", "")))

    answers = [Route(path, answer, methods=["GET", "POST"]) for path in ("/", *sorted(PATHS))]
    devices = [
        Route(AUTH, authenticate, methods=["POST"]),
        Route(f"{TOPIC}/{{topic:path}}", publish, methods=["POST"]),
    ]
    return [*answers, *devices, Route("/download/{path:path}", file)]


def _http(result: Response) -> HttpResponse:
    return HttpResponse(result.body, result.status, headers={**result.headers, "content-type": result.content_type})


async def _read(request: HttpRequest) -> Request:
    """The request as a value; a body that is too large is read no further than to know it."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            break
    query = request.scope.get("query_string", b"").decode("latin-1")
    headers = {name.lower(): value for name, value in request.headers.items()}
    return Request(request.method, request.url.path, query, headers, bytes(body))


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
