"""A recording sent to a broker with its own spacing: paced, watched, and ended cleanly.

Packets are rendered some way ahead (`ahead`), and sent when their moment has come. What is due within the same turn of
the event loop goes out as one write.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import HouseLink
from jinqiao.gateway.recordings.files import open_recording
from jinqiao.gateway.recordings.parts import Source

from ..run.outside import OutsideBroker, Triples
from ..run.session import PRODUCT_KEY
from .ahead import Ahead
from .identities import Identities
from .lateness import Lateness
from .replayed import Outgoing, Renderer
from .timeline import MS, Extent, Prefetched, steps, survey

__all__ = ["Replay", "ReplayOptions"]

_TELL_EVERY_S = 5.0
#: One write to the broker; more is sent in several, so that memory stays small.
_WRITE_BYTES = 1 << 20
_LARGE_BYTES = 1 << 16
#: What is due within this time goes out together, early: the loop's timers are of a millisecond.
_EARLY_S = 0.0005
_SWITCH_S = 0.0001
#: Flat out, as many devices as this live in one slot of time, if there are as many.
_TOGETHER = 4096
#: Longest sleep: so soon Ctrl-C is seen, and what a slow reader has brought.
_SLEEP_S = 0.02


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """`speed` None is as fast as possible; `devices` are triples whose credentials and names are used."""

    path: Path
    broker: OutsideBroker
    speed: float | None = 1.0
    loop: bool = False
    clones: int = 1
    protobuf: bool = False
    product_key: str | None = None
    devices: Triples | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class _Out:
    """Where packets go: over one connection for all, or over each device's own."""

    link: HouseLink | None = None
    own: VehicleLinks | None = None


