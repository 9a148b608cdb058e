"""What a scenario may say and hardly means is a warning at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from jinqiao.simulator.scenario import load_scenario, parse_scenario

PLAN = """\
name: Test
start: 2026-11-23T07:00+08:00
duration: 1 h
fleets:
  - {name: taxis, count: 10, models: {bmw-ix3-2021: 1}, agenda: ride_hailing}
  - {name: vans, count: 5, models: {bmw-ix3-2021: 1}, agenda: delivery, telemetry: {can: {vehicles: 1}}}
charging_stations:
  - name: Hub
    at: [31.2497, 121.5957]
    connectors: [{kind: dc, power: 120 kW}, {kind: ac, power: 43 kW}]
    site_limit: 120 kW
commands:
  - {at: 59 min, on: 10 of taxis, service: Lock}
faults:
  - {between: [0 s, 2 h], on: vans, fault: can_bus_off, node: BMS}
"""


def warnings_of(text: str) -> list[str]:
    return [problem.as_warning() for problem in parse_scenario(text, name="s.yaml").warnings]


def test_a_plan_without_doubts_has_no_warnings() -> None:
    assert warnings_of(PLAN) == []


@pytest.mark.parametrize("path", sorted(Path("scenarios").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_scenarios_have_no_warnings(path: Path) -> None:
    assert load_scenario(path).warnings == ()


DOUBTFUL = {
    "a command after the end": (
        ("at: 59 min", "at: 60 min"),
        "s.yaml:13:10: warning: commands.0.at: never comes: the scenario ends after 1 h",
    ),
    "a fault after the end": (
        ("between: [0 s,", "between: [90 min,"),
        "s.yaml:15:15: warning: faults.0.between: never comes: the scenario ends after 1 h",
    ),
    "more vehicles than a fleet has": (
        ("10 of taxis", "11 of taxis"),
        "s.yaml:13:22: warning: commands.0.on: found 11, but 'taxis' has 10 vehicles: it means them all",
    ),
    "more vehicles than there are": (
        ("10 of taxis", "16 of parked"),
        "s.yaml:13:22: warning: commands.0.on: found 16, but the scenario has 15 vehicles: it means them all",
    ),
    "a fault on a fleet that shows no bus": (
        ("on: vans", "on: taxis"),
        "s.yaml:15:31: warning: faults.0.on: strikes nobody: 'taxis' sends no CAN (telemetry: {can: {vehicles: N}})",
    ),
    "AC that no car takes": (
        ("power: 43 kW", "power: 120 kW"),
        "s.yaml:10:63: warning: charging_stations.0.connectors.1.power: AC of 120 kW: no car takes more than 43 kW"
        " of it; is this dc?",
    ),
    "a site that feeds not even one connector": (
        ("site_limit: 120 kW", "site_limit: 1 kW"),
        "s.yaml:11:17: warning: charging_stations.0.site_limit: 1 kW is less than one of its connectors gives (120 kW)",
    ),
    "taxis without DC": (
        ("{kind: dc, power: 120 kW}, ", ""),
        "s.yaml:5:65: warning: fleets.0.agenda: there is no DC connector for these cars: they charge on AC",
    ),
    "a station without customers": (
        ("agenda: ride_hailing", "agenda: commuter"),
        "s.yaml:8:11: warning: charging_stations.0.name: hardly any car will come here: these fleets have chargers of"
        " their own, and look for a station only when they would not reach their destination",
    ),
    "a station that others outdo": (
        ("commands:", "  - {name: Lamp, at: [31.2497, 121.5957], connectors: [{kind: ac, power: 7 kW}]}\ncommands:"),
        "s.yaml:12:12: warning: charging_stations.1.name: no car will come here: they look for DC, which other"
        " stations have",
    ),
}


@pytest.mark.parametrize("what", DOUBTFUL)
def test_a_doubt_is_a_warning_at_its_place(what: str) -> None:
    (before, after), warning = DOUBTFUL[what]
    assert before in PLAN
    assert warnings_of(PLAN.replace(before, after)) == [warning]


def test_a_station_far_from_the_road_says_where_cars_charge_instead() -> None:
    (warning,) = warnings_of(PLAN.replace("[31.2497, 121.5957]", "[31.2424, 121.5872]"))
    assert warning.startswith("s.yaml:9:9: warning: charging_stations.0.at: cars charge at [31.24")
    assert " m away: the nearest place on the road network" in warning


def test_an_expectation_of_what_does_not_come() -> None:
    plan = PLAN + (
        "expect:\n"
        "  - at 61 min: count(charging) < 3\n"
        "  - at 60 min: count(charging) < 3\n"
        "  - after dtc: StopCharging within 60 s\n"
        "  - detects can_bus_off: recall >= 90 %\n"
    )
    assert warnings_of(plan) == [
        "s.yaml:17:5: warning: expect.0: is never looked at: the scenario ends after 1 h",
        "s.yaml:19:11: warning: expect.2: the scenario has no 'dtc': it is exercised only if somebody brings one from "
        "outside",
    ]
