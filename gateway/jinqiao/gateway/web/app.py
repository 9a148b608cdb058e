"""What is served on the HTTP port, by path."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from jinqiao.gateway.broker.server import Server

from .metrics import Metrics
from .websocket import serve_websocket

__all__ = ["application"]


def application(server: Server, others: Iterable[BaseRoute]) -> Starlette:
    """The web application of a running broker: its figures, MQTT over WebSocket, and what others serve on this port."""
    metrics = Metrics(server)

    async def show_metrics(request: Request) -> Response:
        body, content_type = metrics.render(request.headers.get("accept", ""))
        return Response(body, headers={"content-type": content_type})

    async def show_health(_: Request) -> Response:
        return JSONResponse({"status": "ok", "connections": server.counters.connections})

    async def mqtt(websocket: WebSocket) -> None:
        await serve_websocket(websocket, server)

    routes: list[BaseRoute] = [
        Route("/metrics", show_metrics),
        Route("/health", show_health),
        WebSocketRoute("/mqtt", mqtt),
        *others,
    ]
    return Starlette(routes=routes)
