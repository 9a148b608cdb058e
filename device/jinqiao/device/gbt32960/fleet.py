"""The links of a fleet: opened no faster than a storm may be, logged in again by the standard's times, kept alive."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from jinqiao.base.errors import EnvironmentFault
from jinqiao.wire.gbt32960.frame import Frame, encode_frame
from jinqiao.wire.gbt32960.vehicle import heartbeat

from .link import Event, State, VehicleLink

__all__ = ["FleetLinks", "Times"]


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. A login without success is repeated after `repeat_s` three times, then after `rest_s` (2016, 5.2)."""

    answer_s: float = 10.0
    repeat_s: float = 60.0
    rest_s: float = 1_800.0
    heartbeat_s: float = 60.0
    #: A connection that cannot be had or broke is opened again after doubling pauses.
    back_s: float = 1.0
    most_back_s: float = 60.0
    storm_per_s: float = 500.0
    round_s: float = 0.25
    start_s: float = 20.0
    farewell_s: float = 3.0
    patience_s: float = 1.0


_REPEATS = 3
_OPENING = 128
_OPEN_S = 10.0


class FleetLinks:
    """Links by fleet row; `login` and `logout` make a row's frames, `vin` its name."""

    def __init__(
        self,
        host: str,
        port: int,
        edition: str,
        login: Callable[[int], bytes],
        vins: list[str],
        *,
        most_kept: int,
        times: Times | None = None,
    ) -> None:
        self._host, self._port, self._edition = host, port, edition
        self._login, self._vins = login, vins
        self.times = times or Times()
        self.counts: Counter[str] = Counter()
        self.links = [VehicleLink(self, row, most_kept) for row in range(len(vins))]
        self._opening: set[asyncio.Task[None]] = set()
        self._failed_to_open: Counter[int] = Counter()
        self._care: asyncio.Task[None] | None = None
        self._closing = False
        self._allowed = 0.0
        self._stalled_at = -1
        self.why = ""

    @property
    def online(self) -> int:
        return sum(link.online for link in self.links)

    async def start(self) -> None:
        """Log in, and wait until all have tried once; EnvironmentFault when nobody listens at that address."""
        self._care = asyncio.create_task(self._look_after())
        deadline = asyncio.get_running_loop().time() + self.times.start_s
        while any(not link.online and not link.attempts for link in self.links):
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(self.times.round_s / 4)
        if not self.counts["opened"]:
            await self.close(lambda _: b"")
            raise EnvironmentFault(
                f"no GB/T 32960 platform answers at {self._host}:{self._port}: {self.why or 'no connection'}"
            )

    async def ease(self, most: int) -> None:
        """Wait while more than `most` frames a vehicle are unanswered and answers come: a run may be too fast for them.

        A platform that stops answering holds the run up once, for `patience_s`, and not again until it answers.
        """
        loop = asyncio.get_running_loop()
        answers, since = -1, loop.time()
        while sum(link.unanswered for link in self.links) > most * len(self.links):
            now_answered = self.counts["acknowledged"] + self.counts["rejected"]
            if now_answered != answers and now_answered != self._stalled_at:
                answers, since = now_answered, loop.time()
            elif loop.time() - since > self.times.patience_s or now_answered == self._stalled_at:
                self._stalled_at = now_answered
                return
            await asyncio.sleep(0.005)

    async def close(self, logout: Callable[[int], bytes]) -> None:
        """Send what was kept, log out, and wait a moment for the answers."""
        self._closing = True
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.times.farewell_s
        while any(link.online and link.kept for link in self.links) and loop.time() < deadline:
            for link in self.links:
                link.send_again()
            await asyncio.sleep(0.02)
        await self.ease(0)
        tasks = [*self._opening, *([self._care] if self._care is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self.links:
            link.leave(logout(link.row))
        deadline = loop.time() + self.times.farewell_s
        while any(link.state is not State.OFF for link in self.links) and loop.time() < deadline:
            await asyncio.sleep(0.02)
        for link in self.links:
            link.abort()
        await asyncio.sleep(0)
        self.counts["lost"] += sum(len(link.kept) for link in self.links)

    # What a link asks (Owner).

    def login(self, row: int) -> bytes:
        return self._login(row)

    def moved(self, link: VehicleLink, event: Event, before: State) -> None:
        now = asyncio.get_running_loop().time()
        if event is Event.OPENED:
            self.counts["opened"] += 1
            link.due_s = now + self.times.answer_s
        elif event is Event.ACCEPTED:
            self.counts["logins"] += 1
            link.attempts = self._failed_to_open[link.row] = 0
            link.say(encode_frame(Frame(self._edition, "time_sync", self._vins[link.row])))
            link.send_again()
        elif event in {Event.REFUSED, Event.UNANSWERED}:
            self.counts["refused" if event is Event.REFUSED else "unanswered_logins"] += 1
            link.attempts += 1
            link.due_s = now + (self.times.repeat_s if link.attempts <= _REPEATS else self.times.rest_s)
        elif event is Event.LOST and before in {State.LOGGING_IN, State.ONLINE} and not self._closing:
            self.counts["broken"] += 1
            self._come_back(link)

    def _come_back(self, link: VehicleLink) -> None:
        """Nobody is met by everybody at once: pauses double, and are spread at random."""
        self._failed_to_open[link.row] += 1
        pause = min(self.times.back_s * 2.0 ** min(self._failed_to_open[link.row] - 1, 10), self.times.most_back_s)
        link.due_s = asyncio.get_running_loop().time() + pause * random.uniform(0.5, 1.0)

    # Care.

    async def _look_after(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            self._allowed = min(self._allowed + self.times.storm_per_s * self.times.round_s, _OPENING)
            for link in self.links:
                self._look_at(link, now)
            await asyncio.sleep(self.times.round_s)

    def _look_at(self, link: VehicleLink, now: float) -> None:
        if link.online:
            link.send_again()
            if now - link.said_s >= self.times.heartbeat_s:
                self.counts["heartbeats"] += 1
                link.say(encode_frame(heartbeat(self._edition, self._vins[link.row])))
        elif link.state is State.LOGGING_IN and now >= link.due_s:
            link.give_up()
        elif link.state is State.OFF and now >= link.due_s and self._allowed >= 1.0 and len(self._opening) < _OPENING:
            self._allowed -= 1.0
            link.due_s = now + _OPEN_S + 1.0
            task = asyncio.create_task(self._open(link))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, link: VehicleLink) -> None:
        try:
            async with asyncio.timeout(_OPEN_S):
                await asyncio.get_running_loop().create_connection(lambda: link, self._host, self._port)
        except (OSError, TimeoutError) as error:
            self.why = (error.strerror if isinstance(error, OSError) else None) or str(error) or "no answer"
            self.counts["not_opened"] += 1
            if not self.counts["logins"]:
                link.attempts = max(link.attempts, 1)  # for `start`: this one has its answer
            self._come_back(link)
