"""Simulated time of a run, in seconds or in stretches of them: what happens, and out with it."""

from __future__ import annotations

import sys
import time

from jinqiao.base.telemetry import Step

from .running import Running

__all__ = ["simulate"]


async def simulate(run: Running) -> None:
    """Run to the end of the plan, or until the run is ended."""
    world, ticker, pace, stop, end_s = run.world, run.ticker, run.pace, run.ending.stop, run.plan.end_s
    if run.lock_step is not None:
        await run.lock_step.begin()
    pace.start()
    before = run.summary.messages
    while (second := ticker.next_second()) < end_s and await pace.until(second, stop):
        async with run.downlinks.turn:
            if ticker.arrive(second):
                await _leave(run, world.advance(ticker.stretch_end(end_s)))
            await run.downlinks.tick()
        if run.lock_step is not None and run.summary.messages > before:
            await run.lock_step.end_second()
            before = run.summary.messages
    await pace.until(end_s, stop)
    run.summary.wall_s = pace.wall_s()
    run.summary.simulated_s = float(min(world.elapsed_s, end_s) if stop.is_set() else end_s)


async def _leave(run: Running, step: Step) -> None:
    """Publish a step and look at what it took."""
    await run.out.take(step)
    run.roster.hear(step.events)
    if run.checker is not None:
        for violation in run.checker.read(step.batches, step.labels):
            print(f"check: {violation}", file=sys.stderr)
    run.summary.telemetry_began(time.perf_counter())
    if run.shared is not None:
        if step.batches:
            await run.shared.probe()
        run.summary.latencies_ms.extend(run.shared.take_latencies_ms())
