"""Brings what vehicles say through the network, and out when it arrives.

At `--speed max` what has arrived goes out with each step, in the order of simulated time. At any other speed messages
that arrive within a second go out within it: a latency of 80 ms is 80 ms to a subscriber. Both send the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from jinqiao.device.agent.car import Outgoing
from jinqiao.device.network.absences import Presence
from jinqiao.device.network.lanes import some_of_can
from jinqiao.device.network.network import Network, Passed
from jinqiao.device.outbound import Outbound
from jinqiao.simulator.coverage import Coverage
from jinqiao.simulator.messages import MessageFaultState
from jinqiao.wire.render import StepRenderer
from jinqiao.wire.render.said import Said

from .pace import Pace

__all__ = ["Conveyor"]

#: What arrives within so many seconds of the wall clock goes out together: finer than a subscriber can tell.
_TOGETHER_S = 0.002
_NOTHING = Said([], [], [], ())
_NO_TIMES = np.zeros(0, np.int64)
_SECOND_US = 1_000_000


class Conveyor:
    """Sends on `outbound` what `network` has passed on, at the run's `pace`.

    `coverage` says who loses the network, `messages` what is wrong with whose messages.
    """

    def __init__(
        self,
        network: Network,
        renderer: StepRenderer,
        outbound: Outbound,
        pace: Pace,
        coverage: Coverage,
        messages: MessageFaultState,
        start_ms: int,
    ) -> None:
        self.network = network
        self._start_ms = start_ms
        self._renderer, self._outbound, self._pace = renderer, outbound, pace
        self._coverage, self._messages = coverage, messages
        #: What has been counted and is yet to go out, with what is left of it.
        self._waiting: list[Passed] = []
        self._next_us: int | None = None
        #: Up to when vehicles have been heard.
        self._now_us = 0

    async def take(self, said: Said, until_ms: int) -> None:
        """What vehicles said up to this moment. Raises EnvironmentFault when the broker is gone."""
        changes = self._coverage.take_changes() if self._coverage.changes else ()
        passed = self.network.pass_on(said, until_ms, changes, self._messages if self._messages.any else None)
        for presence in passed.presence:
            await self._tell(presence)
        self._now_us = (until_ms - self._start_ms) * 1000
        if self._pace.present_s is None:
            await self._send_waiting(None)
            if passed:
                await self._outbound.send(self._renderer, passed.said)
            await self._answer(self._now_us + _SECOND_US)
            return
        if not passed:
            return
        self._outbound.note(self._renderer, passed.said)
        if passed.said.labels:
            await self._outbound.send(self._renderer, Said(passed.said.labels, [], [], ()), noted=True)
            passed.said = replace(passed.said, labels=[])
        if passed:
            self._waiting.append(passed)
            self._plan()

    async def say(self, message: Outgoing) -> None:
        """What a vehicle answers, or says by itself: at once where nobody waits for less than a second."""
        present_s = self._pace.present_s
        now_us = self._now_us if present_s is None else max(self._now_us, round((present_s + 1) * _SECOND_US))
        self.network.answers.take(message, now_us)
        if present_s is None:
            await self._answer(now_us + _SECOND_US)
        elif (next_us := self.network.answers.next_us) is not None and (self._next_us or next_us + 1) > next_us:
            self._pace.nudge()

    async def idle(self, time_ms: int) -> None:
        """It is that late, and nobody said anything."""
        await self.take(_NOTHING, time_ms)

    async def until(self, second: float, stop: asyncio.Event, turn: asyncio.Lock) -> bool:
        """Wait as `Pace.until` does, and send meanwhile what arrives, each time in the simulation's `turn`."""
        while (next_us := self._soonest_us()) is not None:
            due_s = _pace_second(next_us)
            if due_s >= second or self._pace.present_s is None:
                break
            if not await self._pace.until(due_s, stop):
                return False
            async with turn:
                now_s = self._pace.present_s
                speed = self._pace.speed
                if now_s is not None and speed is not None:
                    now_s = min(max(due_s, now_s) + _TOGETHER_S * speed, second)
                    before_us = int((now_s + 1) * _SECOND_US)
                    await self._send_waiting(before_us)
                    await self._answer(before_us)
        return await self._pace.until(second, stop)

    def _soonest_us(self) -> int | None:
        moments = (self._next_us, self.network.answers.next_us)
        return min((moment for moment in moments if moment is not None), default=None)

    async def _answer(self, before_us: int) -> None:
        for message in self.network.answers.give(before_us):
            await self._outbound.say(message)

    async def _tell(self, presence: Presence) -> None:
        """Let connections end and begin, and our gateway know."""
        if presence.what == "lost":
            await self._send_waiting(None)  # what left the vehicle before is on its way
            await self._outbound.cut(presence.rows)
        elif presence.what == "noticed":
            await self._outbound.presence(presence.rows, False, presence.time_ms)
        else:
            await self._outbound.restore(presence.rows)
            if len(presence.known):
                await self._outbound.presence(presence.known, True, presence.time_ms)

    async def _send_waiting(self, before_us: int | None) -> None:
        """Send what arrives before this, or everything."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for passed in waiting:
            now, later = _split(passed, before_us)
            if later:
                self._waiting.append(later)
            if now:
                await self._outbound.send(self._renderer, now.said, noted=True)
        self._plan()

    def _plan(self) -> None:
        moments = [passed.moments_us() for passed in self._waiting]
        self._next_us = min((int(times.min()) for times in moments if len(times)), default=None)


def _pace_second(time_us: int) -> float:
    """When the run's pace is there: what is made at the end of a second is published as that second begins."""
    return time_us / _SECOND_US - 1.0


def _split(passed: Passed, before_us: int | None) -> tuple[Passed, Passed]:
    """What arrives before this, and what arrives later."""
    if before_us is None:
        return passed, Passed(_NOTHING, _NO_TIMES, _NO_TIMES)
    due = [times < before_us for times in (passed.events_us, passed.posts_us, *passed.batches_us, *passed.can_us)]
    return _some(passed, due), _some(passed, [~which for which in due])


def _some(passed: Passed, chosen: Sequence[NDArray[np.bool_]]) -> Passed:
    """Those that are chosen of events, of posts, of each batch, and of each second of CAN."""
    said, (events, posts, *others) = passed.said, chosen
    batches, seconds = others[: len(said.batches)], others[len(said.batches) :]
    parts = [
        (one.some(rows), times[rows])
        for one, times, rows in zip(said.batches, passed.batches_us, batches, strict=True)
        if rows.any()
    ]
    can = [
        (some_of_can(one, rows), times[rows])
        for one, times, rows in zip(said.can, passed.can_us, seconds, strict=True)
        if rows.any()
    ]
    return Passed(
        Said(
            [],
            [event for event, yes in zip(said.events, events.tolist(), strict=True) if yes],
            [one for one, _ in parts],
            tuple(one for one, _ in can),
            [post for post, yes in zip(said.posts, posts.tolist(), strict=True) if yes],
        ),
        passed.events_us[events],
        passed.posts_us[posts],
        [times for _, times in parts],
        [times for _, times in can],
    )
