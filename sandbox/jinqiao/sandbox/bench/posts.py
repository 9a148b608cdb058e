"""`jinqiao bench posts`: property posts of foreign devices through `jinqiao serve`, each checked and replied to.

Devices that are not the sandbox's own log in over sockets, post ten properties at QoS 0 and wait for their `post_reply`
before they post again; every reply is matched with its post. The server is `jinqiao serve` as a user starts it, with
permissions and rates. No peer does this work, so the figure stands beside its own parts: the platform without broker
and sockets.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import raise_file_limit
from jinqiao.device.links.login import device_login
from jinqiao.gateway.broker.policy import Login
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.wire.alink.signature import client_content, sign

from .brokers import Broker
from .machine import machine
from .post_device import PostDevice

__all__ = ["FORMS", "bench_posts", "post"]

_PRODUCT = "a1BenchPost"
_START_S, _LOGIN_S, _REST_S = 60.0, 60.0, 10.0
#: Logins begun at once: more than the backlog of a listening socket would be refused.
_OPENING = 64

_VALUES: dict[str, float] = {
    "VehicleState": 1,
    "VehicleSpeed": 42.5,
    "Odometer": 12345.678,
    "GearPosition": 3,
    "StateOfCharge": 55.3,
    "RemainingRange": 231.4,
    "Heading": 271.5,
    "battery:PackVoltage": 356.2,
    "battery:PackCurrent": 33.4,
    "body:Locked": 1,
}
#: Both forms of a value that devices send.
FORMS = ("bare", "timed")


async def bench_posts(connections: int, seconds: float) -> dict[str, Any]:
    """The figures of both forms; raises EnvironmentFault when the server does not start or does not answer."""
    raise_file_limit()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.yaml"
        registry.write_text(_registry(connections), encoding="utf-8")
        known = load_registry(registry)
        async with _served(registry) as server:
            devices = await _logged_in(server.port, known, connections)
            through = {form: await _measure(server, devices, form, seconds) for form in FORMS}
            for device in devices:
                device.close()
    for form in FORMS:
        through[form]["platform_alone_us"] = _alone(known, form)
    return {"connections": connections, "properties": len(_VALUES), **through, "machine": machine()}


def post(form: str, number: int, now_ms: int) -> bytes:
    """A property post; `number` is its id, of eight digits."""
    params = {name: {"value": value, "time": now_ms} if form == "timed" else value for name, value in _VALUES.items()}
    body = {"id": f"{number:08d}", "version": "1.0", "params": params, "method": "thing.event.property.post"}
    return orjson.dumps(body)


def _registry(devices: int) -> str:
    rows = "".join(f"      - {{device_name: bench{n:05d}, device_secret: bench{n:05d}}}\n" for n in range(devices))
    return f"products:\n  - product_key: {_PRODUCT}\n    name: Benchmark\n    devices:\n{rows}"


@asynccontextmanager
async def _served(registry: Path) -> AsyncIterator[Broker]:
    arguments = [
        "-m",
        "jinqiao.sandbox.entry",
        "serve",
        "--registry",
        str(registry),
        "--mqtt-port",
        "0",
        "--http-port",
        "0",
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        with suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        if not line:
            raise EnvironmentFault("`jinqiao serve` did not start")
        yield Broker("jinqiao", int(json.loads(line)["ready"]["mqtt_port"]), process.pid)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _logged_in(port: int, registry: Registry, connections: int) -> list[PostDevice]:
    at_once = asyncio.Semaphore(_OPENING)

    async def one(number: int) -> PostDevice:
        device = registry.device(_PRODUCT, f"bench{number:05d}")
        assert device is not None
        topic = f"/sys/{device.identity}/thing/event/property/post"
        async with at_once:
            login = device_login(_PRODUCT, device.name, device.secret, pushed=True)
            return await PostDevice.connect(port, login, topic)

    try:
        return await asyncio.wait_for(asyncio.gather(*map(one, range(connections))), _LOGIN_S)
    except (OSError, TimeoutError) as error:
        raise EnvironmentFault(f"the benchmark's devices could not log in: {error}") from error


async def _measure(server: Broker, devices: list[PostDevice], form: str, seconds: float) -> dict[str, Any]:
    template = post(form, 0, time.time_ns() // 1_000_000)
    cpu_s, own_s, began = server.cpu_s(), time.process_time(), time.perf_counter()
    for device in devices:
        device.start(template)
    await asyncio.sleep(seconds)
    for device in devices:
        device.finish()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(device.rested() for device in devices)), _REST_S)
    took_s = time.perf_counter() - began
    spent_s, own_s = server.cpu_s() - cpu_s, time.process_time() - own_s
    replied = sum(device.replied for device in devices)
    sent = sum(device.sent for device in devices)
    if not replied:
        why = next((device.complaint.decode("utf-8", "replace") for device in devices if device.complaint), "no reply")
        raise EnvironmentFault(f"no post was accepted: {why}")
    return {
        "payload_bytes": len(template),
        "sent": sent,
        "replied": replied,
        "refused": sum(device.refused for device in devices),
        "posts_per_s": round(replied / took_s),
        "posts_per_cpu_s": round(replied / spent_s) if spent_s else None,
        "server_us_per_post": round(spent_s / replied * 1e6, 1),
        "client_us_per_post": round(own_s / replied * 1e6, 1),
    }


def _alone(registry: Registry, form: str, rounds: int = 20_000) -> float:
    """Processor time of one post in the platform: read, checked, remembered, replied to; no broker, no sockets; µs."""
    platform = Platform(registry, rates="none")
    device = registry.device(_PRODUCT, "bench00000")
    assert device is not None
    password = sign("hmacsha256", device.secret, client_content("c", device.name, _PRODUCT))
    login = Login("c|signmethod=hmacsha256|", f"{device.name}&{_PRODUCT}", password.encode(), 4, True, 300)
    principal = platform.authenticate(login)
    platform.connected(principal)
    topic, payload = f"/sys/{device.identity}/thing/event/property/post", post(form, 1, platform.parts.now_ms())
    began = time.process_time()
    for _ in range(rounds):
        tuple(platform.receive(principal, topic, payload))
    return round((time.process_time() - began) / rounds * 1e6, 1)
