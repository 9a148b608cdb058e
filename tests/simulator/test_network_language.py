"""`network:` of a scenario: what is read, and where mistakes are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jinqiao.base.errors import ScenarioError
from jinqiao.simulator.network_page import network_page
from jinqiao.simulator.scenario import load_scenario, parse_scenario
from jinqiao.simulator.scenario.network import NetworkSpec
from jinqiao.simulator.scenario.profiles import PROFILES

HEAD = """name: x
start: 2026-11-23T07:00+08:00
duration: 2 h
fleets:
  - {name: taxis, count: 3, vehicles: [bmw-ix3-2021], agenda: commuter}
network:
"""


def read(*entries: str) -> tuple[NetworkSpec, ...]:
    return parse_scenario(HEAD + "".join(f"  - {entry}\n" for entry in entries), name="s.yaml").network


def problems(*entries: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        read(*entries)
    return [str(problem) for problem in raised.value.problems]


def test_the_reference_is_read_as_it_stands() -> None:
    first, second = read(
        "{on: all, profile: 4g-city}",
        "{on: taxis, latency: lognormal(80 ms, 40 ms), loss: 0.5 %, bandwidth: 2 Mbit/s}",
    )
    assert first.profile is PROFILES["4g-city"]
    assert second.latency is not None
    assert (second.latency.family, second.latency.arguments) == ("lognormal", (0.08, 0.04))
    assert (second.loss, second.bandwidth) == (0.005, 2e6)


def test_every_profile_has_a_latency_and_a_source() -> None:
    for profile in PROFILES.values():
        assert profile.source
        assert 0 <= profile.loss < 0.5
        median = profile.delay.quantiles(np.array([0.5]))[0]
        assert 0 <= median < 1


def test_the_profiles_get_worse_from_city_to_garage() -> None:
    medians = [PROFILES[name].delay.quantiles(np.array([0.5]))[0] for name in ("ideal", "4g-city", "3g", "garage")]
    assert medians == sorted(medians)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "{on: all, profile: 4g-cty}",
            ["s.yaml:7:24: network.0.profile: found '4g-cty', expected a network: ideal, 4g-city, 4g-rural, 3g,"
             " roaming, garage or flaky (did you mean '4g-city'?)"],
        ),
        (
            "{on: taksis, profile: 3g}",
            ["s.yaml:7:10: network.0.on: no fleet 'taksis', expected taxis, a state, any or all"
             " (did you mean 'taxis'?)"],
        ),
        (
            "{on: all, latency: 80}",
            ["s.yaml:7:24: network.0.latency: found 80 without a unit, expected a delay in ms or s, like '80 ms';"
             " or a distribution like 'lognormal(80 ms, 40 ms)'"],
        ),
        (
            "{on: all, latency: -80 ms}",
            ["s.yaml:7:24: network.0.latency: found '-80 ms', expected from 0 ms to 60 s"],
        ),
        (
            "{on: all, latency: 80 min}",
            ["s.yaml:7:24: network.0.latency: found '80 min', expected a delay in ms or s, like '80 ms';"
             " or a distribution like 'lognormal(80 ms, 40 ms)'"],
        ),
        (
            "{on: all, loss: 60 %}",
            ["s.yaml:7:21: network.0.loss: found '60 %', expected at most 50%: what loses more is an outage"
             " (outage: {…})"],
        ),
        (
            "{on: all, bandwidth: 2 Mbps}",
            ["s.yaml:7:26: network.0.bandwidth: found '2 Mbps', expected a data rate in kbit/s, Mbit/s or Gbit/s"
             " (did you mean '2 Mbit/s'?)"],
        ),
        (
            "{on: all, bandwidth: 10 kbit/s, jiter: 3 ms}",
            ["s.yaml:7:37: network.0.jiter: unknown key 'jiter' (did you mean 'jitter'?)"],
        ),
    ],
)  # fmt: skip
def test_mistakes(entry: str, expected: list[str]) -> None:
    assert problems(entry) == expected


def test_an_entry_that_says_nothing_is_refused() -> None:
    (problem,) = problems("{on: all}")
    assert problem.startswith("s.yaml:7:5: network.0: found nothing beside on, expected profile, latency")


def test_more_vehicles_than_there_are_is_a_doubt() -> None:
    scenario = parse_scenario(HEAD + "  - {on: 9 of taxis, profile: 3g}\n")
    assert any("found 9" in str(problem) for problem in scenario.warnings)


OUTAGES = [
    "{at: 20 min, for: 5 min}",
    "{at: 20 min}",
    "{between: [10 min, 20 min], for: 90 s}",
    "{inside: {center: [31.2497, 121.5957], radius: 400 m}}",
    "{polygon: [[31.2, 121.5], [31.3, 121.5], [31.3, 121.6]]}",
    "{tunnel: 3}",
]


@pytest.mark.parametrize("outage", OUTAGES)
def test_outages_are_read(outage: str) -> None:
    (spec,) = read(f"{{on: 30 % of taxis, outage: {outage}, backlog: history}}")
    assert spec.outage is not None
    assert (spec.timed_outage() is None) == ("inside" in outage or "polygon" in outage or "tunnel" in outage)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            "{on: all, outage: {for: 5 min}}",
            "s.yaml:7:23: network.0.outage: found no time and no place, expected one of at, between, inside, polygon,"
            " geojson and tunnel",
        ),
        (
            "{on: all, outage: {at: 1 min, tunnel: 2}}",
            "s.yaml:7:23: network.0.outage: found at and tunnel, expected one of at, between, inside, polygon,"
            " geojson and tunnel",
        ),
        (
            "{on: all, outage: {tunnel: 2, for: 5 min}}",
            "s.yaml:7:23: network.0.outage: found for beside tunnel, expected it with at or between: a place lasts",
        ),
        (
            "{on: all, outage: {between: [9 min, 5 min]}}",
            "s.yaml:7:23: network.0.outage: between: the second time is not after the first",
        ),
        (
            "{on: all, outage: {inside: {center: [131.2, 121.5], radius: 400 m}}}",
            "s.yaml:7:41: network.0.outage.inside.center: found a list of 2, expected a position:"
            " [latitude, longitude], WGS-84",
        ),
        (
            "{on: all, outage: {inside: {center: [31.2, 121.5], radius: 400}}}",
            "s.yaml:7:64: network.0.outage.inside.radius: found 400 without a unit, expected a length in km or m,"
            " like '12 km'",
        ),
        (
            "{on: all, outage: {polygon: [[31.2, 121.5]]}}",
            "s.yaml:7:33: network.0.outage.polygon: found a list of 1, expected at least three corners:"
            " [[latitude, longitude], …]",
        ),
        (
            "{on: all, outage: {geojson: nowhere.json}}",
            "s.yaml:7:33: network.0.outage.geojson: nowhere.json cannot be read: No such file or directory",
        ),
        (
            "{on: all, outage: {at: 1 min}, backlog: histroy}",
            "s.yaml:7:45: network.0.backlog: found 'histroy', expected 'history', 'late' or 'none'"
            " (did you mean 'history'?)",
        ),
        (
            "{on: all, keep_alive: 10 s}",
            "s.yaml:7:27: network.0.keep_alive: found '10 s', expected from 30 s to 1200 s, as the platform allows",
        ),
        ("{on: all, keep: 0}", "s.yaml:7:21: network.0.keep: found 0, expected at least 1"),
    ],
)
def test_mistakes_in_outages(entry: str, expected: str) -> None:
    assert problems(entry) == [expected]


SQUARE = {
    "type": "Feature",
    "geometry": {
        "type": "Polygon",
        "coordinates": [[[0, 0], [4, 0], [4, 4], [0, 4], [0, 0]], [[1, 1], [2, 1], [2, 2]]],
    },
}


def test_a_geojson_file_lies_beside_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "area.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [SQUARE]}))
    (tmp_path / "s.yaml").write_text(HEAD + "  - {on: all, outage: {geojson: area.geojson}}\n")
    (spec,) = load_scenario(tmp_path / "s.yaml").network
    assert spec.outage is not None
    assert [ring.shape for ring in spec.outage.geojson] == [(5, 2), (3, 2)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not GeoJSON with a polygon"),
        ('{"type": "Point", "coordinates": [1, 2]}', "is not GeoJSON with a polygon"),
        ('{"type": "Polygon", "coordinates": [[[1, 2]]]}', "rings of at least three corners"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], ["x", 3], [4, 5]]]}', "is not GeoJSON with a polygon"),
        ('{"type": "Polygon", "coordinates": []}', "expected one polygon or several"),
        ("[" * 100_000, "is not GeoJSON with a polygon"),
        ('{"type": "Polygon", "coordinates": [[[1, 2], [NaN, 3], [4, 5]]]}', "rings of at least three corners"),
    ],
)
def test_a_file_that_is_no_place_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "area.geojson").write_text(text)
    (tmp_path / "s.yaml").write_text(HEAD + "  - {on: all, outage: {geojson: area.geojson}}\n")
    with pytest.raises(ScenarioError, match=told):
        load_scenario(tmp_path / "s.yaml")


PAGE = Path(__file__).parents[2] / "docs" / "network.md"


def test_the_page_of_networks_is_current() -> None:
    """After a change of a key or a profile: python -m jinqiao.simulator.network_page > docs/network.md"""
    assert PAGE.read_text() == network_page()
