"""`jinqiao bench openapi`: what a cloud call costs the platform, and how soon it is answered beside a fleet.

SetDeviceProperty to devices that are online at `jinqiao serve`, as fast as it is answered: with both signatures on
connections that are kept, and with a connection for each call. Then a run of simulated cars that post once a second,
and calls at a steady rate. The caller is a process of its own that signs its calls beforehand. The platform itself
publishes no figure for this, so the calls stand beside what the process is capable of without them: the operation
alone, without HTTP and signature.
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

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import raise_file_limit
from jinqiao.device.links.login import device_login
from jinqiao.gateway.broker.policy import Login
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.file import load_registry
from jinqiao.gateway.platform.registry.registry import Registry
from jinqiao.wire.alink.signature import client_content, sign

from ..product import PRODUCT_KEY
from ..run.console import NoTable
from ..run.options import RunOptions
from ..run.running import Running
from ..run.session import run
from ..run.summary import percentiles
from .brokers import Broker
from .fleet_file import fleet_file
from .machine import machine
from .set_device import SetDevice

__all__ = ["bench_openapi"]

_PRODUCT = "a1BenchCall"
_KEY = ("benchKeyId", "benchKeySecret")
#: A device takes 50 messages a second.
_DEVICES = 400
_CONNECTIONS = 8
_START_S, _LOGIN_S = 60.0, 60.0
#: Signature and connections of each flood.
_FLOODS = {"rpc": ("rpc", _CONNECTIONS), "acs3": ("acs3", _CONNECTIONS), "rpc_connecting": ("rpc", 0)}
#: How often an operation is done for its time.
_ROUNDS = 20_000
#: Calls before anything is measured: with the first one the web server is imported.
_WARM = {"calls": 100, "connections": 1, "per_s": 100}


async def bench_openapi(vehicles: int, calls: int, per_s: int, seconds: float) -> dict[str, Any]:
    """The figures of all floods and of the steady rate; raises EnvironmentFault when a process of it fails."""
    raise_file_limit()
    with tempfile.TemporaryDirectory() as folder:
        registry = Path(folder) / "registry.yaml"
        registry.write_text(_registry(), encoding="utf-8")
        floods = await _floods(registry, calls)
        alone_us = _alone(load_registry(registry))
        steady = await _steady(Path(folder), vehicles, per_s, seconds)
    return {
        "devices": _DEVICES,
        "connections": _CONNECTIONS,
        "flat_out": floods,
        "operation_alone_us": alone_us,
        "beside_vehicles": steady,
        "machine": machine(),
    }


def _registry() -> str:
    rows = "".join(f"      - {{device_name: bench{n:05d}, device_secret: bench{n:05d}}}\n" for n in range(_DEVICES))
    keys = f"access_keys:\n  - {{id: {_KEY[0]}, secret: {_KEY[1]}}}\n"
    return f"products:\n  - product_key: {_PRODUCT}\n    name: Benchmark\n    devices:\n{rows}{keys}"


async def _floods(registry: Path, calls: int) -> dict[str, Any]:
    async with _served(registry) as (server, http_port):
        devices = await _online(server.port, load_registry(registry))
        found = {}
        asked = {
            "http_port": http_port,
            "user": _KEY[0],
            "password": _KEY[1],
            "product_key": _PRODUCT,
            "devices": [f"bench{n:05d}" for n in range(_DEVICES)],
            "signature": "rpc",
        }
        await _called(asked | _WARM)
        for name, (signature, connections) in _FLOODS.items():
            before, cpu_s = sum(device.received for device in devices), server.cpu_s()
            flat_out = {"calls": calls, "signature": signature, "connections": connections, "per_s": 0}
            took = await _called(asked | flat_out)
            spent_s = server.cpu_s() - cpu_s
            found[name] = {
                "calls": calls,
                "delivered": sum(device.received for device in devices) - before,
                "calls_per_s": round(calls / took["took_s"]),
                "calls_per_cpu_s": round(calls / spent_s) if spent_s else None,
                "server_us_per_call": round(spent_s / calls * 1e6, 1),
                "client_us_per_call": round(took["cpu_s"] / calls * 1e6, 1),
                "ms": percentiles(took["ms"]),
            }
        for device in devices:
            device.close()
    return found


@asynccontextmanager
async def _served(registry: Path) -> AsyncIterator[tuple[Broker, int]]:
    program = ["-m", "jinqiao.sandbox.entry", "serve", "--registry", str(registry)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *("--mqtt-port", "0", "--http-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    line = b""
    try:
        with suppress(TimeoutError):
            line = await asyncio.wait_for(process.stdout.readline(), _START_S)
        if not line:
            raise EnvironmentFault("`jinqiao serve` did not start")
        ready = json.loads(line)["ready"]
        yield Broker("jinqiao", int(ready["mqtt_port"]), process.pid), int(ready["http_port"])
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _online(port: int, registry: Registry) -> list[SetDevice]:
    async def one(number: int) -> SetDevice:
        device = registry.device(_PRODUCT, f"bench{number:05d}")
        assert device is not None
        login = device_login(_PRODUCT, device.name, device.secret, pushed=True)
        found = await SetDevice.connect(port, login, "")
        assert isinstance(found, SetDevice)
        return found

    try:
        return await asyncio.wait_for(asyncio.gather(*map(one, range(_DEVICES))), _LOGIN_S)
    except (OSError, TimeoutError) as error:
        raise EnvironmentFault(f"the benchmark's devices could not log in: {error}") from error


async def _called(asked: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.openapi_caller",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(asked).encode() + b"\n")
    if process.returncode or not out:
        raise EnvironmentFault(f"a process of the benchmark failed (exit status {process.returncode})")
    took: dict[str, Any] = json.loads(out)
    return took


async def _called_warm(asked: dict[str, Any]) -> dict[str, Any]:
    await _called(asked | _WARM)
    return await _called(asked)


def _alone(registry: Registry) -> float:
    """Processor time of one SetDeviceProperty as an operation: no HTTP, no signature, nobody to send to; µs."""
    platform = Platform(registry, rates="none")
    device = registry.device(_PRODUCT, "bench00000")
    assert device is not None
    password = sign("hmacsha256", device.secret, client_content("c", device.name, _PRODUCT))
    login = Login("c|signmethod=hmacsha256|", f"{device.name}&{_PRODUCT}", password.encode(), 4, True, 300)
    platform.connected(platform.authenticate(login))
    things, items = platform.operations.things, {"charging:ChargeLimit": 80}
    began = time.process_time()
    for _ in range(_ROUNDS):
        things.set_properties(OPERATOR, device, items)
    return round((time.process_time() - began) / _ROUNDS * 1e6, 1)


async def _steady(folder: Path, vehicles: int, per_s: int, seconds: float) -> dict[str, Any]:
    scenario = folder / "openapi.yaml"
    scenario.write_text(
        fleet_file("cloud calls benchmark", vehicles, 7200, "{cycle: CLTC-P}", initial_soc="uniform(0.3, 0.4)")
    )
    options = RunOptions(scenario=scenario, seed=7, mqtt_port=0, http_port=0, quiet=True)
    calling: list[asyncio.Task[dict[str, Any]]] = []

    async def begin(running: Running) -> None:
        assert running.gateway is not None
        asked = {
            "http_port": running.gateway.ports["http_port"],
            "user": options.app_user,
            "password": options.app_password,
            "product_key": PRODUCT_KEY,
            "devices": [vin.decode() for vin in running.world.fleet.vins.tolist()],
            "signature": "rpc",
        }
        steady = {"calls": max(1, round(per_s * seconds)), "connections": 1, "per_s": per_s}
        calling.append(asyncio.create_task(_called_warm(asked | steady)))
        calling[0].add_done_callback(lambda _: running.ending.stop.set())

    ended = await run(options, NoTable(), begin)
    if ended.fault is not None:
        raise ended.fault
    took = await calling[0]
    summary = ended.summary
    return {
        "vehicles": summary.vehicles,
        "posts_per_s": round(summary.published["property_post"] / summary.wall_s),
        "calls": len(took["ms"]),
        "calls_per_s": round(len(took["ms"]) / took["took_s"]),
        "ms": percentiles(took["ms"]),
        "behind_s": round(summary.behind_s, 3),
    }
