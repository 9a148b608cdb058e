"""Downlinks of the simulated vehicles in a run: carried out as they come, answered, and their effect shown.

What vehicles do by themselves (an upgrade's next step) is done as its second comes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.telemetry import Step
from jinqiao.device.agent.agent import Agent
from jinqiao.device.agent.car import Outgoing, VehicleControl

from .inbox import Inbox
from .product_feed import ProductFeed
from .way_out import WayOut

__all__ = ["Downlinks"]

_logger = logging.getLogger(__name__)

#: Messages that are processed before the simulation gets its turn again.
_IN_A_TURN = 200
#: Vehicles of a storm of logins that say who they are in one turn.
_GREETINGS_IN_A_TURN = 200


class Downlinks:
    """What `inbox` holds, given to `agent`, which acts on `car`; what it says leaves by `out`.

    `reach` brings the world to the present second; `clock_s` is what the bound on a vehicle's downlinks in a second is
    counted by. What is about the product is for `feed`. Works from `begin` to `close`.
    """

    def __init__(
        self,
        inbox: Inbox,
        agent: Agent,
        car: VehicleControl,
        out: WayOut,
        reach: Callable[[], None],
        clock_s: Callable[[], float] = time.monotonic,
        feed: ProductFeed | None = None,
    ) -> None:
        #: Held while the simulation computes and publishes a second, and while a command is carried out.
        self.turn = asyncio.Lock()
        self._inbox, self._agent, self._car, self._out, self._reach = inbox, agent, car, out, reach
        self._clock_s, self._feed = clock_s, feed
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Take what comes, from now on."""
        self._tasks.append(asyncio.create_task(self._work()))

    def next_ms(self) -> int | None:
        """When a vehicle does something by itself next, simulated UTC ms."""
        return self._agent.later.next_ms

    @property
    def taken(self) -> int:
        """Messages that have been taken so far."""
        return self._inbox.taken

    async def work_off(self) -> None:
        """Return when nothing that has come waits any more. Raises EnvironmentFault when the connection is gone."""
        while self._inbox.stirred.is_set():
            await self._act()

    async def tick(self) -> None:
        """Do what is due at the present simulated moment; call it in the simulation's `turn`."""
        await self._say(self._agent.tick())
        await self._show()

    async def close(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def report(self) -> dict[str, int]:
        """How many downlinks there were, and how many were too many."""
        return {"taken": self._inbox.taken, "dropped": self._inbox.dropped + self._agent.budget.dropped}

    async def _work(self) -> None:
        while True:
            await self._inbox.stirred.wait()
            try:
                await self._act()
            except EnvironmentFault:
                return  # the connection is gone, which ends the run itself
            await asyncio.sleep(0)

    async def _act(self) -> None:
        """Act on what waits, as much as fits into one turn."""
        inbox = self._inbox
        async with self.turn:
            self._reach()
            for topic, payload, arrived_ms in inbox.messages(_IN_A_TURN):
                if self._feed is not None and self._feed.take(topic, payload, arrived_ms):
                    continue
                if self._out.reaches(self._agent.row_of(topic)):
                    await self._answer(partial(self._agent.take, topic, payload, self._clock_s()))
            for row in inbox.logins(_GREETINGS_IN_A_TURN):
                await self._answer(partial(self._agent.online, row))
            for fetched in inbox.files():
                await self._answer(partial(self._agent.files.fetched, *fetched))
            await self._show()
            inbox.rest()

    async def _answer(self, act: Callable[[], Iterable[Outgoing]]) -> None:
        """Let the agent act, and publish what it says. A fault of our own costs this act, no more."""
        try:
            await self._say(act())
        except EnvironmentFault:
            raise
        except Exception:
            _logger.exception("a downlink failed: %.300r", act)

    async def _say(self, messages: Iterable[Outgoing]) -> None:
        """Publish what vehicles answer."""
        for message in messages:
            await self._out.say(message if self._feed is None else self._feed.marked(message))

    async def _show(self) -> None:
        """Post how the cars that were commanded are now."""
        touched = self._agent.asking.touched
        if touched:
            rows = np.array(sorted(touched))
            touched.clear()
            await self._out.take(Step(self._car.time_ms, tuple(self._car.look(rows))))
