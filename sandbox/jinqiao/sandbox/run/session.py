"""A run from start to summary: made, watched, held to the clock, and ended cleanly."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import process_age_s
from jinqiao.device.links.shared import SharedLink

from ..control.serving import served
from .about import about_run
from .console import NoTable
from .ending import Ending
from .gateway_child import GatewayChild
from .loop import simulate
from .options import RunOptions
from .plan import plan_run
from .running import Running
from .start import start_run
from .summary import Summary
from .watch import watched

__all__ = ["Ended", "Hook", "run"]

#: A gateway that has nothing to say for so long, twice, is not waited for.
_STILL_ALIVE_S = 2.0

Hook = Callable[[Running], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a run: its summary, what broke if anything did, and the run itself if it ever began.

    `exit_code` is that of the signal which ended it, 0 if none did. `fault` is still to be raised.
    """

    summary: Summary
    fault: Exception | None
    running: Running | None
    exit_code: int


async def run(
    options: RunOptions,
    console: NoTable,
    ready: Hook,
    settled: Hook | None = None,
    child: GatewayChild | None = None,
) -> Ended:
    """Run until the scenario, `--for`, a signal or a fault ends it.

    `ready` is awaited once the ports listen and before the first telemetry, `settled` when everything published has
    been forwarded and the gateway still runs. `child` is the gateway's process, where that was started already.
    Raises InputError for what is wrong with the scenario; what ends the run once it has begun is in `Ended.fault`.
    """
    plan, ending = plan_run(options), Ending()
    summary = Summary(plan.scenario.name, plan.seed, began=time.perf_counter() - process_age_s())
    summary.about = about_run(plan)
    running: Running | None = None
    with ending.on_signals():
        try:
            async with AsyncExitStack() as stack:
                async with ending.in_time("the run was not ready"):
                    running = await start_run(options, plan, ending, summary, stack, child)
                try:
                    async with ending.in_time("published messages were not accepted"):
                        await ready(running)
                        async with served(running):
                            async with watched(running, console):
                                await simulate(running)
                            await _settle(running)
                            if settled is not None:
                                await settled(running)
                            if options.linger:
                                await running.control.linger()
                finally:
                    _close_books(running)
        except Exception as fault:  # whatever it is, the summary says so; it is raised again afterwards
            ending.broke(fault)
        except KeyboardInterrupt:
            if ending.signal is None:
                raise
    summary.ended, summary.reason = ending.how, ending.reason
    return Ended(summary, ending.fault, running, ending.exit_code)


async def _settle(run: Running) -> None:
    """Let the broker finish what it was sent, then read our gateway's counters for the last time."""
    if run.shared is not None:
        await _flushed(run, run.shared)
        run.summary.latencies_ms.extend(run.shared.take_latencies_ms())
    if run.gateway is not None:
        await run.gateway.stats()


async def _flushed(run: Running, shared: SharedLink) -> None:
    """Wait until the broker has routed everything, for as long as our gateway is alive.

    A broker may take its time with what it was sent; a process that stands still says nothing at all.
    """
    flushing = asyncio.create_task(shared.flush())
    try:
        while not (await asyncio.wait({flushing}, timeout=_STILL_ALIVE_S))[0]:
            if run.gateway is not None and not await run.gateway.is_alive(_STILL_ALIVE_S):
                raise EnvironmentFault(
                    "the gateway process stands still: it is not confirmed that the messages published in the last "
                    f"{shared.unconfirmed_s:,.1f} s were routed"
                )
        await flushing
    finally:
        flushing.cancel()


def _close_books(run: Running) -> None:
    summary = run.summary
    if run.gateway is not None:
        summary.gateway = run.gateway.latest
    if not summary.wall_s and summary.sent.messages:
        summary.wall_s = run.pace.wall_s()
    summary.states = run.world.counts()
    summary.commands = run.world.command_outcomes
    summary.given = [command.as_json() for command in run.world.commands_given]
    summary.faults = [fault.as_json() for fault in run.world.faults.became]
    summary.fleets = {name: figures.as_json() for name, figures in run.world.figures().items()}
    if len(run.world.towns) > 1:
        figures = run.world.town_figures().items()
        digests = summary.sent.digest.towns()
        summary.towns = {
            name: {**found.as_json(), "sha256": digest} for (name, found), digest in zip(figures, digests, strict=True)
        }
    summary.simulated_s = summary.simulated_s or float(run.world.elapsed_s)
    summary.behind_s = run.pace.behind_s
    summary.held_s = None if run.lock_step is None else run.lock_step.held_s
    summary.downlinks = run.downlinks.report()
    if run.out.conveyor is not None:
        summary.network = run.out.conveyor.network.report()
    if run.checker is not None:
        summary.check = run.checker.as_json()
    if run.judgement:
        summary.expectations = run.judgement.as_json()
