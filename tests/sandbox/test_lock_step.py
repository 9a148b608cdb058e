"""The end of a second in lock-step, without a gateway: when it is asked for, and what the run says meanwhile."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.sandbox.run import lock_step as lock_step_module
from jinqiao.sandbox.run.lock_step import LockStep
from jinqiao.sandbox.run.pace import Pace
from jinqiao.wire.stepping import Held


class Ends:
    """The shared connection, the vehicles' own and what comes down, as far as the end of a step needs them."""

    def __init__(self, taken: Iterable[int] = ()) -> None:
        self.steps = 0
        self.order: list[str] = []
        self.said: list[str] = []
        self.answer = asyncio.Event()
        self.report: Callable[[Held], None] = lambda _: None
        self.pace, self.stop = Pace(None), asyncio.Event()
        self.pace.start()
        #: Of each round how many messages came down in it.
        self._coming = iter(taken)
        self.taken = 0

    def lock_step(self, limit_s: float = 60.0) -> LockStep:
        ends: Any = self
        return LockStep(limit_s, ends, ends, ends, self.pace, self.stop, self.said.append)

    async def end_step(self, report: Callable[[Held], None]) -> asyncio.Future[None]:
        self.steps += 1
        self.order.append("step")
        self.report = report

        async def answered() -> None:
            await self.answer.wait()

        return asyncio.ensure_future(answered())

    async def flush(self) -> None:
        self.order.append("flush")

    async def work_off(self) -> None:
        self.order.append("work")
        self.taken += next(self._coming, 0)


@pytest.mark.asyncio
async def test_a_second_ends_when_nothing_is_asked_in_return_any_more() -> None:
    ends = Ends(taken=[3, 1, 0, 7])
    ends.answer.set()
    await ends.lock_step().end_second()
    assert ends.order == ["flush", "step", "flush", "work"] * 3


@pytest.mark.asyncio
async def test_a_client_that_answers_everything_with_a_command_does_not_stop_the_clock_for_ever() -> None:
    ends = Ends(taken=itertools.repeat(1))
    ends.answer.set()
    await asyncio.wait_for(ends.lock_step().end_second(), 20)
    assert 2 <= ends.steps <= 100


@pytest.mark.asyncio
async def test_the_clock_stands_while_it_is_held_and_the_time_is_counted() -> None:
    ends = Ends()
    lock_step, before_s = ends.lock_step(), ends.pace.clock_s()
    asyncio.get_running_loop().call_later(0.2, ends.answer.set)
    await lock_step.end_second()
    assert lock_step.held_s >= 0.19
    assert ends.pace.wall_s() - ends.pace.clock_s() == pytest.approx(lock_step.held_s, abs=0.15)
    assert ends.pace.clock_s() - before_s <= ends.pace.wall_s() - 0.19


@pytest.mark.asyncio
async def test_who_is_missing_is_said_once_and_that_the_clock_goes_on() -> None:
    ends = Ends()
    lock_step = ends.lock_step()
    waiting = asyncio.create_task(lock_step.begin())
    await asyncio.sleep(0)
    for _ in range(5):
        ends.report(Held(("product",)))
    assert lock_step.waiting == "client 'product' is not connected and subscribed"
    ends.report(Held((), (("product", 2),)))
    assert lock_step.waiting == "client 'product' has not acknowledged 2 messages"
    ends.answer.set()
    await waiting
    assert lock_step.waiting == ""
    assert ends.said == [
        "lock-step: the clock waits: client 'product' is not connected and subscribed",
        "lock-step: the clock goes on",
    ]


@pytest.mark.asyncio
async def test_a_client_that_makes_progress_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr(lock_step_module.time, "perf_counter", lambda: now_s)
    monkeypatch.setattr(lock_step_module, "_LOOK_S", 0.001)
    ends = Ends()
    lock_step = ends.lock_step(limit_s=0.6)
    ending = asyncio.create_task(lock_step.end_second())
    await asyncio.sleep(0)
    for left in range(8, 0, -1):
        ends.report(Held((), (("product", left),)))
        now_s += 0.5
        await asyncio.sleep(0.02)
        assert not ending.done()
    now_s += 0.2
    with pytest.raises(
        EnvironmentFault, match=r"'product' has not acknowledged 1 message for 0\.6 s.*\n.*--lock-step-limit"
    ):
        await ending
    assert "lock-step: the clock goes on" not in ends.said


@pytest.mark.asyncio
async def test_before_it_has_begun_a_run_waits_as_long_as_it_takes() -> None:
    ends = Ends()
    beginning = asyncio.create_task(ends.lock_step(limit_s=0.1).begin())
    await asyncio.sleep(0)
    ends.report(Held(("product",)))
    await asyncio.sleep(0.6)
    assert not beginning.done()
    ends.stop.set()
    await beginning


@pytest.mark.asyncio
async def test_a_gateway_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_step_module, "_SILENT_S", 0.1)
    with pytest.raises(EnvironmentFault, match="gateway process has said nothing"):
        await asyncio.wait_for(Ends().lock_step().begin(), 20)


@pytest.mark.asyncio
async def test_a_run_that_is_to_end_waits_for_nobody() -> None:
    ends = Ends(taken=itertools.repeat(1))
    ending = asyncio.create_task(ends.lock_step().end_second())
    await asyncio.sleep(0)
    ends.stop.set()
    await asyncio.wait_for(ending, 20)
    assert ends.steps == 1
