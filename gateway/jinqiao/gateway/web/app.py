"""What is served on the HTTP port, by path."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.controlled import PREFIX

from .local import for_this_machine
from .metrics import Metrics
from .websocket import serve_websocket

__all__ = ["application"]

#: Clients of the platform name no path, some of them end it with a slash.
_WEBSOCKETS = ("/mqtt", "/mqtt/", "/")


def application(
    server: Server,
    others: Iterable[BaseRoute],
    trusting: Iterable[Route] = (),
    collectors: Iterable[Collector] = (),
    *,
    calls: ASGIApp | None = None,
    control: ASGIApp | None = None,
    open_to_all: bool = False,
) -> ASGIApp:
    """The web application of a running broker: its figures, MQTT over WebSocket, and what others serve on this port.

    `collectors` have figures beside the broker's. `trusting` routes and all figures trust every caller; they answer
    this machine only, unless they are `open_to_all`.
    `calls` answers `POST /`, before any routing, and `control` what is below `/control`.
    """
    metrics = Metrics(server, collectors)

    async def show_metrics(request: Request) -> Response:
        body, content_type = metrics.render(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def show_health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "connections": server.counters.connections})

    async def mqtt(websocket: WebSocket) -> None:
        await serve_websocket(websocket, server)

    routes: list[BaseRoute] = [
        *(each if open_to_all else for_this_machine(each) for each in (Route("/metrics", show_metrics), *trusting)),
        Route("/health", show_health),
        *(WebSocketRoute(path, mqtt) for path in _WEBSOCKETS),
        *others,
    ]
    return _before(calls, control, Starlette(routes=routes))


def _before(calls: ASGIApp | None, control: ASGIApp | None, routed: ASGIApp) -> ASGIApp:
    async def begin(scope: Scope, receive: Receive, send: Send) -> None:
        app = routed
        if scope["type"] == "http":
            path = scope["path"]
            if calls is not None and path == "/" and scope["method"] == "POST":
                app = calls
            elif control is not None and (path == PREFIX or path.startswith(f"{PREFIX}/")):
                app = control
        await app(scope, receive, send)

    return begin
