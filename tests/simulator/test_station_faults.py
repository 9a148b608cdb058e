"""Faults of stations: no power, a connector that fails, a site that may draw less."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.errors import BodyError
from jinqiao.base.telemetry import Event, Label
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from jinqiao.vehicles.modes import ChargingState, VehicleState

HEAD = """
name: Hub
seed: 5
start: 2026-11-23T08:00+08:00
duration: 5 h
fleets:
  - name: taxis
    count: {count}
    models: {{bmw-i4-edrive40-2022: 1}}
    agenda: ride_hailing
    initial_soc: 0.15
charging_stations:
  - {{name: hub, at: [31.2497, 121.5957], connectors: [{{kind: dc, power: 120 kW, count: {connectors}}}]}}
"""
OTHER = "  - {name: other, at: [31.2400, 121.6100], connectors: [{kind: dc, power: 60 kW, count: 4}]}\n"


class Town:
    """A town of taxis that are nearly empty, with these faults."""

    def __init__(self, *faults: str, count: int = 8, connectors: int = 4, other: bool = False, towns: int = 1) -> None:
        text = HEAD.format(count=count, connectors=connectors) + (OTHER if other else "")
        if faults:
            text += "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)
        self.world = World(parse_scenario(text), seed=5, towns=towns)
        self.fleet, self.chargers = self.world.fleet, self.world.town.chargers
        self.labels: list[Label] = []
        self.events: list[Event] = []

    def until(self, second: int) -> Town:
        while self.world.elapsed_s < second:
            step = self.world.advance()
            self.labels += step.labels
            self.events += step.events
        return self

    @property
    def charging(self) -> list[int]:
        rows: list[int] = np.flatnonzero(self.fleet.charging_state == ChargingState.CHARGING).tolist()
        return rows

    @property
    def power_kw(self) -> float:
        return float(self.fleet.charge_power_kw[self.charging].sum())


CUT = "at: 10 min, station: hub, fault: power_cut, for: 20 min"


def test_a_power_cut_ends_every_charge_and_keeps_the_queue_waiting() -> None:
    town = Town(CUT).until(599)
    there = town.charging
    assert len(there) == 4
    queueing = np.flatnonzero(town.fleet.vehicle_state == VehicleState.QUEUEING)
    assert len(queueing)
    town.until(660)
    assert town.charging == []
    assert [label.vehicles.tolist() for label in town.labels] == [there]
    assert (town.labels[0].kind, town.labels[0].parameters) == ("power_cut", {"station": "hub"})
    stopped = [event.vehicle for event in town.events if event.output.get("StopReason") == "charger fault"]
    assert sorted(stopped) == there
    town.until(1750)
    assert town.charging == []
    assert (town.fleet.vehicle_state[queueing] == VehicleState.QUEUEING).all()
    town.until(1900)
    assert len(town.charging) == 4
    assert town.labels[-1].phase == "end"


def test_who_has_not_enough_drives_to_a_station_that_has_power() -> None:
    town = Town(CUT, other=True).until(1700)
    other = next(station.site for station in town.chargers.stations if station.name == "other")
    assert {int(town.chargers.site[row]) for row in town.charging} == {other}
    assert len(town.charging) == 4


def test_a_power_cut_of_an_empty_station_has_a_label_without_vehicles() -> None:
    town = Town("at: 1 min, station: other, fault: power_cut, for: 1 min", count=2, other=True).until(130)
    assert [(label.phase, len(label.vehicles)) for label in town.labels] == [("begin", 0), ("end", 0)]
    assert town.labels[0].parameters == {"station": "other"}


def test_a_broken_connector_stops_the_car_there_and_no_other() -> None:
    town = Town("at: 10 min, station: hub, fault: connector_broken, for: 30 min", count=4).until(599)
    before = town.charging
    town.until(640)
    (label,) = town.labels
    (row,) = label.vehicles.tolist()
    assert row in before
    assert town.charging == [other for other in before if other != row]
    town.until(1200)  # it queues for one of the three that work
    assert town.fleet.vehicle_state[row] == VehicleState.QUEUEING
    assert len(town.charging) == 3
    town.until(2430)
    (hub,) = town.chargers.named("hub")
    assert hub.broken == []
    assert len(hub.occupants) + len(hub.queues["dc"].items) == 4


def test_a_free_connector_breaks_where_none_is_in_use() -> None:
    town = Town("at: 1 min, station: other, fault: connector_broken, for: 5 min", count=2, other=True).until(100)
    (other,) = town.chargers.named("other")
    assert len(other.queues["dc"].items) == 3
    town.until(400)
    assert len(other.queues["dc"].items) == 4
    assert [len(label.vehicles) for label in town.labels] == [0, 0]


def test_a_site_limit_is_shared_and_over_afterwards() -> None:
    town = Town("at: 10 min, station: hub, fault: site_limit, limit: 100 kW, for: 5 min").until(599)
    assert town.power_kw > 300
    town.until(700)
    assert town.power_kw == pytest.approx(100, abs=0.5)
    assert town.labels[0].vehicles.tolist() == town.charging
    assert town.labels[0].parameters == {"station": "hub", "limit": 100.0}
    town.until(905)
    assert town.power_kw > 300


def test_limits_that_overlap_end_each_for_itself() -> None:
    town = Town(
        "at: 10 min, station: hub, fault: site_limit, limit: 100 kW, for: 5 min",
        "at: 11 min, station: hub, fault: site_limit, limit: 50 kW, for: 1 min",
        "at: 12 min, station: hub, fault: power_cut, for: 10 s",
    )
    for second, kw in ((690, 50), (725, 0)):
        assert town.until(second).power_kw == pytest.approx(kw, abs=0.5)
    (hub,) = town.chargers.named("hub")
    assert hub.limits_kw == [100.0, 0.0]
    town.until(920)
    assert hub.limits_kw == []


def test_a_fault_strikes_the_station_of_its_own_town() -> None:
    """Each town has it at a moment of its own where that is drawn."""
    town = Town("between: [10 min, 60 min], station: hub, fault: power_cut, for: 5 min", towns=3)
    alone = Town("between: [10 min, 60 min], station: hub, fault: power_cut, for: 5 min")
    town.until(3900)
    alone.until(3900)
    begins = sorted({label.time_ms for label in town.labels if label.phase == "begin"})
    assert len(begins) == 3
    assert alone.labels[0].time_ms in begins
    for label in town.labels:
        there = {int(row) // 8 for row in label.vehicles}
        assert len(there) <= 1


def test_stations_are_whole_when_all_is_over() -> None:
    faults = [
        f"at: {minute} min, station: hub, fault: {fault}, for: {minute + 3} min"
        for minute in range(10, 40, 4)
        for fault in ("power_cut", "connector_broken")
    ]
    town = Town(*faults, count=12).until(2 * 3600)
    (hub,) = town.chargers.named("hub")
    assert (hub.broken, hub.limits_kw) == ([], [])
    assert len(hub.occupants) + len(hub.queues["dc"].items) == 4


def test_a_fault_from_outside_names_a_station_that_there_is() -> None:
    town = Town().until(600)
    with pytest.raises(BodyError) as caught:
        town.world.inject({"fault": "power_cut", "station": "hubb"})
    assert (caught.value.pointer, caught.value.found) == ("/station", "hubb")
    assert "did you mean 'hub'?" in caught.value.expected
    injected = town.world.inject({"fault": "power_cut", "station": "hub"})
    assert injected.rows.tolist() == sorted(injected.rows.tolist())
    assert len(injected.rows) == 4
    town.until(640)
    assert town.charging == []
    assert town.world.end_fault(injected.id)
    town.until(900)
    assert len(town.charging) == 4
