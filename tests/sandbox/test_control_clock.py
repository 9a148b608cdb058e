"""The hand on a run's clock, in process: a loop over a world that is all but empty, paused and advanced."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from jinqiao.base.telemetry import Step
from jinqiao.sandbox.run.control import Control, NotNow
from jinqiao.sandbox.run.ending import Ending
from jinqiao.sandbox.run.loop import simulate
from jinqiao.sandbox.run.pace import Pace
from jinqiao.sandbox.run.summary import Summary
from jinqiao.sandbox.run.ticker import Ticker

END_S = 1_000


class World:
    """Somebody is awake in every second, or in each `every`."""

    def __init__(self, every: int = 1) -> None:
        self.elapsed_s, self.every = 0, every
        self.time_ms = 0
        self.scenario = SimpleNamespace(start_ms=0)
        self.steps: list[int] = []

    def next_busy_s(self) -> int:
        return -(-self.elapsed_s // self.every) * self.every

    def idle_until(self, second: int) -> None:
        self.elapsed_s = max(self.elapsed_s, min(second, self.next_busy_s()))
        self.time_ms = self.elapsed_s * 1000

    def advance(self, until_s: int) -> Step:
        self.elapsed_s = self.next_busy_s() + 1
        while self.next_busy_s() < until_s:
            self.elapsed_s = self.next_busy_s() + 1
        self.steps.append(self.elapsed_s)
        self.time_ms = self.elapsed_s * 1000
        return Step(self.time_ms)


class Idle:
    """Connections, downlinks and the way out, as far as the loop needs them."""

    taken = 0
    conveyor = None

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.order: list[str] = []

    def next_ms(self) -> None:
        return None

    async def tick(self) -> None:
        return None

    async def take(self, step: Step) -> None:
        self.order.append(f"step {step.until_ms // 1000}")

    async def flush(self) -> None:
        self.order.append("flush")

    async def work_off(self) -> None:
        return None

    def hear(self, _: Any) -> None:
        return None


@asynccontextmanager
async def running(speed: float | None = 1.0, *, paused: bool = True, every: int = 1) -> AsyncIterator[Any]:
    """A run of its own, which ends with the block."""
    world, pace, ending, idle = World(every), Pace(speed), Ending(), Idle()
    fake: Any = world
    control = Control(fake, pace, ending, END_S, paused=paused, token="", url=None)
    run: Any = SimpleNamespace(
        options=SimpleNamespace(lossless=True),
        plan=SimpleNamespace(end_s=END_S),
        ending=ending,
        summary=Summary("", 0, 0.0),
        gateway=None,
        world=world,
        shared=None,
        own=idle,
        out=idle,
        downlinks=idle,
        pace=pace,
        control=control,
        ticker=Ticker(fake, pace, idle.next_ms, each_second=False),
        roster=idle,
        checker=None,
        lock_step=None,
        judgement=None,
        idle=idle,
    )
    loop = asyncio.create_task(simulate(run))
    yield run
    ending.stop.set()
    await asyncio.wait_for(loop, 10)


@pytest.mark.asyncio
async def test_an_advance_runs_to_its_second_and_flushes_before_it_answers() -> None:
    async with running() as run:
        assert run.control.state == "paused"
        await run.control.advance(30)
        assert (run.world.elapsed_s, run.control.state) == (30, "paused")
        assert run.idle.order == ["step 30", "flush"]
        await run.control.advance(1)
        assert run.idle.order[2:] == ["step 31", "flush"]


@pytest.mark.asyncio
async def test_an_advance_through_a_rest_ends_in_its_second_too() -> None:
    async with running(every=100) as run:
        await run.control.advance(30)
        await run.control.advance(30)
        assert (run.world.elapsed_s, run.world.steps) == (60, [1])
        await run.control.advance(41)
        assert (run.world.elapsed_s, run.world.steps) == (101, [1, 101])


@pytest.mark.asyncio
async def test_one_advance_at_a_time() -> None:
    async with running() as run:
        first = asyncio.create_task(run.control.advance(30))
        await asyncio.sleep(0)
        with pytest.raises(NotNow, match="under way"):
            run.control.resume()
        with pytest.raises(NotNow, match="under way"):
            await run.control.advance(1)
        await first
        await run.control.advance(1)


@pytest.mark.asyncio
async def test_an_advance_whose_caller_is_gone_leaves_the_run_paused_where_it_is() -> None:
    async with running() as run:
        run.idle.take = slow = Slow()
        gone = asyncio.create_task(run.control.advance(END_S - 1))
        await slow.begun.wait()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        while run.control.state != "paused":
            await asyncio.sleep(0)
        assert 0 < run.world.elapsed_s < END_S - 1
        now = run.world.elapsed_s
        await run.control.advance(5)
        assert run.world.elapsed_s == now + 5


class Slow:
    """A way out that gives others a turn."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def __call__(self, _: Step) -> None:
        self.begun.set()
        for _turn in range(5):
            await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_a_paused_run_stands_and_goes_on_where_it_stood() -> None:
    async with running(speed=200.0, paused=False) as run:
        while run.world.elapsed_s < 3:
            await asyncio.sleep(0.001)
        run.control.pause()
        await asyncio.sleep(0.01)
        stood = run.world.elapsed_s
        await asyncio.sleep(0.5)  # a hundred seconds of the run
        assert run.world.elapsed_s == stood
        run.control.resume()
        while run.world.elapsed_s == stood:
            await asyncio.sleep(0.001)
        assert run.world.elapsed_s < stood + 50  # it has nothing to catch up with


@pytest.mark.asyncio
async def test_another_speed_counts_from_now_on_also_for_a_run_that_sleeps_until_its_next_second() -> None:
    async with running(speed=0.001, paused=False) as run:
        while run.world.elapsed_s < 1:
            await asyncio.sleep(0.001)
        run.control.go_at(None)
        while run.world.elapsed_s < END_S:
            await asyncio.sleep(0.001)


@pytest.mark.asyncio
async def test_an_advance_to_the_end_is_answered_when_the_run_is_over_and_nothing_more_may_be_asked() -> None:
    async with running() as run:
        last = asyncio.create_task(run.control.advance(END_S * 2))
        while run.world.elapsed_s < END_S:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert not last.done()  # not before everything is settled
        run.control.finish()
        await last
        assert (run.control.state, run.control.elapsed_s) == ("finished", END_S)
        for refused in (run.control.pause, run.control.resume, run.control.stop, lambda: run.control.go_at(2.0)):
            with pytest.raises(NotNow, match="has finished"):
                refused()
        with pytest.raises(NotNow, match="has finished"):
            await run.control.advance(1)
        run.ending.how = "interrupted"


@pytest.mark.asyncio
async def test_the_end_of_a_run_answers_an_advance_that_is_under_way() -> None:
    async with running() as run:
        run.idle.take = slow = Slow()
        going = asyncio.create_task(run.control.advance(END_S - 1))
        await slow.begun.wait()
        run.ending.stop.set()
        run.control.finish()
        await asyncio.wait_for(going, 10)
        assert run.control.state == "finished"


@pytest.mark.asyncio
async def test_resuming_or_pausing_twice_is_once() -> None:
    async with running() as run:
        run.control.pause()
        run.control.resume()
        run.control.resume()
        assert run.control.state == "running"
        run.control.pause()
        assert (run.control.state, run.pace.is_held) == ("paused", True)
        run.control.resume()
        assert not run.pace.is_held
