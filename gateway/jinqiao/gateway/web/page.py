"""What a browser sees at `/`: what runs here, and how to connect. Programs get what they always did.

It names no product and no device: who may see those has credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.platform.platform import Platform

__all__ = ["page_route"]

_SHANGHAI = timezone(timedelta(hours=8))
_HEADERS = {"cache-control": "no-store", "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"}

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="10">
<title>Jinqiao</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem; color: #1b2733; }}
h1 {{ font-size: 1.6rem; margin-bottom: 0; }} h2 {{ font-size: 1.1rem; margin: 2rem 0 .4rem; }}
p {{ margin: .4rem 0; }} .dim {{ color: #66727e; }}
table {{ border-collapse: collapse; }} td {{ padding: .15rem 1.5rem .15rem 0; }} td + td {{ font-weight: 600; }}
pre {{ background: #f2f5f7; padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: .85rem; }}
</style>
</head>
<body>
<h1>金桥 Jinqiao</h1>
<p class="dim">A connected-car IoT sandbox: the topics and cloud calls of a cloud IoT platform, on your machine.</p>
<h2>What runs here</h2>
<table>{rows}</table>
<h2>Listen</h2>
<pre>{listen}</pre>
<p class="dim">User name and password stand in the terminal where this was started, or in its registry file.</p>
<h2>Ask</h2>
<p>Cloud calls: <code>endpoint = {host}</code>, protocol HTTP; the access key is the same user name and password.
MQTT over WebSocket: <code>ws://{host}/mqtt</code></p>
<h2>Look</h2>
<p><a href="/metrics">/metrics</a> figures for Prometheus · <a href="/health">/health</a></p>
<p class="dim">The guide is <code>docs/subscriber.md</code>, every topic <code>docs/topics.md</code>, every call
<code>docs/cloud-calls.md</code>.</p>
</body>
</html>
"""


class _ForPeople(Route):
    """Matches what a browser asks for when somebody types the address; a cloud call has parameters."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        found, child = super().matches(scope)
        if found is Match.FULL and (scope.get("query_string") or not _wants_page(scope)):
            return Match.NONE, {}
        return (found, child) if found is Match.FULL else (Match.NONE, {})


def _wants_page(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"text/html" in headers.get(b"accept", b"") and b"x-acs-action" not in headers


def page_route(platform: Platform, server: Server, mqtt_address: tuple[str, int]) -> Route:
    """`GET /` for a browser; it goes before the route of the cloud calls."""

    async def show(request: Request) -> Response:
        rows = "".join(f"<tr><td>{escape(what)}</td><td>{escape(value)}</td></tr>" for what, value in _rows())
        listen = (
            f"mosquitto_sub -h {mqtt_address[0]} -p {mqtt_address[1]} -u USER -P 'PASSWORD' \\\n"
            "    -t '/sys/+/+/thing/event/property/post'"
        )
        host = request.headers.get("host", "")
        return HTMLResponse(_PAGE.format(rows=rows, listen=escape(listen), host=escape(host)), headers=_HEADERS)

    def _rows() -> Iterator[tuple[str, str]]:
        products = platform.registry.products.values()
        simulated = sum(len(product.devices) for product in products if product.devices.simulated)
        others = sum(len(product.devices) for product in products if not product.devices.simulated)
        if simulated:
            yield "simulated vehicles", f"{simulated:,}"
        if others or not simulated:
            yield "devices", f"{others:,}"
        time_ms = platform.parts.simulated.latest_ms
        if time_ms is not None:
            moment = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(_SHANGHAI)
            yield "simulated time", f"{moment:%a} {moment.isoformat(' ', 'seconds')}"
        stats = server.stats()
        yield "connections", f"{stats['connections']:,}"
        yield "messages received", f"{stats['received_total']:,}"
        yield "delivered to subscribers", f"{stats['delivered']:,}"

    return _ForPeople("/", show, methods=["GET"])
