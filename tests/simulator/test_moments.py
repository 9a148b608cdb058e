"""What is kept for later and what is sampled at once are the same samples, in the same order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jinqiao.base.signals import GROUPS
from jinqiao.simulator import reports
from jinqiao.simulator.world import World

Sample = tuple[int, str, bytes, tuple[bytes, ...]]


def samples(world: World, seconds: int) -> list[Sample]:
    """All batches of a run, instant by instant."""
    found: list[Sample] = []
    while world.next_busy_s() < seconds:
        parts = [part for batch in world.advance(seconds).batches for part in batch.instants() if len(part)]
        parts.sort(key=lambda part: int(part.time_ms[0]))
        found += [
            (
                int(part.time_ms[0]),
                part.group,
                part.vehicles.tobytes(),
                tuple(values.tobytes() for values in part.signals.values()),
            )
            for part in parts
        ]
    return found


@pytest.mark.parametrize(("most", "many"), [(16_384, 0), (16_384, 7), (20, 10), (16_384, 4096)])
def test_samples_and_their_order_do_not_depend_on_how_many_are_kept(
    make_world: Callable[..., World],
    fleet_text: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    many: int,
) -> None:
    telemetry = "{driving: 2 s, charging: 3 s, parked: 5 s, detail: 7 s}"
    fleets = [
        fleet_text(6, agenda, "uniform(0.15, 0.9)", telemetry=telemetry) for agenda in ("commuter", "ride_hailing")
    ]
    monkeypatch.setattr(reports, "MANY_ROWS", 0)
    expected = samples(make_world(*fleets, seed=5), 300)
    monkeypatch.setattr(reports, "MOST_ROWS", most)
    monkeypatch.setattr(reports, "MANY_ROWS", many)
    found = samples(make_world(*fleets, seed=5), 300)
    assert found == expected
    places = [(time_ms, GROUPS.index(group)) for time_ms, group, _, _ in found]
    assert places == sorted(places)
    assert len(set(places)) == len(places)
