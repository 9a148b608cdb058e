"""What `jinqiao serve` shows of its devices: a table on a terminal, or with `--verbose` a line for each thing."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from jinqiao.base.words import counted
from jinqiao.gateway.platform.events import EventAccepted, Offline, Online, PropertiesAccepted, Refused
from jinqiao.gateway.platform.listeners import Events
from jinqiao.gateway.platform.registry.registry import Registry

from .shown import cell

__all__ = ["DeviceTable", "StderrHandler", "log_devices"]

_logger = logging.getLogger("jinqiao.serve")

#: Lines about refusals in a period of so many seconds: a stranger who tries in a loop fills no disk.
_LINES, _PERIOD_S = 100, 10.0
#: Longest text of a stranger's that is repeated.
_LONGEST = 128
#: Lines of the terminal that are not rows of the table.
_OTHER_LINES = 6
#: Devices that the table remembers: as long as they are active, the others are forgotten.
_MOST = 1_000


def log_devices(events: Events, clock: Callable[[], float] = time.monotonic) -> None:
    """Write a line for every login, logout and refusal from now on."""
    refusals = _Allowance(clock)

    def online(event: Online) -> None:
        where = f" from {event.address}" if event.address else ""
        _logger.info("online   %s%s", event.device.identity, where)

    def offline(event: Offline) -> None:
        _logger.info("offline  %s", event.device.identity)

    def refused(event: Refused) -> None:
        for line in refusals.lines(_refusal(event)):
            _logger.info("%s", line)

    events.subscribe(Online, online)
    events.subscribe(Offline, offline)
    events.subscribe(Refused, refused)


class StderrHandler(logging.Handler):
    """Writes to what standard error is now: while a table is drawn, lines go above it."""

    def emit(self, record: logging.LogRecord) -> None:
        stream: TextIO = sys.stderr
        try:
            stream.write(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


def _refusal(event: Refused) -> str:
    """One line; texts are quoted, because a stranger may have chosen them."""
    who = f"{event.product_key}/{event.device_name}"[:_LONGEST] if event.product_key or event.device_name else ""
    return f"refused  {who!r} {event.topic[:_LONGEST]!r}: {event.code} {event.message[:_LONGEST]!r}"


class _Allowance:
    """So many lines a period; those left out are counted in one line when the next period begins."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock, self._ends, self._left, self._over = clock, float("-inf"), 0, 0

    def lines(self, line: str) -> Iterator[str]:
        """What is to be written now."""
        now = self._clock()
        if now >= self._ends:
            if self._over:
                yield f"{self._over} more refusals were left out"
            self._ends, self._left, self._over = now + _PERIOD_S, _LINES, 0
        if self._left:
            self._left -= 1
            yield line
        else:
            self._over += 1


@dataclass(slots=True)
class _Seen:
    """What is shown of a device beside whether it is online; `said_s` is when it said something last, monotonic."""

    address: str = ""
    posts: int = 0
    events: int = 0
    said_s: float = 0.0
    refusal: str = ""


class DeviceTable:
    """Devices that are active, latest first: online or not, what they posted, what was last refused."""

    def __init__(self, registry: Registry, events: Events, clock: Callable[[], float] = time.monotonic) -> None:
        self._registry, self._clock = registry, clock
        #: By identity, the latest active last.
        self._seen: dict[str, _Seen] = {}
        self._connected: set[str] = set()
        events.subscribe(Online, self._online)
        events.subscribe(Offline, self._offline)
        events.subscribe(PropertiesAccepted, self._posted)
        events.subscribe(EventAccepted, self._reported)
        events.subscribe(Refused, self._refused)

    @contextmanager
    def shown(self, console: Console, every_s: float = 1.0) -> Iterator[None]:
        """Draw the table in place while inside."""
        with Live(console=console, auto_refresh=False, transient=True) as live:

            async def redraw() -> None:
                while True:
                    live.update(self.draw(console.height - _OTHER_LINES), refresh=True)
                    await asyncio.sleep(every_s)

            drawing = asyncio.create_task(redraw())
            try:
                yield
            finally:
                drawing.cancel()

    def draw(self, rows: int) -> Table:
        """The table with at most so many rows."""
        table = Table("device", "", "from", "posts", "events", "last", "last refusal", box=None, header_style="dim")
        for column in (3, 4, 5):
            table.columns[column].justify = "right"
        for identity, seen in list(reversed(self._seen.items()))[: max(rows, 1)]:
            table.add_row(
                cell(identity, 80),
                Text("online", style="green") if identity in self._connected else Text("offline", style="dim"),
                Text(seen.address),
                f"{seen.posts:,}",
                f"{seen.events:,}",
                f"{self._clock() - seen.said_s:,.0f} s ago" if seen.said_s else "",
                Text(seen.refusal, style="yellow", overflow="ellipsis", no_wrap=True),
            )
        table.caption = f"{len(self._connected):,} of {counted(self._devices(), 'device')} online; Ctrl-C ends"
        table.caption_justify = "left"
        return table

    def _devices(self) -> int:
        return sum(len(product.devices) for product in self._registry.products.values())

    def _of(self, identity: str) -> _Seen:
        """What is known of a device, which is the latest active from now on."""
        seen = self._seen.pop(identity, None) or _Seen()
        self._seen[identity] = seen
        if len(self._seen) > _MOST:
            del self._seen[next(iter(self._seen))]
        return seen

    def _online(self, event: Online) -> None:
        self._of(event.device.identity).address = event.address
        self._connected.add(event.device.identity)

    def _offline(self, event: Offline) -> None:
        self._of(event.device.identity)
        self._connected.discard(event.device.identity)

    def _posted(self, event: PropertiesAccepted) -> None:
        seen = self._of(event.device.identity)
        seen.posts, seen.said_s = seen.posts + 1, self._clock()

    def _reported(self, event: EventAccepted) -> None:
        seen = self._of(event.device.identity)
        seen.events, seen.said_s = seen.events + 1, self._clock()

    def _refused(self, event: Refused) -> None:
        if self._registry.device(event.product_key, event.device_name) is None:
            return  # a stranger's names
        seen = self._of(f"{event.product_key}/{event.device_name}")
        seen.refusal = f"{event.code} {event.message[:_LONGEST]!r} {event.topic[:_LONGEST]!r}"
