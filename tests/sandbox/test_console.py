"""The live table: it uses the room it has, and what is watched is the same run."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from jinqiao.sandbox.run.console import LiveTable, View, cars_table
from jinqiao.sandbox.run.roster import CarRow, Roster
from jinqiao.sandbox.shown import short
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

SCENARIO = Path(__file__).parents[2] / "scenarios" / "jinqiao-morning.yaml"


@pytest.fixture(scope="module")
def world() -> World:
    world = World(load_scenario(SCENARIO), seed=3, vehicles=60)
    while world.elapsed_s < 60:
        world.advance()
    return world


def lines(world: World, width: int, height: int, **more: str) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    view = View(
        title="金桥",
        speed="1×",
        simulated_ms=world.time_ms,
        done=0.5,
        states=world.counts(),
        published=Counter(property_post=10),
        sample=("/sys/a/b/thing/event/property/post", b'{"params":{"VehicleSpeed":{"value":1,"time":2}}}'),
        cars=Roster(world).rows,
        clients=1,
        delivered=2,
        dropped=0,
        **more,
    )
    with console.capture() as shown:
        console.print(LiveTable(console)._draw(view))
    return shown.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(150, 50), (100, 30), (80, 24), (40, 12)])
def test_the_table_fits_the_terminal(world: World, width: int, height: int) -> None:
    shown = lines(world, width, height)
    assert len(shown) <= max(height - 5, 14)
    assert max(map(len, shown)) <= width


def test_a_large_terminal_shows_many_vehicles(world: World) -> None:
    shown = "\n".join(lines(world, 150, 50))
    vins = [vin.decode() for vin in world.fleet.vins if vin.decode() in shown]
    assert len(vins) >= 25
    assert "driving" in shown
    assert "Mon 2026-11-23 07:01:00+08:00" in shown


def test_who_does_something_comes_first_and_says_it(world: World) -> None:
    rows = Roster(world).rows(12)
    states = [row.state for row in rows]
    assert len(rows) == 12
    assert "driving" in states
    assert all(0 <= row.soc <= 100 for row in rows)
    assert len(Roster(world).rows(1_000)) == world.fleet.n


def test_what_is_watched_is_the_same_run() -> None:
    def final(watched: bool) -> bytes:
        world = World(load_scenario(SCENARIO), seed=3, vehicles=20)
        roster = Roster(world)
        batches = []
        while world.elapsed_s < 40:
            step = world.advance()
            roster.hear(step.events)
            if watched:
                roster.rows(20)
            batches += [column.tobytes() for batch in step.batches for column in batch.signals.values()]
        return b"".join(batches) + np.asarray(world.fleet.soc).tobytes()

    assert final(True) == final(False)


def test_a_held_clock_names_whom_it_waits_for(world: World) -> None:
    shown = "\n".join(lines(world, 150, 50, waiting="client 'product' is not connected and subscribed"))
    assert "the clock waits: client 'product' is not connected and subscribed" in shown
    assert "the clock waits" not in "\n".join(lines(world, 150, 50))


def test_a_name_of_two_thousand_characters_is_shortened_and_the_figures_stay_in_sight() -> None:
    car = CarRow("V" * 2000, "模" * 2000, "[bold]" * 400, "driving", 33.0, 80.0, 5.0, "DriveStarted")
    console = Console(file=io.StringIO(), width=140, force_terminal=True, color_system=None)
    with console.capture() as shown:
        console.print(cars_table([car]))
    head, line = shown.get().splitlines()
    assert head.index("km/h") < 90
    assert line.count("…") == 3
    assert "[bold]" in line
    assert "80 %" in line
    assert "DriveStarted" in line


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("short", 40, "short"),
        ("n" * 2000, 10, "n" * 9 + "…"),
        ("金" * 2000, 10, "金金金金 …"),
        ("two\nlines\tand \x1b[31mred", 40, "two lines and [31mred"),
        ("[red]no markup[/red]", 40, "[red]no markup[/red]"),
        ("", 40, ""),
    ],
)
def test_a_name_is_shown_on_one_line_no_wider_than_there_is_room_for(text: str, most: int, expected: str) -> None:
    assert short(text, most) == expected
