"""The hand on a run's clock: it is paused and goes on, goes faster, advances by so many seconds, or ends.

The loop over simulated seconds (`loop.py`) asks here whether it stands and how far it may go; `/control` and whatever
else steers a run call the rest. All of it happens on the event loop, between two steps.
"""

from __future__ import annotations

import asyncio
import math
from typing import Literal

from jinqiao.base.errors import JinqiaoError
from jinqiao.simulator.world import World

from .ending import Ending
from .pace import Pace
from .ticker import catch_up

__all__ = ["Control", "NotNow"]


class NotNow(JinqiaoError):
    """What is asked fits, but not at this moment: `found` says how the run is, `expected` how it would have to be."""

    def __init__(self, found: str, expected: str) -> None:
        self.found, self.expected = found, expected
        super().__init__(f"{found}; expected {expected}")


class Control:
    """Of a run that ends at `end_s`. `token` and `url` are where and for whom `/control` answers; no `url`, nowhere."""

    def __init__(
        self, world: World, pace: Pace, ending: Ending, end_s: float, *, paused: bool, token: str, url: str | None
    ) -> None:
        self.token, self.url = token, url
        self._world, self._pace, self._ending, self._end_s = world, pace, ending, end_s
        self._paused = False
        self._finished = False
        #: Where an advance goes, and what happens when it is there.
        self._target_s = math.inf
        self._arrived: asyncio.Future[None] | None = None
        self._moved = asyncio.Event()
        #: Set when a run that is over may go, if it waits for that.
        self._lingering: asyncio.Event | None = None
        if paused:
            self._stand()

    # For everybody.

    @property
    def state(self) -> Literal["running", "paused", "finished"]:
        """An advance runs."""
        if self._finished or self._ending.stop.is_set():
            return "finished"
        return "paused" if self.stands else "running"

    @property
    def elapsed_s(self) -> int:
        """Simulated seconds since the start; a run that went to its end has come to it, whoever was awake then."""
        if self._finished and not self._ending.stop.is_set():
            return int(self._end_s)
        return self._world.elapsed_s

    @property
    def time_ms(self) -> int:
        """Simulated UTC, ms since 1970."""
        return self._world.time_ms + (self.elapsed_s - self._world.elapsed_s) * 1000

    @property
    def speed(self) -> float | None:
        """At which it runs when it is not paused; None is as fast as possible."""
        return self._pace.speed

    def check_not_finished(self) -> None:
        """Raise NotNow after the end."""
        if self.state == "finished":
            raise NotNow("the run has finished", "a run that goes on")

    def pause(self) -> None:
        """Let simulated time stand after the second that is under way. An advance ends there."""
        self.check_not_finished()
        if self._arrived is not None:
            self._give_up()
        elif not self._paused:
            catch_up(self._world, self._pace)
            self._stand()
            self._pace.nudge()

    def resume(self) -> None:
        """Go on at the run's speed. Raises NotNow in an advance."""
        self._check_free()
        if self._paused:
            self._paused = False
            self._pace.let_go()
            self._pace.follow(self.speed, self._world.elapsed_s)
            self._moved.set()

    def go_at(self, speed: float | None) -> None:
        """Another speed, from now on; a run that is paused has it when it goes on."""
        self.check_not_finished()
        catch_up(self._world, self._pace)
        self._pace.follow(speed, self._world.elapsed_s)

    async def advance(self, seconds: int) -> None:
        """Run so many seconds as fast as possible, and stand there, or end with the scenario.

        Returns when everything published on the way has been forwarded. If the caller is cancelled the run stands where
        it is by then. Raises NotNow while another advance is under way, and after the end.
        """
        self._check_free()
        catch_up(self._world, self._pace)
        if not self._paused:
            self._stand()
        self._target_s = self._world.elapsed_s + seconds
        arrived = self._arrived = asyncio.get_running_loop().create_future()
        self._pace.free = True
        self._pace.nudge()
        self._moved.set()
        try:
            await asyncio.shield(arrived)
        except asyncio.CancelledError:
            if self._arrived is arrived:
                self._give_up()
            raise

    def stop(self) -> None:
        """End the run as Ctrl-C does; one that is over and lingers, as if it had not."""
        if self._lingering is not None:
            self._lingering.set()
            return
        self.check_not_finished()
        self._ending.interrupt()

    # For the loop.

    @property
    def stands(self) -> bool:
        """Whether no further second may begin."""
        return self._paused and self._arrived is None

    @property
    def limit_s(self) -> float:
        """No second from this one on may begin: an advance ends there, or the run."""
        return min(self._target_s, self._end_s)

    async def stand(self) -> None:
        """Return when the run may go on, or is to end."""
        self._moved.clear()
        await _first_of(self._moved, self._ending.stop)

    def arrive(self) -> None:
        """The advance is where it was to go, and everything has been forwarded."""
        self._pace.free = False
        self._target_s = math.inf
        arrived, self._arrived = self._arrived, None
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    def finish(self) -> None:
        """The run is over: an advance that went to its end, or was under way, is answered."""
        self._finished = True
        self.arrive()

    async def linger(self) -> None:
        """The run is over; return when it is told to stop, or ended by something else."""
        self._lingering = asyncio.Event()
        self.finish()
        await _first_of(self._lingering, self._ending.stop)

    def _stand(self) -> None:
        self._paused = True
        self._pace.hold()

    def _give_up(self) -> None:
        """Let an advance end with the second that is under way."""
        self._target_s = self._world.elapsed_s
        self._pace.nudge()

    def _check_free(self) -> None:
        self.check_not_finished()
        if self._arrived is not None:
            raise NotNow(f"an advance to second {self._target_s:g} is under way", "none, or to pause it first")


async def _first_of(*events: asyncio.Event) -> None:
    """Return when one of these is set."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()
