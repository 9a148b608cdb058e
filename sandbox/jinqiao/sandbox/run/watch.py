"""What somebody sees of a run while it runs, and the gateway's counters behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from jinqiao.base.errors import EnvironmentFault

from .console import NoTable
from .running import Running

__all__ = ["watched"]

_STATS_EVERY_S = 0.5
_SHOW_EVERY_S = 0.25


@asynccontextmanager
async def watched(run: Running, console: NoTable) -> AsyncIterator[None]:
    """Meanwhile the console shows the run."""
    with console:
        watching = asyncio.create_task(_watch(run, console))
        try:
            yield
        finally:
            watching.cancel()


async def _watch(run: Running, console: NoTable) -> None:
    """Redraw the console and refresh the gateway's counters until cancelled."""
    asked = 0.0
    while True:
        with suppress(EnvironmentFault):
            if run.gateway is not None and time.perf_counter() - asked >= _STATS_EVERY_S:
                asked = time.perf_counter()
                await run.gateway.stats()
        console.show(run.view())
        await asyncio.sleep(_SHOW_EVERY_S)
