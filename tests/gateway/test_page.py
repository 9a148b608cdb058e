"""The page that a browser gets at `/`, and that nothing else changes there."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from starlette.applications import Starlette

from jinqiao.base.telemetry import Batch
from jinqiao.gateway.broker.server import Server
from jinqiao.gateway.openapi.app import routes
from jinqiao.gateway.platform.events import TelemetryBatch
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.web.page import page_route
from jinqiao.gateway.web.port import HttpPort
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import signed_query
from support.telemetry import batch, crossed

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
VIN = "LBV00000000000001"
TIME_MS = 1_795_388_461_000


@asynccontextmanager
async def served(world: CloudWorld) -> AsyncIterator[str]:
    page = page_route(world.platform, Server(world.platform), ("127.0.0.1", 1883))
    port = HttpPort("127.0.0.1", 0)
    port.serve(lambda: Starlette(routes=[page, *routes(world.cloud)]))
    try:
        yield f"http://127.0.0.1:{port.port}"
    finally:
        await port.close()


async def fetch(url: str, accept: str, data: bytes | None = None) -> tuple[int, str, str]:
    def ask() -> tuple[int, str, str]:
        request = urllib.request.Request(url, data=data, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers["content-type"], answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers["content-type"], error.read().decode()

    return await asyncio.to_thread(ask)


@pytest.mark.asyncio
async def test_a_browser_reads_what_runs_and_how_to_connect_and_no_secret() -> None:
    world = CloudWorld()
    product = simulated_product("a1fleet0000", np.array([VIN.encode()]), fleet_secret="s")
    world.platform.registry.products[product.key] = product
    said = batch(1)
    at = Batch.at(TIME_MS, said.group, said.vehicles, said.signals)
    world.platform.events.emit(TelemetryBatch, product.key, crossed(at))
    async with served(world) as url:
        status, kind, text = await fetch(f"{url}/", BROWSER)
    assert (status, kind) == (200, "text/html; charset=utf-8")
    assert "simulated vehicles</td><td>1<" in text
    assert "Mon 2026-11-23 07:01:01+08:00" in text
    assert "mosquitto_sub -h 127.0.0.1 -p 1883" in text
    assert url.removeprefix("http://") in text
    registry = world.platform.registry
    secrets = [application.password for application in registry.applications.values()]
    secrets += [key.secret for key in registry.access_keys.values()]
    assert secrets
    hidden = [*secrets, PK, DN, world.device().secret, VIN, "a1fleet0000"]
    assert not [word for word in hidden if word in text]


@pytest.mark.asyncio
async def test_cloud_calls_at_the_same_address_are_what_they_were() -> None:
    world = CloudWorld()
    query = signed_query("GetDeviceStatus", {"ProductKey": PK, "DeviceName": DN, "Format": "JSON"})
    async with served(world) as url:
        assert json.loads((await fetch(f"{url}/?{query}", BROWSER, b""))[2])["Data"]["Status"] == "UNACTIVE"
        assert json.loads((await fetch(f"{url}/?{query}", BROWSER))[2])["RequestId"]
        for accept in ("*/*", "application/json", ""):
            assert "MissingAccessKeyId" in (await fetch(f"{url}/", accept))[2]
        assert "MissingAccessKeyId" in (await fetch(f"{url}/", BROWSER, b"a=b"))[2]


@pytest.mark.asyncio
async def test_a_host_of_a_strangers_choosing_is_only_text() -> None:
    def ask(url: str) -> str:
        request = urllib.request.Request(url, headers={"Accept": BROWSER, "Host": "<script>x</script>"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read().decode())

    async with served(CloudWorld()) as url:
        text = await asyncio.to_thread(ask, f"{url}/")
    assert "<script" not in text
