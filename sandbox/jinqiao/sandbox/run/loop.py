"""Simulated time of a run, in seconds or in stretches of them: what happens, and out with it."""

from __future__ import annotations

import sys
import time

from jinqiao.base.telemetry import Step

from .running import Running

__all__ = ["simulate"]


#: What is sent back in reaction to an advance's last second is done before it is over, so many times in a row.
_ROUNDS = 10


async def simulate(run: Running) -> None:
    """Run to the end of the plan, or until the run is ended."""
    world, ticker, pace, control = run.world, run.ticker, run.pace, run.control
    stop, end_s = run.ending.stop, run.plan.end_s
    if run.lock_step is not None:
        await run.lock_step.begin()
    pace.start()
    before = run.summary.messages
    #: A run that goes as fast as it can loses nothing; one that keeps to the clock waits for no slow subscriber.
    lossless, always = run.options.lossless, run.lock_step is not None
    while not stop.is_set():
        if control.stands:
            await control.stand()
            continue
        second, limit_s = ticker.next_second(), control.limit_s
        if not await _until(run, min(second, limit_s)):
            continue
        if second >= limit_s:
            if limit_s >= end_s:
                break
            await _arrive(run, int(limit_s))
            continue
        async with run.downlinks.turn:
            if control.stands:  # while others had their turn
                continue
            if lossless != (always or not pace.limited):
                lossless = not lossless
                await _hold_back(run, lossless=lossless)
            if ticker.arrive(second):
                await _leave(run, world.advance(ticker.stretch_end(control.limit_s)))
            elif run.out.conveyor is not None:
                await run.out.conveyor.idle(world.time_ms)
            await run.downlinks.tick()
        if run.lock_step is not None and run.summary.messages > before:
            await run.lock_step.end_second()
            before = run.summary.messages
    run.summary.wall_s = pace.wall_s()
    run.summary.simulated_s = float(min(world.elapsed_s, end_s) if stop.is_set() else end_s)


async def _arrive(run: Running, second: int) -> None:
    """An advance has come to its second: the world is there, and everything has been forwarded."""
    async with run.downlinks.turn:
        run.world.idle_until(second)
        if run.out.conveyor is not None:
            await run.out.conveyor.idle(run.world.time_ms)
    for _ in range(_ROUNDS):
        taken = run.downlinks.taken
        await run.own.flush()
        if run.shared is not None:
            await run.shared.flush()
        await run.downlinks.work_off()
        if run.downlinks.taken == taken or run.ending.stop.is_set():
            break
    run.control.arrive()


async def _hold_back(run: Running, *, lossless: bool) -> None:
    if run.gateway is not None:
        await run.gateway.lossless(lossless=lossless)


async def _until(run: Running, second: float) -> bool:
    """Wait for a second of the plan, while what arrives before it arrives; whether to go on."""
    conveyor = run.out.conveyor
    if conveyor is None:
        return await run.pace.until(second, run.ending.stop)
    return await conveyor.until(second, run.ending.stop, run.downlinks.turn)


async def _leave(run: Running, step: Step) -> None:
    """Publish a step and look at what it took."""
    await run.out.take(step)
    run.roster.hear(step.events)
    if run.judgement:
        run.judgement.take(step)
    if run.checker is not None:
        for violation in run.checker.read(step.true_batches, step.labels):
            print(f"check: {violation}", file=sys.stderr)
    run.summary.telemetry_began(time.perf_counter())
    if run.shared is not None:
        if step.batches:
            await run.shared.probe()
        run.summary.latencies_ms.extend(run.shared.take_latencies_ms())
