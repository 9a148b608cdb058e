"""The gateway under test: a fleet's posts, forwarded to a consumer group as fast as its consumers take them.

    python -m jinqiao.sandbox.bench.amqp_gateway VEHICLES

Prints its ports; each line of its standard input, `KIND SECONDS`, is a load of that length, answered by one line of
JSON when all of it has been acknowledged. Of kind `rendered` the bodies are made from columns, as in a run; of kind
`ready` the same blocks of messages are queued again and again. It ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from jinqiao.base.system import raise_file_limit
from jinqiao.gateway.config import FleetConfig, Ports, ServiceConfig
from jinqiao.gateway.forwarding.group import Group
from jinqiao.gateway.forwarding.messages import Messages
from jinqiao.gateway.platform.events import TelemetryBatch
from jinqiao.gateway.platform.subscriptions.definitions import DEFAULT_GROUP
from jinqiao.gateway.service import Service
from jinqiao.wire.render.fixed import fixed
from jinqiao.wire.render.said import SaidBatch

from ..loop import run_async
from .render import core_batch

__all__ = ["APPLICATION", "KINDS", "main"]

PRODUCT_KEY = "a1BenchAmqp"
#: Access key and secret of the consumers.
APPLICATION = ("bench", "bench-secret")
KINDS = ("rendered", "ready")
#: So many messages wait while there is load, looked at so often, s: enough for every consumer, and for what is on its
#: way; more often would cost more than forwarding to a slow consumer.
_WAITING, _PAUSE_S = 30_000, 0.005
#: Vehicles report in so many different batches.
_BATCHES = 4
#: A load that is not acknowledged in this time is given up, s.
_PATIENCE_S = 60.0


async def _serve(vehicles: int) -> None:
    raise_file_limit()
    names = np.array([b"LBV%014d" % row for row in range(vehicles)], "S17")
    fleet = FleetConfig(PRODUCT_KEY, "fleet-secret", APPLICATION, ("simulator", "simulator-secret"))
    service = Service(ServiceConfig(fleet=fleet, ports=Ports(mqtt=0, amqp=0)), names)
    group = service.groups.group(DEFAULT_GROUP)
    assert group is not None
    numbers = np.arange(vehicles, dtype=np.int32)
    said = [SaidBatch("property_post", fixed(core_batch(vehicles, turn)), numbers) for turn in range(_BATCHES)]
    blocks: list[Messages] = []

    def rendered(turn: int) -> None:
        service.platform.events.emit(TelemetryBatch, PRODUCT_KEY, said[turn % _BATCHES])

    def ready(turn: int) -> None:
        group.put(blocks[turn % len(blocks)], passing=True)

    async def prepare() -> None:
        """Make the ready blocks, and with them tables and layouts: a fleet is forwarded when it has a consumer."""
        put, group.put = group.put, lambda messages, **_: blocks.append(messages)  # type: ignore[method-assign]
        while len(blocks) < _BATCHES:
            rendered(len(blocks))
            await asyncio.sleep(0.01)
        group.put = put  # type: ignore[method-assign]
        gc.freeze()

    print(json.dumps(await service.start()), flush=True)
    loads: dict[str, Callable[[int], None]] = {"rendered": rendered, "ready": ready}
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        if not blocks:
            await prepare()
        print(json.dumps(await _load(group, loads[line[0]], float(line[1]))), flush=True)
    await service.close()


async def _load(group: Group, put: Callable[[int], None], seconds: float) -> dict[str, Any]:
    """Keep messages waiting for so long, then wait until all are acknowledged."""
    before, began, cpu_began, turn = group.status(), time.perf_counter(), time.process_time(), 0
    until = began + seconds
    while time.perf_counter() < until:
        if group.accumulated < _WAITING:
            put(turn)
            turn += 1
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(_PAUSE_S)
    while group.accumulated and time.perf_counter() < until + _PATIENCE_S:
        await asyncio.sleep(_PAUSE_S)
    wall_s, cpu_s, after = time.perf_counter() - began, time.process_time() - cpu_began, group.status()
    messages = after.acknowledged - before.acknowledged
    return {
        "messages": messages,
        "redelivered": after.redelivered - before.redelivered,
        "left": after.accumulated,
        "wall_s": wall_s,
        "cpu_s": cpu_s,
    }


def main(arguments: list[str]) -> None:
    """Serve until standard input ends."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    run_async(_serve(int(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
