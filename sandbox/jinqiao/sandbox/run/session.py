"""A run from start to summary: made, watched, held to the clock, and ended cleanly."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from jinqiao.base.errors import EnvironmentFault
from jinqiao.base.system import process_age_s

from .about import about_run
from .console import NoTable
from .ending import Ending
from .loop import simulate
from .options import RunOptions
from .plan import plan_run
from .running import Running
from .start import start_run
from .summary import Summary
from .watch import watched

__all__ = ["Ended", "Hook", "run"]

Hook = Callable[[Running], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """What is left of a run: its summary, what broke if anything did, and the run itself if it ever began.

    `exit_code` is that of the signal which ended it, 0 if none did.
    """

    summary: Summary
    fault: EnvironmentFault | None
    running: Running | None
    exit_code: int


async def run(options: RunOptions, console: NoTable, ready: Hook, settled: Hook | None = None) -> Ended:
    """Run until the scenario, `--for`, a signal or a fault ends it.

    `ready` is awaited once the ports listen and before the first telemetry, `settled` when everything published has
    been forwarded and the gateway still runs. Raises InputError for what is wrong with the options or the scenario.
    """
    plan, ending = plan_run(options), Ending()
    summary = Summary(plan.scenario.name, plan.seed, began=time.perf_counter() - process_age_s())
    summary.about = about_run(plan)
    running: Running | None = None
    with ending.on_signals():
        try:
            async with AsyncExitStack() as stack:
                running = await start_run(options, plan, ending, summary, stack)
                try:
                    async with ending.in_time():
                        await ready(running)
                        async with watched(running, console):
                            await simulate(running)
                        await _settle(running)
                        if settled is not None:
                            await settled(running)
                finally:
                    _close_books(running)
        except EnvironmentFault as fault:
            ending.broke(fault)
        except KeyboardInterrupt:
            if ending.signal is None:
                raise
    summary.ended = ending.how
    return Ended(summary, ending.fault, running, ending.exit_code)


async def _settle(run: Running) -> None:
    """Let the broker finish what it was sent, then read our gateway's counters for the last time."""
    if run.shared is not None:
        await run.shared.flush()
        run.summary.latencies_ms.extend(run.shared.take_latencies_ms())
    if run.gateway is not None:
        await run.gateway.stats()


def _close_books(run: Running) -> None:
    summary = run.summary
    if run.gateway is not None:
        summary.gateway = run.gateway.latest
    if not summary.wall_s and summary.sent.messages:
        summary.wall_s = run.pace.wall_s()
    summary.states = run.world.counts()
    summary.commands = run.world.command_outcomes
    summary.given = [command.as_json() for command in run.world.commands_given]
    summary.faults = [fault.as_json() for fault in run.world.faults.of_file]
    summary.fleets = {name: figures.as_json() for name, figures in run.world.figures().items()}
    if len(run.world.towns) > 1:
        digests = summary.sent.digest.towns()
        towns = zip(run.world.town_figures().items(), digests, strict=True)
        summary.towns = {name: figures.as_json() | {"sha256": sha256} for (name, figures), sha256 in towns}
    summary.simulated_s = summary.simulated_s or float(run.world.elapsed_s)
    summary.behind_s = run.pace.behind_s
    summary.downlinks = run.downlinks.report()
    if run.checker is not None:
        summary.check = run.checker.as_json()
