"""Routes for callers on this machine only: what they answer is not for a network.

A proxy on this machine that says whom it speaks for (`X-Forwarded-For`) is believed, and nobody else.
"""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from .origin import is_here

__all__ = ["for_this_machine"]

_WHY = "this path answers callers on this machine only; start with --http-host to open it to the network"


def for_this_machine(route: Route) -> Route:
    """The same route, with 403 for everybody from elsewhere."""
    inner: ASGIApp = route.app

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        app = inner if client is not None and is_here(str(client[0])) else JSONResponse({"error": _WHY}, 403)
        await app(scope, receive, send)

    route.app = guarded
    return route
