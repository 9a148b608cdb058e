"""Simulated time against the wall clock."""

from __future__ import annotations

import asyncio
import time

import pytest

from jinqiao.base.errors import InputError
from jinqiao.sandbox.run.pace import Pace, parse_speed


@pytest.mark.parametrize(("text", "speed"), [("1", 1.0), ("0.5", 0.5), ("10", 10.0), ("max", None)])
def test_a_speed_is_read(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["fast", "0", "-1", "nan", "inf", "1e9", ""])
def test_anything_else_is_named(text: str) -> None:
    with pytest.raises(InputError, match=r"--speed: found .* expected a number .* or 'max'"):
        parse_speed(text)


@pytest.mark.asyncio
async def test_ten_times_as_fast_takes_a_tenth() -> None:
    pace, stop = Pace(10.0), asyncio.Event()
    pace.start()
    began = time.perf_counter()
    for second in range(4):
        assert await pace.until(second, stop)
    assert 0.29 <= time.perf_counter() - began < 2.9  # real time would take three seconds


@pytest.mark.asyncio
async def test_a_late_loop_catches_up_and_remembers_its_lag() -> None:
    pace, stop = Pace(10.0), asyncio.Event()
    pace.start()
    time.sleep(0.25)
    began = time.perf_counter()
    assert await pace.until(1, stop)
    assert time.perf_counter() - began < 1.0
    assert 0.1 <= pace.behind_s < 5.0


@pytest.mark.asyncio
async def test_a_stop_ends_the_wait_at_once() -> None:
    pace, stop = Pace(1.0), asyncio.Event()
    pace.start()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    began = time.perf_counter()
    assert not await pace.until(30, stop)
    assert time.perf_counter() - began < 20.0  # it would have been thirty


@pytest.mark.asyncio
async def test_without_a_limit_nothing_waits_but_a_stop_is_seen() -> None:
    pace, stop = Pace(None), asyncio.Event()
    pace.start()
    assert await pace.until(1e9, stop)
    stop.set()
    assert not await pace.until(2e9, stop)


@pytest.mark.asyncio
async def test_a_clock_that_was_held_has_nothing_to_catch_up_with() -> None:
    pace, stop = Pace(10.0), asyncio.Event()
    pace.start()
    with pace.held():
        assert pace.is_held
        held_at = pace.clock_s()
        await asyncio.sleep(0.5)
        assert pace.clock_s() == held_at
    assert not pace.is_held
    assert pace.wall_s() >= pace.clock_s() + 0.49
    began = time.perf_counter()
    assert await pace.until(held_at * 10.0 + 3, stop)
    assert time.perf_counter() - began >= 0.29
