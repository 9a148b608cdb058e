"""Requests to `/control` between the two processes: carried, answered, taken back, and what the end brings."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from jinqiao.gateway.controlled import ControlAnswer, ControlRequest
from jinqiao.sandbox.run.relay import RelayedFrom, RelayedTo

ASKED = ControlRequest("POST", "/control/ü/\n", "a=b", b'{"x": "\n"}')


@asynccontextmanager
async def relay(
    answer: Callable[[ControlRequest], Awaitable[ControlAnswer]],
) -> AsyncIterator[tuple[RelayedTo, RelayedFrom]]:
    near, far = socket.socketpair()
    to, back = await RelayedTo.open(near), await RelayedFrom.open(far, answer)
    yield to, back
    await back.close()
    await to.close()


@pytest.mark.asyncio
async def test_a_request_and_its_answer_come_through_as_they_are() -> None:
    seen = []

    async def answer(request: ControlRequest) -> ControlAnswer:
        seen.append(request)
        return ControlAnswer(405, b"[\n]" * 100_000, "GET, POST")

    async with relay(answer) as (to, _):
        assert await to.carry(ASKED) == ControlAnswer(405, b"[\n]" * 100_000, "GET, POST")
    assert seen == [ASKED]


@pytest.mark.asyncio
async def test_a_quick_answer_overtakes_a_slow_one() -> None:
    may_end = asyncio.Event()

    async def answer(request: ControlRequest) -> ControlAnswer:
        if request.path == "slow":
            await may_end.wait()
        return ControlAnswer(200, request.path.encode())

    async with relay(answer) as (to, _):
        slow = asyncio.create_task(to.carry(ControlRequest("GET", "slow", "", b"")))
        answers = await asyncio.gather(*(to.carry(ControlRequest("GET", f"{n}", "", b"")) for n in range(50)))
        assert [one.body for one in answers] == [b"%d" % n for n in range(50)]
        assert not slow.done()
        may_end.set()
        assert (await slow).body == b"slow"


@pytest.mark.asyncio
async def test_what_is_taken_back_is_cancelled_at_the_other_end() -> None:
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def answer(_: ControlRequest) -> ControlAnswer:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    async with relay(answer) as (to, _):
        asked = asyncio.create_task(to.carry(ASKED))
        await asyncio.wait_for(begun.wait(), 10)
        asked.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)


@pytest.mark.asyncio
async def test_at_the_end_what_is_about_to_be_answered_still_is_and_the_rest_is_told() -> None:
    over = asyncio.Event()

    async def answer(_: ControlRequest) -> ControlAnswer:
        await over.wait()
        return ControlAnswer(200, b"{}")

    async with relay(answer) as (to, back):
        first = asyncio.create_task(to.carry(ASKED))
        await asyncio.sleep(0.05)
        over.set()
        await back.close()
        assert (await first).status == 200
        assert (await to.carry(ASKED)).status == 503


@pytest.mark.asyncio
async def test_an_end_without_a_word_is_told_to_who_waits() -> None:
    near, far = socket.socketpair()
    to = await RelayedTo.open(near)
    asked = asyncio.create_task(to.carry(ASKED))
    await asyncio.sleep(0.05)
    far.close()
    assert (await asyncio.wait_for(asked, 10)).status == 503
    await to.close()
