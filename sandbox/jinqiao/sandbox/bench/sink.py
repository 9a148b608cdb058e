"""Subscribers in a process of their own: they count messages of one length and measure how long each was on its way.

    python -m jinqiao.sandbox.bench.sink '{"port", "filter", "subscribers", "qos", "size", "stamp_at", "user"?, …}'

Prints a line once all have subscribed. Standard input says in the end how many messages there were; when they are all
there, or nothing more has come for a while, it prints the figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any, cast

import numpy as np

from jinqiao.wire.mqtt.encoding import encode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Connect, Subscribe

from ..loop import run_async

__all__ = ["main"]

_QUIET_S = 2.0
_SAMPLES = 2_000_000


class _Subscriber(asyncio.Protocol):
    """Reads the two answers, then nothing but messages of one length."""

    def __init__(self, number: int, asked: dict[str, Any], totals: _Totals) -> None:
        self._number, self._asked, self._totals = number, asked, totals
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        asked = self._asked
        user, password = asked.get("user"), asked.get("password")
        name, level = f"sink-{os.getpid()}-{self._number}", asked.get("level", 4)
        login = Connect(name, True, 0, user, password.encode() if password else None, level=level)
        self._transport.write(encode(login) + encode(Subscribe(1, ((asked["filter"], asked["qos"]),)), level))

    def data_received(self, data: bytes) -> None:
        data = self._rest + data if self._rest else data
        if not self.ready.done():
            connack = frame(data, 0)
            suback = frame(data, connack[1]) if connack is not None and connack[1] < len(data) else None
            if connack is None or suback is None or suback[1] > len(data):
                self._rest = data
                return
            if data[connack[0] + 1] or data[suback[1] - 1] != self._asked["qos"]:
                self.ready.set_exception(RuntimeError(f"refused: {data[: suback[1]].hex()}"))
                return
            self.ready.set_result(None)
            data = data[suback[1] :]
        size, stamp_at = self._asked["size"], self._asked["stamp_at"]
        count = len(data) // size
        self._rest = data[count * size :]
        if not count:
            return
        rows = np.frombuffer(data, np.uint8, count * size).reshape(count, size)
        sent_ns = np.ascontiguousarray(rows[:, stamp_at : stamp_at + 8]).view("<i8")[:, 0]
        self._totals.add(count, (time.monotonic_ns() - sent_ns) / 1e6)
        if self._asked["qos"] and self._transport is not None:
            answers = np.empty((count, 4), np.uint8)
            answers[:, 0], answers[:, 1] = 0x40, 2
            answers[:, 2:] = rows[:, stamp_at - 2 : stamp_at]
            self._transport.write(answers.tobytes())

    def connection_lost(self, _: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed by the broker"))


class _Totals:
    def __init__(self) -> None:
        self.received = 0
        self.last = time.monotonic()
        self._samples: list[Any] = []
        self._kept = 0

    def add(self, count: int, latencies_ms: Any) -> None:
        self.received += count
        self.last = time.monotonic()
        if self._kept < _SAMPLES:
            self._samples.append(latencies_ms)
            self._kept += count

    def figures(self) -> dict[str, Any]:
        found: dict[str, Any] = {"received": self.received, "cpu_s": round(time.process_time(), 3)}
        if self._samples:
            p50, p99 = np.percentile(np.concatenate(self._samples), (50, 99))
            found["latency_ms"] = {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
        return found


async def _run(asked: dict[str, Any]) -> None:
    loop, totals = asyncio.get_running_loop(), _Totals()
    subscribers = []
    for number in range(asked["subscribers"]):
        subscriber = _Subscriber(number, asked, totals)
        subscribers.append(subscriber)
        await loop.create_connection(lambda protocol=subscriber: protocol, "127.0.0.1", asked["port"])  # type: ignore[misc]
    await asyncio.gather(*(subscriber.ready for subscriber in subscribers))
    print(json.dumps({"ready": True}), flush=True)
    expected = int(await asyncio.to_thread(sys.stdin.read) or 0)
    totals.last = time.monotonic()
    while totals.received < expected and time.monotonic() - totals.last < _QUIET_S:
        await asyncio.sleep(0.05)
    print(json.dumps(totals.figures()), flush=True)


def main(arguments: list[str]) -> None:
    """Run until standard input ends."""
    run_async(_run(json.loads(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
