"""Listeners that hold the clock (`--lock-step`): no second begins before they have taken what the last one published.

The gateway knows who has (`gateway.broker.lock_step`); here is when it is asked, what the run says while it waits, and
how long it does.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from jinqiao.base.errors import EnvironmentFault
from jinqiao.device.links.login import VehicleLinks
from jinqiao.device.links.shared import SharedLink
from jinqiao.wire.stepping import Held

from .downlinks import Downlinks
from .pace import Pace

__all__ = ["LockStep"]

#: What listeners send in reaction to the effect of a command is executed in the same second so many times in a row. One
#: that answers every post with a command would hold the clock for ever.
_ROUNDS = 10
#: A listener that is connected may think for so long before the run says that it waits for it.
_SAY_AFTER_S = 5.0
_LOOK_S = 0.25
#: While a step is held the gateway reports four times a second.
_SILENT_S = 30.0


class LockStep:
    """Holds the clock. Raises EnvironmentFault when a listener is away, or finishes nothing, for `limit_s`.

    `held_s` is how long the clock was held since the run began; `waiting` says for whom it is at this moment.
    """

    def __init__(
        self,
        limit_s: float,
        shared: SharedLink,
        own: VehicleLinks,
        downlinks: Downlinks,
        pace: Pace,
        stop: asyncio.Event,
        say: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
    ) -> None:
        self.held_s = 0.0
        self.waiting = ""
        self._limit_s = limit_s
        self._shared, self._own, self._downlinks, self._pace = shared, own, downlinks, pace
        self._stop, self._say = stop, say
        self._held = Held()
        #: When that changed last, and when the gateway said anything.
        self._since = self._heard = 0.0
        #: Whether the run has said whom it waits for, and whether it has ever begun.
        self._said = False
        self._begun = False

    async def begin(self) -> None:
        """Return when all have connected and subscribed, however long that takes, or when the run is to end."""
        await self._wait(None)
        self._begun = True

    async def end_second(self) -> None:
        """Return when they have taken all that was published, and what they asked for in return has been done."""
        began = time.perf_counter()
        with self._pace.held():
            for _ in range(_ROUNDS):
                before = self._downlinks.taken
                await self._own.flush()
                await self._wait(self._limit_s)
                await self._own.flush()
                await self._downlinks.work_off()
                if self._downlinks.taken == before or self._stop.is_set():
                    break
        self.held_s += time.perf_counter() - began

    async def _wait(self, limit_s: float | None) -> None:
        """Return at the end of a step, or when the run is to end."""
        self._held, self._said = Held(), False
        self._since = self._heard = time.perf_counter()
        ended = await self._shared.end_step(self._report)
        stopped = asyncio.ensure_future(self._stop.wait())
        waiting_for: set[asyncio.Future[Any]] = {ended, stopped}
        try:
            while not ended.done() and not stopped.done():
                await asyncio.wait(waiting_for, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                if not ended.done():
                    self._check(limit_s)
            if ended.done():
                ended.result()
                if self._said:
                    self._say("lock-step: the clock goes on")
        finally:
            stopped.cancel()
            ended.cancel()
            self.waiting = ""

    def _check(self, limit_s: float | None) -> None:
        """Raise EnvironmentFault when it has taken too long."""
        now = time.perf_counter()
        if limit_s is not None and self._held and now - self._since > limit_s:
            raise EnvironmentFault(
                f"--lock-step: {_those_of(self._held)} for {limit_s:g} s; the run ends here\n"
                "  --lock-step-limit allows more"
            )
        if now - self._heard > _SILENT_S:
            raise EnvironmentFault(f"the gateway process has said nothing for {_SILENT_S:g} s at the end of a step")

    def _report(self, held: Held) -> None:
        """The gateway says whom it waits for."""
        now = self._heard = time.perf_counter()
        if held != self._held:
            newly_missing = set(held.missing) - set(self._held.missing)
            self._held, self._since = held, now
            if newly_missing:
                self._announce()
        elif not self._said and now - self._since > _SAY_AFTER_S:
            self._announce()
        self.waiting = _those_of(held)

    def _announce(self) -> None:
        self._said = True
        until = f", for {self._limit_s:g} s at most" if self._begun else ""
        self._say(f"lock-step: the clock waits{until}: {_those_of(self._held)}")


def _those_of(held: Held) -> str:
    """Whom a step waits for, and for what."""
    parts = [f"client {name!r} is not connected and subscribed" for name in held.missing]
    parts += [
        f"client {name!r} has not acknowledged {count:,} message{'s' if count > 1 else ''}"
        for name, count in held.behind
        if name not in held.missing
    ]
    return ", ".join(parts)
