"""`jinqiao bench end-to-end`: simulated vehicles → render → broker → one subscriber in a process of its own.

Nothing is taken out: physics, rendering, hashing, the broker's fast path, a counting subscriber. Three parts: the fleet
at real-time speed, every vehicle posting once a second; the same fleet as fast as it goes; and on the same broker, to a
subscriber like the others, one paho-mqtt 2 client that publishes ready payloads of the same size flat out.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from ..run.console import NoTable
from ..run.options import RunOptions
from ..run.running import Running
from ..run.session import run
from .fleet_file import fleet_file
from .machine import machine

__all__ = ["FleetRun", "bench_end_to_end"]

_FILTER = "/sys/+/+/thing/event/property/post"
_PEER_PAYLOADS = 1000
_FLAT_OUT_S = 20


async def bench_end_to_end(vehicles: int, seconds: int, peer_seconds: float) -> dict[str, Any]:
    """The figures; raises EnvironmentFault when a process of the benchmark fails."""
    with tempfile.TemporaryDirectory() as folder:
        driving = _write(Path(folder), "{cycle: CLTC-P}", "07:00", vehicles, max(seconds, _FLAT_OUT_S))
        parked = _write(Path(folder), "commuter", "03:00", vehicles, 3600)
        sleeping = await _finished(await _python("sleeping", str(parked), str(vehicles)))
        paced = await FleetRun(driving, seconds, speed=1.0).measure()
        flat_out = FleetRun(driving, _FLAT_OUT_S, speed=None, peer_seconds=peer_seconds)
        fastest = await flat_out.measure()
    peer = flat_out.peer
    return {
        "real_time": paced,
        "flat_out": fastest,
        "paho": peer,
        "ratio_to_paho": round(fastest["posts_per_s"] / peer["posts_per_s"], 2),
        "sleeping": sleeping,
        "machine": machine(),
    }


def _write(folder: Path, agenda: str, start: str, vehicles: int, seconds: int) -> Path:
    path = folder / f"{start[:2]}.yaml"
    path.write_text(fleet_file("end-to-end benchmark", vehicles, seconds, agenda, start=start))
    return path


class FleetRun:
    """One run of a driving fleet with a counting subscriber; afterwards the peer on its broker, if asked for."""

    def __init__(
        self,
        scenario: Path,
        seconds: int,
        *,
        speed: float | None,
        vehicles: int | None = None,
        peer_seconds: float = 0.0,
    ) -> None:
        self._peer_seconds = peer_seconds
        self._options = RunOptions(
            scenario=scenario, for_s=seconds, speed=speed, vehicles=vehicles, seed=7, mqtt_port=0, quiet=True
        )
        self._subscriber: asyncio.subprocess.Process | None = None
        self._counted: dict[str, Any] = {}
        self._cpu_before: dict[str, float] = {}
        self._cpu_s: dict[str, float] = {}
        self._start_s = 0.0
        self._began = time.perf_counter()
        self.peer: dict[str, Any] = {}

    async def measure(self) -> dict[str, Any]:
        self._began = time.perf_counter()
        ended = await run(self._options, NoTable(), self._ready, self._settled)
        if ended.fault is not None:
            raise ended.fault
        summary = ended.summary
        posts, received = summary.published["property_post"], self._counted["received"]
        return {
            "vehicles": summary.vehicles,
            "simulated_s": summary.simulated_s,
            "wall_s": round(summary.wall_s, 2),
            "posts": posts,
            "received": received,
            "all_delivered": received == posts,
            "posts_per_s": round(posts / summary.wall_s),
            "bytes_per_post": round(self._counted["bytes"] / max(received, 1)),
            "start_s": self._start_s,
            "behind_s": round(summary.behind_s, 3),
            "cpu_s": self._cpu_s,
        }

    async def _ready(self, running: Running) -> None:
        self._start_s = round(time.perf_counter() - self._began, 3)
        self._subscriber = await self._subscribe(running)
        self._cpu_before = {"simulator": time.process_time(), "gateway": await _gateway_cpu_s(running)}

    async def _settled(self, running: Running) -> None:
        assert self._subscriber is not None
        simulator_s = time.process_time() - self._cpu_before["simulator"]
        self._counted = await _finished(self._subscriber)
        self._cpu_s = {
            "simulator": round(simulator_s, 2),
            "gateway": round(await _gateway_cpu_s(running) - self._cpu_before["gateway"], 2),
            "subscriber": round(self._counted["cpu_s"], 2),
        }
        if self._peer_seconds:
            self.peer = await self._measure_peer(running)

    async def _measure_peer(self, running: Running) -> dict[str, Any]:
        assert running.gateway is not None
        sample = running.out.peek.post()
        assert sample is not None
        topic, payload = sample
        lines = (json.dumps([topic, payload.decode()]) + "\n") * _PEER_PAYLOADS
        subscriber = await self._subscribe(running)
        before = await _gateway_cpu_s(running)
        login = (str(running.gateway.mqtt_port), running.logins.user, running.logins.password)
        sent = await _finished(await _python("paho_publisher", *login, str(self._peer_seconds)), lines.encode())
        counted = await _finished(subscriber)
        return {
            "posts_per_s": round(sent["sent"] / sent["wall_s"]),
            "sent": sent["sent"],
            "received": counted["received"],
            "bytes_per_post": round(counted["bytes"] / max(counted["received"], 1)),
            "cpu_s": {
                "publisher": round(sent["cpu_s"], 2),
                "gateway": round(await _gateway_cpu_s(running) - before, 2),
                "subscriber": round(counted["cpu_s"], 2),
            },
        }

    async def _subscribe(self, running: Running) -> asyncio.subprocess.Process:
        assert running.gateway is not None
        user, password = self._options.app_user, self._options.app_password
        process = await _python("subscriber", str(running.gateway.mqtt_port), user, password, _FILTER)
        assert process.stdout is not None
        if not await process.stdout.readline():
            raise EnvironmentFault("the benchmark's subscriber could not subscribe")
        return process


async def _gateway_cpu_s(running: Running) -> float:
    assert running.gateway is not None
    return float((await running.gateway.stats())["cpu_s"])


async def _python(module: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.{module}",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def _finished(process: asyncio.subprocess.Process, given: bytes = b"") -> dict[str, Any]:
    """End the process's input and read the JSON line it ends with."""
    out, _ = await process.communicate(given)
    if process.returncode or not out:
        raise EnvironmentFault(f"a process of the benchmark failed (exit status {process.returncode})")
    figures: dict[str, Any] = json.loads(out.splitlines()[-1])
    return figures
