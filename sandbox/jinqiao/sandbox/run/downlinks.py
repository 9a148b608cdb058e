"""Downlinks of the simulated vehicles in a run: carried out as they come, answered, and their effect shown.

Messages wait in a bounded queue while a simulated second is being computed; whoever sends more than is worked off loses
the rest, which is counted. What vehicles do by themselves (an upgrade's next step) is done as its second comes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.telemetry import Batch
from jinqiao.device.agent.agent import MOST_BYTES, Agent, Responder
from jinqiao.device.agent.car import Outgoing, VehicleControl
from jinqiao.device.agent.fetching import fetch
from jinqiao.device.agent.files import RemoteFile, Verdict
from jinqiao.device.links.shared import SharedLink
from jinqiao.wire.alink.ev_thing_model import ev_thing_model
from jinqiao.wire.mqtt.packets import Publish

from .publish import Publisher

__all__ = ["Downlinks"]

_logger = logging.getLogger(__name__)

#: Bytes of messages that wait.
_MOST_HELD = 32 << 20
#: Messages that wait, and how many of them are worked off before the simulation gets its turn again.
_MOST_WAITING, _IN_A_TURN = 10_000, 200
#: Vehicles of a storm of logins that say who they are in one turn.
_GREETINGS_IN_A_TURN = 200
#: Files fetched at once.
_FETCHING = 4

Shown = Callable[[list[Batch]], Any]


class Downlinks:
    """Made before any connection, so that nothing is lost; `open` when there is a world to obey."""

    def __init__(self) -> None:
        #: Held while the simulation computes and publishes a second, and while a command is carried out.
        self.turn = asyncio.Lock()
        self.taken = self.dropped = 0
        #: Who answers what is no Alink (see `Agent`); put yours in before `open`.
        self.responders: dict[str, Responder] = {}
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._held = 0
        self._came: deque[int] = deque()
        self._stirred = asyncio.Event()
        self._agent: Agent | None = None
        self._publisher: Publisher | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = threading.Event()
        self._fetching = asyncio.Semaphore(_FETCHING)

    # Told by connections.

    def heard(self, message: Publish) -> None:
        """A message came for one of the vehicles."""
        size = len(message.payload)
        if size > MOST_BYTES or len(self._waiting) >= _MOST_WAITING or self._held + size > _MOST_HELD:
            self.dropped += 1
            return
        self._held += size
        self._waiting.append((message.topic, message.payload))
        self._stirred.set()

    def heard_by(self, _: int, message: Publish) -> None:
        """The same, over a vehicle's own connection."""
        self.heard(message)

    def came(self, row: int) -> None:
        """A vehicle has logged in by itself."""
        self._came.append(row)
        self._stirred.set()

    # Told by the run.

    async def open(
        self,
        car: VehicleControl,
        product_key: str,
        names: NDArray[np.bytes_],
        publisher: Publisher,
        link: SharedLink | None,
        *,
        on_platform: bool,
        reach: Callable[[], None],
        shown: Shown,
    ) -> Agent:
        """Begin to work. `reach` brings the world to the present second, `shown` is told the samples that were posted.

        On a plain broker (not `on_platform`) nothing is pushed: what is acted on is subscribed.
        """
        agent = Agent(
            product_key,
            names,
            car,
            ev_thing_model(product_key),
            self._fetch,
            responders=self.responders,
            on_platform=on_platform,
        )
        self._agent, self._publisher = agent, publisher
        self._car, self._reach, self._shown = car, reach, shown
        if link is not None:
            await link.subscribe(agent.custom_filters() if on_platform else agent.filters())
        self._start(self._work())
        return agent

    @property
    def next_ms(self) -> int | None:
        """When a vehicle does something by itself next, simulated UTC ms."""
        return self._agent.later.next_ms if self._agent is not None else None

    async def tick(self) -> None:
        """Do what is due at the present simulated moment; call it in the simulation's `turn`."""
        if self._agent is not None:
            await self._say(self._agent.tick())
            await self._show()

    async def close(self) -> None:
        """End; a file that is being fetched is given up."""
        self._closing.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def report(self) -> dict[str, int]:
        """How many downlinks there were, and how many were too many."""
        dropped = self.dropped + (self._agent.budget.dropped if self._agent is not None else 0)
        return {"taken": self.taken, "dropped": dropped}

    # The work.

    async def _work(self) -> None:
        while True:
            await self._stirred.wait()
            try:
                async with self.turn:
                    self._reach()
                    await self._carry_out()
                    await self._greet()
                    await self._show()
                    if not self._waiting and not self._came:
                        self._stirred.clear()
            except EnvironmentFault:
                return  # the connection is gone, which ends the run itself
            await asyncio.sleep(0)

    async def _carry_out(self) -> None:
        agent = self._agent
        assert agent is not None
        for _ in range(min(len(self._waiting), _IN_A_TURN)):
            topic, payload = self._waiting.popleft()
            self._held -= len(payload)
            self.taken += 1
            try:
                await self._say(agent.take(topic, payload, time.monotonic()))
            except EnvironmentFault:
                raise
            except Exception:  # a fault of the house costs this message, no more
                _logger.exception("a downlink to %r failed", topic[:200])

    async def _greet(self) -> None:
        agent = self._agent
        assert agent is not None
        for row in [self._came.popleft() for _ in islice(range(len(self._came)), _GREETINGS_IN_A_TURN)]:
            await self._say(agent.online(row))

    async def _say(self, messages: Iterable[Outgoing]) -> None:
        """Publish what vehicles answer."""
        assert self._publisher is not None
        for said in messages:
            await self._publisher.say(said)

    async def _show(self) -> None:
        """Post how the cars that have obeyed are now."""
        assert self._agent is not None
        assert self._publisher is not None
        touched = self._agent.asking.touched
        if not touched:
            return
        rows = np.array(sorted(touched))
        touched.clear()
        batches = self._car.look(rows)
        for batch in batches:
            await self._publisher.post(batch)
        await self._shown(batches)

    # Files.

    def _fetch(self, file: RemoteFile) -> None:
        self._start(self._fetch_and_go_on(file))

    async def _fetch_and_go_on(self, file: RemoteFile) -> None:
        verdict: Verdict
        async with self._fetching:
            verdict, content = await asyncio.to_thread(fetch, file, self._closing)
        assert self._agent is not None
        with suppress(EnvironmentFault):
            async with self.turn:
                self._reach()
                await self._say(self._agent.files.fetched(file, verdict, content))
                await self._show()

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
