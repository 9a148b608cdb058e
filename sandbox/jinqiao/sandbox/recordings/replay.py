"""A recording sent to a broker with its own spacing: paced, watched, and ended cleanly.

Packets are rendered some way ahead (`ahead`), and sent when their moment has come. What is due within the same turn of
the event loop goes out as one write.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinqiao.base.errors import EnvironmentFault, InputError
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.device.outbound import Outbound, Sent
from jinqiao.gateway.recordings.files import open_recording
from jinqiao.gateway.recordings.parts import Source
from jinqiao.wire.render.packets import BLOCK_ROWS

from ..early import ending_signals
from ..product import PRODUCT_KEY
from ..run.outside import OutsideBroker, Triples
from .ahead import Ahead
from .identities import Identities
from .lateness import Lateness
from .replayed import Renderer, Replayed
from .timeline import MS, Extent, Prefetched, Step, steps, survey

__all__ = ["Replay", "ReplayOptions"]

#: What the messages of a recording are counted as.
KIND = "replayed"
_PROGRESS_EVERY_S = 5.0
#: One write to the broker; more is sent in several, so that memory stays small.
_WRITE_BYTES = 1 << 20
#: What is due within this time goes out together, early: the loop's timers are of a millisecond.
_EARLY_S = 0.0005
_SWITCH_S = 0.0001
#: Flat out, as many devices as this live in one slot of time, if there are as many.
_TOGETHER = 4096
#: Longest sleep: so soon Ctrl-C is seen, and what a slow reader has brought.
_SLEEP_S = 0.02


#: Most messages that are held in memory to be put in order: of a kilobyte each, a gigabyte or two.
_MOST_HELD = 1_000_000


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
class _Connected:
    """Where packets go; `link` is the connection of all, if they have not each their own."""

    out: Outbound
    link: SharedLink | None = None


class Replay:
    """One replay. `go` returns the report; `fault` says what broke, if anything did."""

    def __init__(self, options: ReplayOptions) -> None:
        self.options = options
        self.source: Source = open_recording(options.path)
        self.fault: EnvironmentFault | None = None
        self.stop = asyncio.Event()
        self._lateness = Lateness()
        self._sent = Sent()
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
            _demand_order(options.path, extent)
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
                connected = await self._connect(stack, ids, key)
                ready({"devices": len(ids), "messages": extent.messages * options.clones, "product_key": key})
                await self._run(ids, key, extent, connected)
            except EnvironmentFault as fault:
                self.fault = fault
        return self._report(ids, extent, problems)

    async def _connect(self, stack: AsyncExitStack, ids: Identities, key: str) -> _Connected:
        broker, devices = self.options.broker, self.options.devices
        loop = asyncio.get_running_loop()
        for number in ending_signals():
            loop.add_signal_handler(number, self._interrupted)
        if devices is None:
            link = await SharedLink.connect(
                broker.host,
                broker.port,
                broker.username,
                broker.password,
                lossless=self.options.speed is None,
                client_id=f"jinqiao-{secrets.token_hex(4)}",
            )
            stack.push_async_callback(link.close)
            return _Connected(Outbound(link, None, self._sent), link)
        own = VehicleLinks(broker.address(), key, ids.names, devices.secret)
        stack.push_async_callback(own.close)
        await own.connect(range(len(ids)), self.stop)
        return _Connected(Outbound(None, own, self._sent))

    def _interrupted(self) -> None:
        """End cleanly; a second Ctrl-C does not wait for that."""
        self.stop.set()
        for number in ending_signals():
            asyncio.get_running_loop().remove_signal_handler(number)

    async def _run(self, ids: Identities, key: str, extent: Extent, connected: _Connected) -> None:
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
        # has no cycles to speak of, so the young ones are looked at seldom (`_progress`), and by nobody else.
        gc.freeze()
        gc.disable()
        progress = asyncio.create_task(self._progress())
        try:
            if speed is None:
                await self._flat_out(stream, renderer, connected.out)
            else:
                await self._paced(stream, renderer, extent, speed, connected.out)
            if connected.link is not None:
                await connected.link.flush()
        finally:
            self._wall_s = time.perf_counter() - self._began if self._began else 0.0
            progress.cancel()
            stream.close()
            gc.enable()
            gc.unfreeze()
            sys.setswitchinterval(usual_s)

    async def _flat_out(self, stream: Prefetched, renderer: Renderer, out: Outbound) -> None:
        self._began = time.perf_counter()
        waiting: list[Replayed] = []
        size = 0
        for several in _together(stream):
            if self.stop.is_set():
                break
            rendered = list(renderer.render_together(several))
            waiting += rendered
            size += sum(len(block.data) for block in rendered)
            if size >= _WRITE_BYTES:
                await out.send_together(KIND, waiting)
                await asyncio.sleep(0)
                waiting, size = [], 0
        await out.send_together(KIND, waiting)

    async def _paced(self, stream: Prefetched, renderer: Renderer, extent: Extent, speed: float, out: Outbound) -> None:
        """What is due goes out; between two moments the next are rendered, a block at a time."""
        ahead = Ahead(stream, renderer, lambda time_ns: (time_ns - extent.first_ns) / (speed * 1e9))
        while ahead.render(0.0):  # reading and rendering what comes first takes longest, and is nobody's delay
            pass
        self._began = time.perf_counter()
        while not ahead.ended and not self.stop.is_set():
            now_s = time.perf_counter() - self._began
            taken = ahead.take(now_s + _EARLY_S)
            if taken:
                await out.send_together(KIND, [block for _, block in taken])
                gone_s = time.perf_counter() - self._began
                for due_s, block in taken:
                    self._lateness.add(gone_s - due_s, len(block))
            elif not ahead.render(now_s):
                until_s = now_s + _SLEEP_S if ahead.next_s is None else ahead.next_s
                # What is due within a moment goes out together: fewer writes leave more time to render.
                await asyncio.sleep(min(max(until_s - now_s, _EARLY_S), _SLEEP_S))
                continue
            if now_s - self._yielded_s > _EARLY_S:  # answers to pings, Ctrl-C
                self._yielded_s = now_s
                await asyncio.sleep(0)

    async def _progress(self) -> None:
        """A line now and then."""
        before = 0
        while True:
            await asyncio.sleep(_PROGRESS_EVERY_S)
            gc.collect(0)
            if self.options.quiet:
                continue
            sent = self._went
            rate, before = (sent - before) / _PROGRESS_EVERY_S, sent
            late = self._lateness.percentile(0.99)
            behind = "" if late is None else f", late p99 {late:.1f} ms"
            print(f"{sent:,} messages, {rate:,.0f}/s{behind}", file=sys.stderr, flush=True)

    @property
    def _went(self) -> int:
        """Messages that could go."""
        return self._sent.messages - self._sent.not_sent

    def _report(self, ids: Identities, extent: Extent, problems: list[str]) -> dict[str, Any]:
        ended = "failed" if self.fault is not None else "interrupted" if self.stop.is_set() else "finished"
        found: dict[str, Any] = {
            "file": str(self.options.path),
            "ended": ended,
            "sent": self._went,
            "bytes": self._sent.published_bytes,
            "not_sent": self._sent.not_sent,
            "wall_s": round(self._wall_s, 3),
            "messages_per_s": round(self._went / self._wall_s, 1) if self._wall_s else 0.0,
            "devices": len(ids),
            "clones": ids.clones,
            "problems": problems,
        }
        if extent.left_out:
            found["left_out"] = extent.left_out
        if self.options.speed is not None:
            found["late_ms"] = self._lateness.as_json()
        return found


def _demand_order(path: Path, extent: Extent) -> None:
    """Raise InputError for a recording that is so far out of order that memory might not hold what waits."""
    if extent.held <= _MOST_HELD:
        return
    how = (
        f"mcap sort {path} -o sorted.mcap"
        if path.suffix == ".mcap"
        else "in DuckDB, for each kind: COPY (FROM 'NAME.parquet/core/*.parquet' ORDER BY time) TO 'core.parquet'"
    )
    raise InputError(
        f"{path}: messages are out of order by up to {extent.disorder.most_ns / 1e9:,.3f} s: about {extent.held:,} "
        f"would have to be held in memory, expected at most {_MOST_HELD:,}\n  sort it first: {how}"
    )


def _together(stream: Iterator[Step]) -> Iterator[list[Step]]:
    """Steps in bundles of about as many messages as are best rendered together."""
    bundle: list[Step] = []
    messages = 0
    for step in stream:
        bundle.append(step)
        messages += len(step.part)
        if messages >= BLOCK_ROWS:
            yield bundle
            bundle, messages = [], 0
    if bundle:
        yield bundle
