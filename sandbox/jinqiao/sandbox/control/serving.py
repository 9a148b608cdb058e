"""`/control` of a run that runs: its requests come from the gateway process, or over an HTTP port of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jinqiao.gateway.controlled import Carry, ControlAnswer, Controlled, ControlRequest

from ..run.relay import RelayedFrom
from ..run.running import Running

__all__ = ["served"]


@asynccontextmanager
async def served(run: Running) -> AsyncIterator[None]:
    """Meanwhile requests are answered; those under way at the end still are."""
    carry = _prompted(run)
    if run.gateway is not None:
        relayed = await RelayedFrom.open(run.gateway.control, carry)
        try:
            yield
        finally:
            run.control.finish()
            await relayed.close()
        return
    if run.http is None:
        yield
        return
    from jinqiao.gateway.web.control import ControlDoor  # a web server: only a run without a gateway has one here

    controlled = Controlled(run.control.token, carry)
    run.http.serve(lambda: ControlDoor(controlled, open_to_all=run.options.http_host is not None))
    try:
        yield
    finally:
        run.control.finish()
        await asyncio.sleep(0)  # whoever waits for the end of an advance gets its answer
        await run.http.close()


def _prompted(run: Running) -> Carry:
    """What answers requests. The table of calls is imported with the first one: most runs are never asked."""
    made: list[Carry] = []

    async def carry(request: ControlRequest) -> ControlAnswer:
        if not made:
            from .dispatch import Dispatcher

            made.append(Dispatcher(run).carry)
        return await made[0](request)

    return carry
