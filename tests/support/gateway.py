"""Broker, platform and HTTP port in a thread, for tests with stock clients."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jinqiao.gateway.broker.limits import Limits
from jinqiao.gateway.config import Ports
from jinqiao.gateway.front import Front
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import Application, Product, Registry
from jinqiao.gateway.web.bounds import HttpBounds
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.alink.signature import client_content, sign

PK, DN, SECRET = "a1carPK0001", "tbox001", "secret0123456789abcdef"
S = f"/sys/{PK}/{DN}"
CLIENT_ID = "c|securemode=3,signmethod=hmacsha256|"
USERNAME = f"{DN}&{PK}"
PASSWORD = sign("hmacsha256", SECRET, client_content("c", DN, PK))


def registry(*, anonymous: bool = False) -> Registry:
    """One product with one device, and one application."""
    product = Product(PK, "T-Box", ev_thing_model(PK), ListedDevices({DN: SECRET}))
    return Registry([product], [Application("app", "pw", frozenset({PK}))], anonymous=anonymous)


class GatewayThread:
    """A gateway on free ports, with a loop of its own."""

    def __init__(
        self,
        platform: Platform,
        ports: Ports,
        limits: Limits | None = None,
        http_bounds: HttpBounds | None = None,
    ) -> None:
        self.platform = platform
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.gateway = Front(platform, limits, http_bounds)
        self.ports: dict[str, int] = self._wait(self.gateway.start(ports))

    def stats(self) -> dict[str, Any]:
        async def ask() -> dict[str, Any]:
            return self.gateway.server.stats()

        found: dict[str, Any] = self._wait(ask())
        return found

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of a GET."""
        status, _, body = self._ask("GET", path, None, {})
        return status, body

    def post(self, path: str, fields: object, **headers: str) -> tuple[int, Any, dict[str, str]]:
        """Status, parsed body and headers of a POST of JSON, or of `fields` as it is if it is text."""
        body = fields if isinstance(fields, str) else json.dumps(fields)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, found, text = self._ask("POST", path, body, {"content-type": "application/json"} | named)
        return status, json.loads(text), found

    def _ask(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["http_port"], timeout=10)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def close(self) -> None:
        self._wait(self.gateway.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(20)


@contextmanager
def running_gateway(
    platform: Platform | None = None,
    ports: Ports | None = None,
    limits: Limits | None = None,
    http_bounds: HttpBounds | None = None,
) -> Iterator[GatewayThread]:
    """A gateway for the length of a `with`; by default one device, one application, an HTTP port."""
    gateway = GatewayThread(platform or Platform(registry()), ports or Ports(mqtt=0, http=0), limits, http_bounds)
    try:
        yield gateway
    finally:
        gateway.close()
