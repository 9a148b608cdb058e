"""`network:` of a scenario: what is read, and where mistakes are."""

from __future__ import annotations

import numpy as np
import pytest

from jinqiao.base.errors import ScenarioError
from jinqiao.simulator.scenario import parse_scenario
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
