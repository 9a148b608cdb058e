"""The cloud side over HTTP: waiting for a device, large bodies, files by range."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.broker.policy import Downlink
from jinqiao.gateway.openapi.app import routes
from jinqiao.gateway.openapi.downloads import download
from jinqiao.gateway.web.port import HttpPort
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import Caller

WHO = {"ProductKey": PK, "DeviceName": DN}
PING = {"RequestBase64Byte": base64.b64encode(b"ping").decode(), "Timeout": 1000}


@asynccontextmanager
async def served(world: CloudWorld) -> AsyncIterator[int]:
    port = HttpPort("127.0.0.1", 0)
    port.serve(lambda: Starlette(routes=routes(world.cloud)))
    try:
        yield port.port
    finally:
        await port.close()


async def fetch(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    def ask() -> tuple[int, bytes, dict[str, str]]:
        request = urllib.request.Request(url, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read(), dict(error.headers)

    return await asyncio.to_thread(ask)


def answering(world: CloudWorld, delay_s: float) -> Callable[[Downlink], None]:
    """A device that answers remote calls after a while."""
    device = world.connect()
    loop = asyncio.get_running_loop()

    def send(downlink: Downlink) -> None:
        topic = downlink.topic.replace("/request/", "/response/")
        loop.call_later(delay_s, world.say, device, topic, downlink.payload + b", pong")

    return send


@pytest.mark.asyncio
@pytest.mark.parametrize("delay_s", [0.0, 0.1])
async def test_a_call_waits_for_the_device(delay_s: float) -> None:
    world = CloudWorld()
    world.carrier.published = answering(world, delay_s)
    async with served(world) as port:
        calls = (asyncio.to_thread(Caller(port), "RRpc", **WHO, **PING) for _ in range(5))
        answers = await asyncio.gather(*calls)
    assert [base64.b64decode(answer["PayloadBase64Byte"]) for answer in answers] == [b"ping, pong"] * 5
    assert len({answer["MessageId"] for answer in answers}) == 5
    assert len(world.platform.parts.calls) == 0


@pytest.mark.long
@pytest.mark.asyncio
async def test_an_answer_that_does_not_come_is_a_timeout_and_one_too_late_is_nothing() -> None:
    world = CloudWorld()
    world.carrier.published = answering(world, 1.3)
    async with served(world) as port:
        answer: dict[str, Any] = await asyncio.to_thread(Caller(port), "RRpc", **WHO, **PING)
        await asyncio.sleep(0.4)
    assert (answer["Success"], answer["RrpcCode"]) == (True, "TIMEOUT")
    assert len(world.platform.parts.calls) == 0


@pytest.mark.asyncio
async def test_a_large_body_is_refused() -> None:
    async with served(CloudWorld()) as port:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, body, _ = await fetch(f"http://127.0.0.1:{port}/?Format=JSON", b"a" * (3 << 20), **form)
    assert (status, json.loads(body)["Code"]) == (413, "RequestTooLarge")


@pytest.mark.asyncio
async def test_files_are_served_whole_and_by_range() -> None:
    world = CloudWorld()
    path = world.platform.parts.downloads.offer(b"0123456789", "f.bin")
    async with served(world) as port:
        url = f"http://127.0.0.1:{port}"
        status, body, headers = await fetch(url + path)
        assert (status, body, headers["accept-ranges"]) == (200, b"0123456789", "bytes")
        status, body, headers = await fetch(url + path, Range="bytes=2-4")
        assert (status, body, headers["content-range"]) == (206, b"234", "bytes 2-4/10")
        assert (await fetch(url + "/download/none/x"))[0] == 404


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-0", 206, b"0"),
        ("bytes=7-", 206, b"789"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-30", 206, b"0123456789"),
        ("bytes=8-100", 206, b"89"),
        ("bytes=10-", 416, b""),
        ("bytes=5-4", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
    ],
)
def test_ranges(asked: str, status: int, body: bytes) -> None:
    response = download(b"0123456789", asked)
    assert (response.status, response.body) == (status, body)


@pytest.mark.asyncio
async def test_a_taken_port_is_told() -> None:
    async with served(CloudWorld()) as port:
        with pytest.raises(EnvironmentFault, match=f"cannot listen on 127.0.0.1 port {port}"):
            HttpPort("127.0.0.1", port)
