"""The connections of a fleet: opened no faster than a storm may be, kept alive, and brought back when lost.

One task looks after all of them. Lost links return after doubling pauses, spread at random, so that a broker that comes
back is not met by everybody at once; and never faster than the storm's rate.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from jinqiao.base.errors import EnvironmentFault
from jinqiao.wire.mqtt.packets import Publish

from .link import Link

__all__ = ["Address", "FleetLinks", "OnMessage", "OnOnline"]

#: The platform allows 30 to 1200 s and advises more than 300 for fleets behind a mobile network.
KEEP_ALIVE_S = 300
_STORM_PER_S = 1_000.0
_RETRY_FIRST_S, _RETRY_LAST_S = 1.0, 60.0
_START_TIMEOUT_S = 60.0
_OPEN_TIMEOUT_S = 15.0
_FLUSH_TIMEOUT_S = 5.0
#: Connections being opened at once: a host that does not answer must not hold up the others.
_OPENING = 128
_ROUND_S = 0.25

OnMessage = Callable[[int, Publish], None]
#: Called with each row that has logged in.
OnOnline = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class FleetLinks:
    """Links by fleet row. `login` makes a row's CONNECT packet, of this protocol `level`.

    `on_message` gets their messages, `on_online` who is there.
    """

    def __init__(
        self,
        address: Address,
        login: Callable[[int], bytes],
        *,
        on_message: OnMessage | None = None,
        on_online: OnOnline | None = None,
        storm_per_s: float = _STORM_PER_S,
        keep_alive_s: float = KEEP_ALIVE_S,
        level: int = 4,
    ) -> None:
        self.level = level
        self._address = address
        self._login = login
        self._on_message = on_message
        self._on_online = on_online
        self._storm_per_s = storm_per_s
        self._keep_alive_s = keep_alive_s
        self._links: dict[int, Link] = {}
        #: When lost links may return: (loop time, row).
        self._returning: list[tuple[float, int]] = []
        self._due_s = 0.0
        self._opening = asyncio.Semaphore(_OPENING)
        self._tasks: set[asyncio.Task[None]] = set()
        self._care: asyncio.Task[None] | None = None
        self._unanswered: set[int] = set()
        self._all_answered = asyncio.Event()
        self._closing = False
        #: Rows whose vehicles have no network.
        self._cut: set[int] = set()
        self.online = 0
        self.lost_total = 0
        #: CONNACK codes of refused logins, and -1 for connections that could not be opened.
        self.refused: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._links)

    def is_online(self, row: int) -> bool:
        """Whether the row's link is there now."""
        return self._links[row].online

    async def connect(self, rows: Iterable[int], stop: asyncio.Event | None = None) -> None:
        """Log these rows in and wait for their first answers; raises EnvironmentFault when none gets in."""
        if self._care is None:
            self._care = asyncio.create_task(self._look_after())
        wanted = list(rows)
        self._unanswered.update(wanted)
        self._all_answered.clear()
        for row in wanted:
            if stop is not None and stop.is_set():
                return
            self._links[row] = Link(self, row)
            await self._open_soon(row)
        if wanted:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_answered.wait(), _START_TIMEOUT_S)
            if not any(self._links[row].online for row in wanted):
                reasons = ", ".join(f"{code}: {count}" for code, count in sorted(self.refused.items()))
                raise EnvironmentFault(
                    f"none of {len(wanted)} vehicles could log in at {self._address} (return codes {reasons or 'none'})"
                )

    def send(self, row: int, packet: bytes, qos: int = 0) -> bool:
        """Publish one ready QoS 0 packet on the row's own connection; false when it cannot go."""
        return self._links[row].send(packet, qos)

    async def flush(self) -> None:
        """Return when the broker has routed what all links sent, and what it sent them before has come.

        A link that is lost meanwhile, or answers nothing for too long, is not waited for.
        """
        waiting = [flushed for link in self._links.values() if (flushed := link.flush()) is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=_FLUSH_TIMEOUT_S)

    async def cut(self, rows: Iterable[int]) -> None:
        """End these rows' connections without goodbye, once the broker has what they sent; they stay away."""
        links = [link for row in rows if (link := self._links.get(row)) is not None]
        self._cut.update(link.row for link in links)
        waiting = [flushed for link in links if (flushed := link.flush()) is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=_FLUSH_TIMEOUT_S)
        for link in links:
            link.abort()

    async def restore(self, rows: Iterable[int]) -> None:
        """Open the connections again that were cut, and return when they have logged in, or it has taken too long."""
        back = [row for row in rows if row in self._cut]
        self._cut.difference_update(back)
        self._unanswered.update(back)
        self._all_answered.clear()
        for row in back:
            await self._open_soon(row)
        if back:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_answered.wait(), _FLUSH_TIMEOUT_S)

    async def close(self) -> None:
        """End all links."""
        self._closing = True
        tasks = [*self._tasks, *([self._care] if self._care is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._links.values():
            link.close()
        for _ in range(100):
            if not any(link.opened for link in self._links.values()):
                return
            await asyncio.sleep(0.01)
        for link in self._links.values():
            link.abort()
        await asyncio.sleep(0)

    # What a link asks (Owner).

    def login(self, row: int) -> bytes:
        return self._login(row)

    def answered(self, link: Link, refused: int) -> None:
        if refused:
            self.refused[refused] += 1
        else:
            self.online += 1
            if self._on_online is not None:
                self._on_online(link.row)
        self._settle(link.row)

    def on_message(self, link: Link, message: Publish) -> None:
        if self._on_message is not None:
            self._on_message(link.row, message)

    def lost(self, link: Link, was_online: bool) -> None:
        self.online -= was_online
        self._settle(link.row)
        if link.row in self._cut:
            link.failures = 0
        elif not self._closing:
            self.lost_total += 1
            pause = min(_RETRY_FIRST_S * 2.0 ** min(link.failures - 1, 10), _RETRY_LAST_S)
            now = asyncio.get_running_loop().time()
            heapq.heappush(self._returning, (now + pause * random.uniform(0.5, 1.0), link.row))

    def _settle(self, row: int) -> None:
        self._unanswered.discard(row)
        if not self._unanswered:
            self._all_answered.set()

    async def _open_soon(self, row: int) -> None:
        """Open a row's connection, when the storm's rate lets it and not too many are being opened."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._due_s = max(self._due_s + 1.0 / self._storm_per_s, now - _ROUND_S)
        if self._due_s > now:
            await asyncio.sleep(self._due_s - now)
        await self._opening.acquire()
        task = asyncio.create_task(self._open(self._links[row]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open(self, link: Link) -> None:
        address = self._address
        name = address.host if address.tls is not None else None
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                await asyncio.get_running_loop().create_connection(
                    lambda: link, address.host, address.port, ssl=address.tls, server_hostname=name
                )
        except (OSError, TimeoutError):
            self.refused[-1] += 1
            link.connection_lost(None)
        finally:
            self._opening.release()

    async def _look_after(self) -> None:
        """Ping every link twice per keep-alive, evenly spread, and bring back the lost ones."""
        loop = asyncio.get_running_loop()
        to_ping: list[Link] = []
        due = 0.0
        while True:
            await asyncio.sleep(_ROUND_S)
            now = loop.time()
            while self._returning and self._returning[0][0] <= now:
                await self._open_soon(heapq.heappop(self._returning)[1])
            if not to_ping:
                to_ping = list(self._links.values())
            due += len(self._links) * _ROUND_S * 2 / self._keep_alive_s
            while due >= 1.0 and to_ping:
                due -= 1.0
                to_ping.pop().ping()
