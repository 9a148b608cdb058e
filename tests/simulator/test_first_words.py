"""What a subscriber hears of the first seconds, and in which order: everybody, and nothing that goes back in time."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from jinqiao.simulator.reports import FIRST_S, MOST_ERROR_DEGC, SENSOR_STEP_DEGC
from jinqiao.simulator.scenario import load_scenario
from jinqiao.simulator.world import World
from jinqiao.wire.mqtt.decoding import decode
from jinqiao.wire.mqtt.fields import frame
from jinqiao.wire.mqtt.packets import Publish
from jinqiao.wire.render import StepRenderer

SCENARIO = Path(__file__).parent.parent.parent / "scenarios" / "jinqiao-morning.yaml"


def morning() -> World:
    return World(load_scenario(SCENARIO), seed=5)


def test_everybody_reports_both_groups_in_the_first_seconds_but_not_at_once() -> None:
    world = morning()
    heard: dict[str, dict[int, int]] = {"core": {}, "detail": {}}
    while world.elapsed_s < FIRST_S:
        for batch in world.advance().batches:
            for row in batch.vehicles.tolist():
                heard[batch.group].setdefault(row, world.elapsed_s)
    for group, seconds in heard.items():
        assert len(seconds) == world.fleet.n, group
        at_once = np.bincount(list(seconds.values())).max()
        assert group == "core" or at_once < world.fleet.n / 4  # who drives reports his core every second


def test_parked_cars_then_report_spread_over_their_interval() -> None:
    world = morning()
    resting = np.flatnonzero(world.fleet.vehicle_state == 0)
    seconds: list[int] = []
    while world.elapsed_s < 320:
        for batch in world.advance().batches:
            if batch.group == "detail" and world.elapsed_s > FIRST_S:
                seconds += [world.elapsed_s] * len(np.intersect1d(batch.vehicles, resting))
    counts, _ = np.histogram(seconds, bins=5, range=(FIRST_S, 310))
    assert counts.min() > len(resting) / 5 / 3  # nobody's interval of five minutes begins in the same ten seconds


@pytest.mark.long
def test_an_event_is_dated_as_the_sample_that_shows_it_and_nothing_goes_back() -> None:
    world = morning()
    vins = world.fleet.vins
    renderer = StepRenderer("a1JinqiaoEV", vins, vins)
    last: dict[str, tuple[int, int]] = defaultdict(lambda: (-1, -1))
    states: dict[str, tuple[int, int]] = {}
    started: dict[str, int] = {}
    shown = events = 0
    while world.elapsed_s < 900:
        for kind, block in renderer.blocks(world.advance()):
            data, at = bytes(block.data), 0
            while at < len(data):
                begin, end = frame(data, at)  # type: ignore[misc]
                packet = decode(data[at], data[begin:end])
                at = end
                assert isinstance(packet, Publish)
                message = json.loads(packet.payload)
                vin, params = packet.topic.split("/")[3], message["params"]
                if kind == "event_post":
                    events += 1
                    time_ms = params["time"]
                    if "/ChargingStarted/" in packet.topic:
                        started[vin] = time_ms
                else:
                    time_ms = next(iter(params.values()))["time"]
                    state = params.get("charging:ChargingState", {}).get("value")
                    if state is not None:
                        before = states.get(vin, (state, 0))[0]
                        if vin in started and before != state:
                            assert started.pop(vin) == time_ms
                            shown += 1
                        states[vin] = (state, time_ms)
                number = int(message["id"])
                assert (number, time_ms) >= last[vin]
                assert number > last[vin][0]
                assert time_ms >= last[vin][1]
                last[vin] = (number, time_ms)
    assert events > 20
    assert shown > 3


def test_thermometers_of_cars_differ_within_their_error() -> None:
    world = morning()
    shown = world.surroundings(np.arange(world.fleet.n))["ambient_temperature"]
    air_degc = world.town.ambient_degc
    assert len(np.unique(shown)) >= 3
    assert np.abs(shown - air_degc).max() <= MOST_ERROR_DEGC + SENSOR_STEP_DEGC / 2
    assert (np.round(shown / SENSOR_STEP_DEGC) * SENSOR_STEP_DEGC == shown).all()
    assert abs(float(shown.mean()) - air_degc) < 0.25


def test_no_course_is_shown_as_360_degrees() -> None:
    world = morning()
    world.town.book.line[6][:] = np.linspace(359.9, 359.9999, len(world.town.book.line[6]))
    headings = world.surroundings(np.arange(world.fleet.n))["heading"]
    assert np.round(headings, 1).max() < 360.0
    assert headings.min() == 0.0
