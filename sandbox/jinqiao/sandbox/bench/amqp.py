"""`jinqiao bench amqp`: a simulated fleet's messages from the gateway to AMQP consumers, each in its own process.

The gateway forwards property posts of the core group, bodies of about 1 kB, to a consumer group, as many as its
consumer takes: rendered from columns as in a run, and ready blocks, which leaves the queue and AMQP alone. The consumer
is a reader in Python that takes what it is sent as cheaply as it can; and, where their environments are there, rhea
and qpid-proton as their users have them. What counts is the processor time of the gateway for each message that was
acknowledged. On one machine all share its cores, so that what a consumer takes in a second is a lower bound.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from jinqiao.base.errors import EnvironmentFault

from .amqp_gateway import APPLICATION, KINDS
from .amqp_peers import PEERS
from .machine import machine

__all__ = ["bench_amqp"]

_GROUP = "DEFAULT_GROUP"
#: Credit of the reader, in messages; clients have what they give by default.
_CREDIT = 10_000
_START_S, _END_S = 60.0, 90.0


async def bench_amqp(vehicles: int, seconds: float) -> dict[str, Any]:
    """The figures; raises EnvironmentFault when a process of the benchmark fails."""
    figures: dict[str, Any] = {"vehicles": vehicles}
    async with _process("amqp_gateway", str(vehicles)) as gateway:
        port = str((await _line(gateway))["amqp_port"])
        reader = [sys.executable, "-m", f"{__package__}.amqp_reader", port, _GROUP, *APPLICATION, str(_CREDIT)]
        for kind in KINDS:
            figures[kind] = await _measure(gateway, reader, kind, seconds)
        for peer in PEERS:
            if peer.present:
                figures[peer.name] = await _measure(
                    gateway, peer.command(port, _GROUP, *APPLICATION), KINDS[0], seconds
                )
            else:
                figures[peer.name] = {"missing": f"make its environment with: {peer.how}"}
    return {**figures, "machine": machine()}


async def _measure(
    gateway: asyncio.subprocess.Process, consumer: Sequence[str], kind: str, seconds: float
) -> dict[str, Any]:
    """One load, with one consumer."""
    assert gateway.stdin is not None
    async with _started(consumer) as process:
        await _line(process)
        gateway.stdin.write(f"{kind} {seconds}\n".encode())
        await gateway.stdin.drain()
        sent = await _line(gateway, seconds + _END_S)
        assert process.stdin is not None
        process.stdin.close()
        taken = await _line(process)
    messages = sent["messages"]
    return {
        "messages": messages,
        "all_delivered": not sent["left"] and taken["received"] == messages + sent["redelivered"],
        "messages_per_gateway_core_s": round(messages / sent["cpu_s"]),
        "gateway_us_per_message": round(1e6 * sent["cpu_s"] / max(messages, 1), 2),
        "messages_per_s": round(messages / sent["wall_s"]),
        "bytes_per_message": round(taken["bytes"] / max(taken["received"], 1)),
        "cpu_s": {"gateway": round(sent["cpu_s"], 2), "consumer": round(taken["cpu_s"], 2)},
        "consumer_us_per_message": round(1e6 * taken["cpu_s"] / max(taken["received"], 1), 2),
    }


@asynccontextmanager
async def _process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    async with _started([sys.executable, "-m", f"{__package__}.{module}", *arguments]) as process:
        yield process


@asynccontextmanager
async def _started(command: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends with its standard input, or is ended."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.terminate()
            await process.wait()


async def _line(process: asyncio.subprocess.Process, within_s: float = _START_S) -> dict[str, Any]:
    assert process.stdout is not None
    try:
        text = await asyncio.wait_for(process.stdout.readline(), within_s)
    except TimeoutError:
        text = b""
    if not text:
        raise EnvironmentFault("a process of the benchmark failed, or did not answer")
    found: dict[str, Any] = json.loads(text)
    return found