class Replay:
    """One replay. `go` returns the report; `fault` says what broke, if anything did."""

    def __init__(self, options: ReplayOptions) -> None:
        self.options = options
        self.source: Source = open_recording(options.path)
        self.fault: EnvironmentFault | None = None
        self.stop = asyncio.Event()
        self._lateness = Lateness()
        self._sent = self._bytes = self._not_sent = 0
        self._wall_s = 0.0
        self._began = self._yielded_s = 0.0

    async def go(self, ready: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Replay until the recording, Ctrl-C or a fault ends it. Raises InputError when there is nothing to replay."""
        options = self.options
        extent = await asyncio.to_thread(survey, self.source)
        if not extent.messages:
            why = "".join(f"\n  {problem}" for problem in self.source.problems)
            raise InputError(f"{options.path}: found no messages to replay{why}")
        problems = list(self.source.problems)
        if extent.disorder.rows:
            problems.append(
                f"{options.path}: {extent.disorder.rows:,} messages are older than one before them, by up to "
                f"{extent.disorder.most_ns / 1e9:,.3f} s: replayed in the order of time"
            )
        for problem in problems:
            print(problem, file=sys.stderr)
        given = None if options.devices is None else options.devices.names
        ids = Identities(extent.devices, options.clones, given=given, together=0 if options.speed else _TOGETHER)
        key = options.product_key or self.source.info.product_key or PRODUCT_KEY
        if options.devices is not None:
            key = options.devices.product_key
        async with AsyncExitStack() as stack:
            try:
                out = await self._connect(stack, ids, key)
                ready({"devices": len(ids), "messages": extent.messages * options.clones, "product_key": key})
                await self._run(ids, key, extent, out)
            except EnvironmentFault as fault:
                self.fault = fault
        return self._report(ids, extent, problems)

    async def _connect(self, stack: AsyncExitStack, ids: Identities, key: str) -> _Out:
        broker, devices = self.options.broker, self.options.devices
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupted)
        if devices is None:
            link = await HouseLink.connect(
                broker.host,
                broker.port,
                broker.username,
                broker.password,
                lossless=self.options.speed is None,
                client_id=f"jinqiao-{secrets.token_hex(4)}",
            )
            stack.push_async_callback(link.close)
            return _Out(link=link)
        own = VehicleLinks(broker.address(), key, ids.names, devices.secret)
        stack.push_async_callback(own.close)
        await own.connect(range(len(ids)), self.stop)
        return _Out(own=own)

    def _interrupted(self) -> None:
        """End cleanly; whoever presses Ctrl-C once more does not want to wait for that."""
        self.stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    async def _run(self, ids: Identities, key: str, extent: Extent, out: _Out) -> None:
        speed = self.options.speed
        # Flat out there is no time to spread messages over: the recording then ends now.
        start_ms = time.time_ns() // MS - (0 if speed else (extent.last_ns - extent.first_ns) // MS)

        def stamp_ms(time_ns: int) -> int:
            return start_ms + int((time_ns - extent.first_ns) / ((speed or 1.0) * MS))

        renderer = Renderer(ids, key, protobuf=self.options.protobuf, stamp_ms=stamp_ms)
        stream = Prefetched(steps(self.source, extent, ids.slots_ms, loop=self.options.loop))
        await asyncio.to_thread(stream.wait)
        # The thread that reads must not keep the one that sends waiting: by default it may for 5 ms.
        usual_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        # Names and tables stay: a collection that looked at them would make messages late. What is made from here on
        # has no cycles to speak of, so the young ones are looked at seldom (`_tell`), and by nobody else.
        gc.freeze()
        gc.disable()
        telling = asyncio.create_task(self._tell())
        try:
            if speed is None:
                await self._flat_out(stream, renderer, out)
            else:
                await self._paced(stream, renderer, extent, speed, out)
            if out.link is not None:
                await out.link.flush()
        finally:
            self._wall_s = time.perf_counter() - self._began if self._began else 0.0
            telling.cancel()
            stream.close()
            gc.enable()
            gc.unfreeze()
            sys.setswitchinterval(usual_s)

    async def _flat_out(self, stream: Prefetched, renderer: Renderer, out: _Out) -> None:
        self._began = time.perf_counter()
        waiting: list[Outgoing] = []
        size = 0
        for step in stream:
            if self.stop.is_set():
                break
            rendered = list(renderer.render(step))
            waiting += rendered
            size += sum(len(outgoing.data) for outgoing in rendered)
            if size >= _WRITE_BYTES:
                await self._send(waiting, out)
                await asyncio.sleep(0)
                waiting, size = [], 0
        await self._send(waiting, out)

    async def _paced(self, stream: Prefetched, renderer: Renderer, extent: Extent, speed: float, out: _Out) -> None:
        """What is due goes out; between two moments the next are rendered, a block at a time."""
        ahead = Ahead(stream, renderer, lambda time_ns: (time_ns - extent.first_ns) / (speed * 1e9))
        while ahead.render(0.0):  # reading and rendering what comes first takes longest, and is nobody's delay
            pass
        self._began = time.perf_counter()
        while not ahead.ended and not self.stop.is_set():
            now_s = time.perf_counter() - self._began
            taken = ahead.take(now_s + _EARLY_S)
            if taken:
                await self._send([outgoing for _, outgoing in taken], out)
                gone_s = time.perf_counter() - self._began
                for due_s, outgoing in taken:
                    self._lateness.add(gone_s - due_s, len(outgoing))
            elif not ahead.render(now_s):
                until_s = now_s + _SLEEP_S if ahead.next_s is None else ahead.next_s
                # What is due within a moment goes out together: fewer writes leave more time to render.
                await asyncio.sleep(min(max(until_s - now_s, _EARLY_S), _SLEEP_S))
                continue
            if now_s - self._yielded_s > _EARLY_S:  # answers to pings, Ctrl-C
                self._yielded_s = now_s
                await asyncio.sleep(0)

    async def _send(self, together: list[Outgoing], out: _Out) -> None:
        """Send pieces: small ones as one write, large ones as they are (a copy would make the rest late)."""
        small: list[bytes] = []
        for outgoing in together:
            count = len(outgoing) if out.own is None else self._over_own(outgoing, out.own)
            if out.link is not None and len(outgoing.data) < _LARGE_BYTES:
                small.append(outgoing.data)
            elif out.link is not None:
                await out.link.send(b"".join(small)) if small else None
                small = []
                await out.link.send(outgoing.data)
            self._sent += count
            self._bytes += len(outgoing.data)
        if out.link is not None and small:
            await out.link.send(b"".join(small))

    def _over_own(self, outgoing: Outgoing, own: VehicleLinks) -> int:
        """Each packet over its device's own connection; how many could go."""
        sent = 0
        for row, packet in zip(outgoing.rows.tolist(), outgoing.packets(), strict=True):
            sent += row >= 0 and own.send(row, packet)
        self._not_sent += len(outgoing) - sent
        return sent

    async def _tell(self) -> None:
        """A line now and then."""
        told = 0
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            gc.collect(0)
            if self.options.quiet:
                continue
            rate = (self._sent - told) / _TELL_EVERY_S
            told = self._sent
            late = self._lateness.percentile(0.99)
            behind = "" if late is None else f", late p99 {late:.1f} ms"
            print(f"{self._sent:,} messages, {rate:,.0f}/s{behind}", file=sys.stderr, flush=True)

    def _report(self, ids: Identities, extent: Extent, problems: list[str]) -> dict[str, Any]:
        ended = "failed" if self.fault is not None else "interrupted" if self.stop.is_set() else "finished"
        found: dict[str, Any] = {
            "file": str(self.options.path),
            "ended": ended,
            "sent": self._sent,
            "bytes": self._bytes,
            "not_sent": self._not_sent,
            "wall_s": round(self._wall_s, 3),
            "messages_per_s": round(self._sent / self._wall_s, 1) if self._wall_s else 0.0,
            "devices": len(ids),
            "clones": ids.clones,
            "problems": problems,
        }
        if extent.left_out:
            found["left_out"] = extent.left_out
        if self.options.speed is not None:
            found["late_ms"] = self._lateness.as_json()
        return found
