"""Worlds for tests: small scenarios, and recordings in which every vehicle reports every second."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pytest

from jinqiao.base.telemetry import Batch, Event
from jinqiao.simulator.scenario import Scenario, parse_scenario
from jinqiao.simulator.world import World

EVERY_SECOND = "{driving: 1 s, charging: 1 s, parked: 1 s, detail: 1 s}"
HUB = (
    "[{name: hub, at: [31.2497, 121.5957], site_limit: 150 kW,"
    " connectors: [{kind: dc, power: 120 kW, count: 2}, {kind: ac, power: 7 kW, count: 1}]}]"
)


def scenario_of(
    *fleets: str, start: str = "2026-11-23T07:00+08:00", stations: str = HUB, ambient: str = "15 degC"
) -> Scenario:
    """A scenario of fleets that are written as YAML flow mappings without their names."""
    lines = [f"name: test\nstart: {start}\nduration: 30 d\nweather: {{ambient: {ambient}}}\nfleets:"]
    lines += [f"  - {{name: fleet{number}, {fleet}}}" for number, fleet in enumerate(fleets)]
    lines += [f"charging_stations: {stations}"]
    return parse_scenario("\n".join(lines))


def fleet_of(
    count: int,
    agenda: str,
    soc: str = "0.8",
    telemetry: str = EVERY_SECOND,
    models: str = "{bmw-i3-edrive35l-2022: 1, bmw-i4-edrive40-2022: 1}",
) -> str:
    return f"count: {count}, agenda: {agenda}, initial_soc: '{soc}', telemetry: {telemetry}, models: {models}"


class Recording:
    """A world run for `seconds`: `signals[name]` has shape (seconds, vehicles), NaN where a vehicle did not report."""

    def __init__(self, world: World, seconds: int) -> None:
        self.world = world
        self.batches: list[Batch] = []
        self.events: list[Event] = []
        start_ms = world.scenario.start_ms
        while world.elapsed_s < seconds:
            step = world.advance()
            self.batches += step.batches
            self.events += step.events
        shape = (seconds, world.fleet.n)
        self.signals: dict[str, np.ndarray] = defaultdict(lambda: np.full(shape, np.nan))
        for batch in self.batches:
            second = (int(batch.time_ms[0]) - start_ms) // 1000 - 1
            if second < seconds:
                for name, values in batch.signals.items():
                    self.signals[name][second, batch.vehicles] = values

    def __getitem__(self, name: str) -> np.ndarray:
        assert name in self.signals
        return self.signals[name]

    def events_of(self, identifier: str, vehicle: int | None = None) -> list[Event]:
        return [e for e in self.events if e.identifier == identifier and vehicle in (None, e.vehicle)]


@pytest.fixture(scope="session")
def make_world() -> Callable[..., World]:
    def make(*fleets: str, seed: int = 1, vehicles: int | None = None, **scenario: str) -> World:
        return World(scenario_of(*fleets, **scenario), seed=seed, vehicles=vehicles)

    return make


@pytest.fixture(scope="session")
def fleet_text() -> Callable[..., str]:
    return fleet_of


@pytest.fixture(scope="session")
def record() -> type[Recording]:
    return Recording


@pytest.fixture(scope="session")
def lively(make_world: Callable[..., World]) -> Recording:
    """Half an hour of all agendas at once, every vehicle reporting every second."""
    world = make_world(
        fleet_of(10, "{commuter: {leaves_home: 'normal(07:10, 10 min)'}}", "uniform(0.3, 0.9)"),
        fleet_of(16, "ride_hailing", "uniform(0.12, 0.9)"),
        fleet_of(6, "delivery", "uniform(0.25, 0.9)", models="{bmw-ix3-2021: 1}"),
        fleet_of(6, "{cycle: WLTC}", "uniform(0.14, 0.6)", models="{bmw-i7-xdrive60-2023: 1}"),
        ambient="[{at: 0 min, degc: 2}, {at: 30 min, degc: 6}]",
    )
    return Recording(world, 1800)
