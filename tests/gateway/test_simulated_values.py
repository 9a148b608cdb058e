"""The last values of simulated vehicles: those of their newest posts, which nobody has rendered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.base.telemetry import Batch
from jinqiao.gateway.platform.devices.state import Timed
from jinqiao.gateway.platform.events import TelemetryBatch
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.fleet_devices import simulated_product
from jinqiao.gateway.platform.registry.registry import Device, Registry
from support.telemetry import NOW_MS, batch, crossed, names, posted

COUNT = 5


class Fleet:
    """A platform with simulated vehicles."""

    def __init__(self) -> None:
        vins = np.array([name.encode() for name in names(COUNT)])
        self.platform = Platform(Registry([simulated_product("ev", vins, fleet_secret="fleet")]))
        self.simulated = self.platform.parts.simulated

    def say(self, of: Batch, kind: str = "property_post") -> None:
        self.platform.events.emit(TelemetryBatch, "ev", crossed(of, kind))

    def device(self, vehicle: int) -> Device:
        device = self.platform.registry.device("ev", names(COUNT)[vehicle])
        assert device is not None
        return device

    def last(self, vehicle: int) -> dict[str, Timed]:
        return dict(self.platform.parts.states.last_values(self.device(vehicle)))


def shown(of: Batch, vehicle: int) -> dict[str, Timed]:
    return {name: Timed(timed["value"], timed["time"]) for name, timed in posted(of, vehicle).items()}


def test_every_property_is_what_the_posts_of_both_groups_show() -> None:
    fleet = Fleet()
    assert fleet.last(3) == {}
    core, detail = batch(COUNT, 2, "core"), batch(COUNT, 1, "detail")
    fleet.say(detail)
    fleet.say(core)
    for vehicle in range(COUNT):
        expected = shown(detail, vehicle) | shown(core, vehicle)
        assert fleet.last(vehicle) == expected
        assert {name: type(timed.value) for name, timed in fleet.last(vehicle).items()} == {
            name: type(timed.value) for name, timed in expected.items()
        }


def test_what_is_said_often_does_not_push_out_what_is_said_seldom() -> None:
    fleet = Fleet()
    seldom = batch(COUNT, 0, "detail")
    fleet.say(seldom)
    for turn in range(1, 100):
        fleet.say(batch(COUNT, turn))
    assert fleet.last(1) == shown(seldom, 1) | shown(batch(COUNT, 99), 1)


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(0, COUNT - 1)), min_size=1), max_size=6))
def test_the_latest_row_of_each_vehicle_stays_however_they_come(stretches: list[list[tuple[int, int]]]) -> None:
    """Stretches of several instants, in which a vehicle may stand again and again, and which may come late."""
    fleet = Fleet()
    latest: dict[int, int] = {}
    for stretch in stretches:
        rows = sorted(set(stretch))
        turns = [batch(COUNT, turn).rows(np.array([vehicle])) for turn, vehicle in rows]
        signals = {name: np.concatenate([one.signals[name] for one in turns]) for name in turns[0].signals}
        times = np.array([NOW_MS + 1000 * turn for turn, _ in rows])
        fleet.say(Batch(times, "core", np.array([vehicle for _, vehicle in rows], np.int32), signals))
        for turn, vehicle in rows:
            latest[vehicle] = max(turn, latest.get(vehicle, 0))
    for vehicle in range(COUNT):
        expected = shown(batch(COUNT, latest[vehicle]), vehicle) if vehicle in latest else {}
        assert fleet.last(vehicle) == expected
    assert fleet.simulated.latest_ms == max((NOW_MS + 1000 * turn for turn in latest.values()), default=None)


def test_protobuf_on_custom_topics_is_no_property_but_tells_the_time() -> None:
    fleet = Fleet()
    fleet.say(batch(COUNT, 4), "protobuf_sample")
    assert fleet.last(0) == {}
    assert fleet.simulated.latest_ms == NOW_MS + 4000


def test_a_batch_that_was_never_records_is_read_as_well() -> None:
    fleet = Fleet()
    said = replace(crossed(batch(COUNT)), rows=None)
    fleet.platform.events.emit(TelemetryBatch, "ev", said)
    assert fleet.last(2) == shown(batch(COUNT), 2)


@pytest.mark.parametrize(("time_ms", "wins"), [(NOW_MS + 1, True), (NOW_MS - 1, False)])
def test_a_vehicles_own_connection_counts_like_any_other_devices(time_ms: int, wins: bool) -> None:
    fleet = Fleet()
    states = fleet.platform.parts.states
    states.take_properties(fleet.device(0), {"VehicleSpeed": 12.5}, {}, time_ms)
    assert fleet.last(0) == {"VehicleSpeed": (12.5, time_ms)}
    fleet.say(batch(COUNT))
    expected = shown(batch(COUNT), 0)
    assert fleet.last(0) == expected | ({"VehicleSpeed": Timed(12.5, time_ms)} if wins else {})
    assert fleet.last(1) == shown(batch(COUNT), 1)


def test_of_what_comes_out_of_order_the_newest_counts() -> None:
    fleet = Fleet()
    first, second, third = (batch(COUNT, turn) for turn in (1, 2, 3))
    fleet.say(first)
    parts = [third.rows(np.array([0, 1])), second.rows(np.array([0, 1, 2])), third.rows(np.array([2]))]
    together = Batch(
        np.concatenate([part.time_ms for part in parts]),
        first.group,
        np.concatenate([part.vehicles for part in parts]),
        {name: np.concatenate([part.signals[name] for part in parts]) for name in first.signals},
    )
    late = crossed(together)
    late = replace(late, arrives_ms=NOW_MS + np.array([4, 4, 5, 5, 5, 6]) * 1000)
    fleet.platform.events.emit(TelemetryBatch, "ev", late)
    assert [fleet.last(vehicle) for vehicle in range(COUNT)] == [
        shown(third if vehicle < 3 else first, vehicle) for vehicle in range(COUNT)
    ]
    assert fleet.simulated.latest_ms == NOW_MS + 6000  # when it came: vehicles may be late, and their clocks wrong
