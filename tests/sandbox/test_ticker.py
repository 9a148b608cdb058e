"""Which second comes next when commands may come at any moment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from jinqiao.sandbox.run.ticker import Ticker, catch_up


class IdleWorld:
    """A world that is busy next in second `busy`."""

    def __init__(self, busy: int) -> None:
        self.busy, self.elapsed_s = busy, 10
        self.scenario = SimpleNamespace(start_ms=1_000_000)

    def next_busy_s(self) -> int:
        return max(self.elapsed_s, self.busy)

    def idle_until(self, second: int) -> None:
        self.elapsed_s = max(self.elapsed_s, min(second, self.next_busy_s()))


def pace_of(speed: float | None, wall_s: float = 0.0) -> Any:
    return SimpleNamespace(
        speed=speed, started=True, is_held=False, present_s=None if speed is None else wall_s * speed
    )


def ticker(world: IdleWorld, *, speed: float | None, due_ms: int | None = None) -> Ticker:
    return Ticker(world, pace_of(speed), lambda: due_ms, each_second=False)  # type: ignore[arg-type]


def test_as_fast_as_it_goes_idle_seconds_are_skipped() -> None:
    world = IdleWorld(500)
    found = ticker(world, speed=None)
    assert found.next_second() == 500
    assert found.arrive(500)


@pytest.mark.parametrize(("speed", "expected"), [(1.0, 11), (60.0, 70), (0.001, 11)])
def test_at_a_pace_an_idle_world_is_looked_at_every_second_of_the_wall_clock(speed: float, expected: int) -> None:
    world = IdleWorld(500)
    found = ticker(world, speed=speed)
    assert found.next_second() == expected
    assert not found.arrive(expected)
    assert world.elapsed_s == expected


def test_what_a_command_starts_meanwhile_is_run_in_the_next_look() -> None:
    world = IdleWorld(500)
    found = ticker(world, speed=1.0)
    second = found.next_second()
    world.busy = 10
    assert found.arrive(second)
    assert world.elapsed_s == 10


def test_a_vehicle_that_wants_to_do_something_by_itself_is_waited_for() -> None:
    world = IdleWorld(500)
    found = ticker(world, speed=None, due_ms=1_000_000 + 42_001)
    assert found.next_second() == 43
    assert not found.arrive(43)
    assert world.elapsed_s == 43


def test_a_command_finds_an_idle_world_where_the_wall_clock_is() -> None:
    world = IdleWorld(500)
    catch_up(world, pace_of(2.0, 30.7))  # type: ignore[arg-type]
    assert world.elapsed_s == 61
    world = IdleWorld(20)
    catch_up(world, pace_of(1.0, 30.0))  # type: ignore[arg-type]
    assert world.elapsed_s == 20
    catch_up(world, pace_of(None, 30.0))  # type: ignore[arg-type]
    assert world.elapsed_s == 20


def test_while_the_clock_is_held_a_command_finds_the_world_as_it_was_left() -> None:
    world, pace = IdleWorld(500), pace_of(2.0, 30.7)
    pace.is_held = True
    catch_up(world, pace)  # type: ignore[arg-type]
    assert world.elapsed_s == 10
