"""`jinqiao bench commands`: how long a car takes to execute one while its whole fleet drives and posts once a second.

An application sets a property over MQTT and waits for the reply and for a post with the new value; a cloud call invokes
a synchronous service. Beside them, on the same connection, a message that the broker alone sends back.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from ..product import PRODUCT_KEY
from ..run.console import NoTable
from ..run.options import RunOptions
from ..run.running import Running
from ..run.session import run
from ..run.summary import percentiles
from .fleet_file import fleet_file
from .machine import machine

__all__ = ["bench_commands"]

#: Cars that are commanded: a back end follows the cars it has to do with.
_COMMANDED = 50


async def bench_commands(vehicles: int, commands: int) -> dict[str, Any]:
    """Milliseconds by kind of round trip; raises EnvironmentFault when a process of the benchmark fails."""
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "commands.yaml"
        scenario.write_text(
            fleet_file("commands benchmark", vehicles, 7200, "{cycle: CLTC-P}", initial_soc="uniform(0.3, 0.4)")
        )
        options = RunOptions(scenario=scenario, seed=7, mqtt_port=0, http_port=0, quiet=True)
        commanding: list[asyncio.Task[dict[str, list[float]]]] = []

        async def begin(running: Running) -> None:
            commanding.append(asyncio.create_task(_command(running, commands)))
            commanding[0].add_done_callback(lambda _: running.ending.stop.set())

        ended = await run(options, NoTable(), begin)
        if ended.fault is not None:
            raise ended.fault
        took = await commanding[0]
    summary = ended.summary
    posts = summary.published["property_post"]
    return {
        "vehicles": summary.vehicles,
        "posts_per_s": round(posts / summary.wall_s),
        "commands": min(map(len, took.values())),
        "set_to_reply_ms": percentiles(took["reply"]),
        "set_to_effect_ms": percentiles(took["effect"]),
        "invoke_service_sync_ms": percentiles(took["call"]),
        "broker_echo_ms": percentiles(took["echo"]),
        "behind_s": round(summary.behind_s, 3),
        "machine": machine(),
    }


async def _command(running: Running, commands: int) -> dict[str, list[float]]:
    assert running.gateway is not None
    vins = [vin.decode() for vin in running.world.fleet.vins.tolist()]
    asked = {
        **running.gateway.ports,
        "user": running.options.app_user,
        "password": running.options.app_password,
        "product_key": PRODUCT_KEY,
        "devices": vins[:: max(1, len(vins) // _COMMANDED)],
        "commands": commands,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"{__package__}.commander",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(json.dumps(asked).encode() + b"\n")
    if process.returncode or not out:
        raise EnvironmentFault(f"a process of the benchmark failed (exit status {process.returncode})")
    took: dict[str, list[float]] = json.loads(out)
    return took
