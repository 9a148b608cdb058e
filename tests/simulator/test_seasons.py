"""Winter and summer on the same streets differ the way owners know."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World

pytestmark = pytest.mark.long

FOLDER = Path(__file__).parents[2] / "scenarios"
PARKED, DRIVING, CHARGING = 0, 1, 2
SECONDS = 3600


class Season(NamedTuple):
    world: World
    #: name → (seconds, vehicles), NaN where nobody reported
    signals: dict[str, np.ndarray]

    def mean(self, name: str, where: np.ndarray) -> float:
        return float(np.nanmean(self.signals[name][where]))


@pytest.fixture(scope="module")
def seasons(record) -> tuple[Season, Season]:
    return _season("winter", record), _season("summer", record)


def _season(name, record) -> Season:
    scenario = load_scenario(FOLDER / f"{name}.yaml")
    seen = record(World(scenario, seed=scenario.seed), SECONDS)
    return Season(seen.world, seen.signals)


def test_winter_takes_more_heats_more_and_charges_slower(seasons):
    winter, summer = seasons
    road = [season.signals["vehicle_state"] == DRIVING for season in seasons]
    cycle = slice(-2, None)

    def used_kwh(season: Season) -> np.ndarray:
        fleet = season.world.fleet
        km = (fleet.odometer_m - fleet.trip_start_m)[cycle] / 1000
        return (fleet.energy_discharged_kwh - fleet.energy_regenerated_kwh - fleet.trip_start_kwh)[cycle] / km

    assert (used_kwh(winter) > 1.15 * used_kwh(summer)).all()
    heating, cooling = (season.mean("hvac_power", where) for season, where in zip(seasons, road, strict=True))
    assert heating > 1.5 * cooling > 0.3

    # The first minutes at a fast charger with a battery as cold or warm as the night was.
    began = []
    for season in seasons:
        fast = (season.signals["charging_state"] == CHARGING) & (season.signals["charge_power"] > 12)
        began.append(season.mean("charge_power", fast & (np.arange(SECONDS)[:, None] < 900)))
    assert began[0] < 0.7 * began[1]


def test_a_car_on_its_charger_is_comfortable_when_its_driver_comes(seasons):
    for season in seasons:
        state, cabin = season.signals["vehicle_state"], season.signals["cabin_temperature"]
        plugged = season.signals["plug_state"]
        outside = np.nanmax(season.signals["ambient_temperature"])
        ready, cold = [], []
        for vehicle in range(40):
            starts = np.flatnonzero(state[:, vehicle] == DRIVING)
            if not len(starts) or starts[0] < 960:
                continue
            before = np.flatnonzero(~np.isnan(plugged[: starts[0], vehicle]))
            (ready if plugged[before[-1], vehicle] else cold).append(float(cabin[starts[0], vehicle]))
        assert len(ready) >= 5
        assert np.abs(np.array(ready) - 22.0).max() < 3.0
        assert (np.abs(np.array(cold) - outside) < 3.0).all()


def test_nobody_warms_a_cabin_in_mild_weather(make_world, fleet_text, record):
    commuter = "{commuter: {leaves_home: 07:20, charge_below: 0.6, charge_to: 0.62}}"
    for ambient, expected in (("20 degC", 0), ("-10 degC", 4)):
        world = make_world(fleet_text(4, commuter, "0.55"), ambient=ambient)
        seen = record(world, 1190)
        assert int(seen["climate_on"][1150].sum()) == expected
        assert (seen["vehicle_state"][1150] != DRIVING).all()
