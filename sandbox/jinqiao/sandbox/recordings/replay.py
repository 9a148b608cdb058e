"""A recording sent to a broker with its own spacing: paced, watched, and ended cleanly.

Packets of a moment are rendered before it comes, and sent when it has come. What is due within the same turn of the
event loop goes out as one write.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.gateway.house import HouseLink
from jinqiao.gateway.recordings.files import open_recording
from jinqiao.gateway.recordings.parts import Source
from jinqiao.gateway.vehicle_links import VehicleLinks

from ..run.outside import OutsideBroker, Triples
from ..run.session import PRODUCT_KEY
from .identities import Identities
from .lateness import Lateness
from .replayed import Outgoing, Renderer
from .timeline import MS, Extent, Step, prefetched, steps, survey

__all__ = ["Replay", "ReplayOptions"]

_TELL_EVERY_S = 5.0
#: One write to the broker; more is sent in several, so that memory stays small.
_WRITE_BYTES = 1 << 20
#: Waiting ends this long before a moment comes: the loop's timers are of a millisecond.
_EARLY_S = 0.0005
#: Nothing waits longer than this for others that are due, too.
_TOGETHER_S = 0.001


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


class Replay:
    """One replay. `go` returns the report; `fault` says what broke, if anything did."""

    def __init__(self, options: ReplayOptions) -> None:
        self.options = options
        self.source: Source = open_recording(options.path)
        self.fault: EnvironmentFault | None = None
        self.stop = asyncio.Event()
        self._stop_reading = threading.Event()
        self._lateness = Lateness()
        self._sent = self._bytes = self._not_sent = 0
        self._wall_s = 0.0
        self._began = 0.0

    async def go(self, ready: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Replay until the recording, Ctrl-C or a fault ends it. Raises InputError when there is nothing to replay."""
        options = self.options
        extent = await asyncio.to_thread(survey, self.source)
        if not extent.messages:
            why = "".join(f"\n  {problem}" for problem in self.source.problems)
            raise InputError(f"{options.path}: found no messages to replay{why}")
        for problem in self.source.problems:
            print(problem, file=sys.stderr)
        problems = list(self.source.problems)
        given = None if options.devices is None else options.devices.names
        ids = Identities(extent.devices, options.clones, given=given)
        key = options.product_key or self.source.info.product_key or PRODUCT_KEY
        if options.devices is not None:
            key = options.devices.product_key
        async with AsyncExitStack() as stack:
            try:
                link, own = await self._connect(stack, ids, key)
                ready({"devices": len(ids), "messages": extent.messages * options.clones, "product_key": key})
                await self._run(ids, key, extent, link, own)
            except EnvironmentFault as fault:
                self.fault = fault
            finally:
                self._stop_reading.set()
        return self._report(ids, extent, problems)

    async def _connect(
        self, stack: AsyncExitStack, ids: Identities, key: str
    ) -> tuple[HouseLink | None, VehicleLinks | None]:
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
            return link, None
        own = VehicleLinks(broker.address(), key, ids.names, devices.secret)
        stack.push_async_callback(own.close)
        await own.connect(range(len(ids)), self.stop)
        return None, own

    def _interrupted(self) -> None:
        """End cleanly; whoever presses Ctrl-C once more does not want to wait for that."""
        self.stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(number)

    async def _run(
        self, ids: Identities, key: str, extent: Extent, link: HouseLink | None, own: VehicleLinks | None
    ) -> None:
        speed = self.options.speed
        # Flat out there is no time to spread messages over: the recording then ends now.
        start_ms = time.time_ns() // MS - (0 if speed else (extent.last_ns - extent.first_ns) // MS)

        def stamp_ms(time_ns: int) -> int:
            return start_ms + int((time_ns - extent.first_ns) / ((speed or 1.0) * MS))

        renderer = Renderer(ids, key, protobuf=self.options.protobuf, stamp_ms=stamp_ms)
        stream = steps(self.source, extent, ids.slots_ms, loop=self.options.loop)
        telling = asyncio.create_task(self._tell())
        self._began = time.perf_counter()
        try:
            await self._send_all(prefetched(stream, self._stop_reading), renderer, extent, link, own)
            if link is not None:
                await link.flush()
        finally:
            self._wall_s = time.perf_counter() - self._began
            telling.cancel()

    async def _send_all(
        self,
        stream: Iterator[Step],
        renderer: Renderer,
        extent: Extent,
        link: HouseLink | None,
        own: VehicleLinks | None,
    ) -> None:
        speed = self.options.speed
        waiting: list[tuple[float, Outgoing]] = []
        size = turns = 0
        step = next(stream, None)
        while step is not None and not self.stop.is_set():
            due = self._began
            if speed is not None:
                due += (step.time_ns - extent.first_ns) / (speed * 1e9)
            rendered = list(renderer.render(step))
            if speed is not None:
                await self._until(due)
                if self.stop.is_set():
                    break
            waiting += [(due, outgoing) for outgoing in rendered]
            size += sum(len(outgoing.data) for outgoing in rendered)
            step = next(stream, None)
            if step is not None and size < _WRITE_BYTES and self._may_wait(step, extent, waiting):
                continue
            await self._flush(waiting, link, own)
            waiting, size = [], 0
            turns += 1
            if turns % 64 == 0 or own is not None:
                await asyncio.sleep(0)
        if waiting:
            await self._flush(waiting, link, own)

    def _may_wait(self, following: Step, extent: Extent, waiting: list[tuple[float, Outgoing]]) -> bool:
        """Whether what waits may go out together with the next step: that one is due, and nothing waits for long."""
        speed = self.options.speed
        if speed is None or not waiting:
            return True
        now = time.perf_counter() + _EARLY_S
        due = self._began + (following.time_ns - extent.first_ns) / (speed * 1e9)
        return due <= now and now - waiting[0][0] < _TOGETHER_S

    async def _until(self, due: float) -> None:
        ahead_s = due - time.perf_counter() - _EARLY_S
        if ahead_s > 0.0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stop.wait(), ahead_s)

    async def _flush(
        self, waiting: list[tuple[float, Outgoing]], link: HouseLink | None, own: VehicleLinks | None
    ) -> None:
        if link is not None and waiting:
            await link.send(b"".join([outgoing.data for _, outgoing in waiting]))
        for due, outgoing in waiting:
            count = len(outgoing)
            if own is not None:
                count = self._over_own(outgoing, own)
            self._sent += count
            self._bytes += len(outgoing.data)
            if self.options.speed is not None:
                self._lateness.add(time.perf_counter() - due, count)

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
        while not self.options.quiet:
            await asyncio.sleep(_TELL_EVERY_S)
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
