"""Scenario files: the language as it is written, and every mistake with file, line, column and the way out."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jinqiao.base.errors import Problem, ScenarioError
from jinqiao.base.keyed import Draws
from jinqiao.simulator import scenario
from jinqiao.simulator.agendas import AGENDAS
from jinqiao.simulator.agendas.commuter import CommuterAgenda
from jinqiao.simulator.agendas.cycle import CycleAgenda, CycleName
from jinqiao.simulator.agendas.delivery import DeliveryAgenda
from jinqiao.simulator.agendas.ride_hailing import RideHailingAgenda
from jinqiao.simulator.scenario import Scenario, load_scenario, parse_scenario
from jinqiao.vehicles.cycles import CYCLES
from support.examples import examples

CATALOGUE = ("bmw-i3-edrive35l-2022", "bmw-i4-edrive40-2022", "bmw-ix3-2021")

HEAD = """\
name: Test
start: 2026-11-23T07:00+08:00
duration: 2 h
"""
FLEET = """\
fleets:
  - name: a
    count: 2
    models: {bmw-ix3-2021: 1}
    agenda: commuter
"""


def _parse(text: str) -> Scenario:
    return parse_scenario(text, name="s.yaml", catalogue=CATALOGUE)


def _fleet(*lines: str) -> Scenario:
    return _parse(HEAD + FLEET + "".join(f"    {line}\n" for line in lines))


def _agenda(written: str) -> Scenario:
    return _parse(HEAD + FLEET.replace("agenda: commuter", f"agenda: {written}"))


def _problems(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        _parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_the_shipped_scenarios_are_right() -> None:
    found = sorted(Path("scenarios").glob("*.yaml"))
    assert {path.stem for path in found} >= {"jinqiao-morning", "rush-hour", "two-cars"}
    for path in found:
        assert path.read_text().startswith("# yaml-language-server: $schema=../docs/schema/scenario-1.json\n"), path
        load_scenario(path)


def test_the_default_scenario_is_what_the_readme_promises() -> None:
    morning = load_scenario("scenarios/jinqiao-morning.yaml")
    assert sum(fleet.count for fleet in morning.fleets) == 200
    assert len({model for fleet in morning.fleets for model in fleet.models}) >= 3
    assert {fleet.agenda.kind for fleet in morning.fleets} == {"commuter", "ride_hailing", "delivery"}
    assert morning.start == dt.datetime(2026, 11, 23, 7, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    assert morning.duration_s == 7200


def test_a_whole_scenario_in_the_units_of_the_simulator() -> None:
    text = """\
name: Everything
seed: 7
start: 2026-11-23T07:00:30+08:00
duration: 90 min
place: jinqiao
weather:
  ambient: [{at: 0 min, degc: 2}, {at: 60 min, degc: 8.0}]
fleets:
  - name: taxis
    count: 80
    models: {bmw-i4-edrive40-2022: 1, bmw-ix3-2021: 2.5}
    product: ev
    agenda: {ride_hailing: {shift: 8 h, charge_below: 20 %, charge_to: 0.7}}
    initial_soc: uniform(0.2, 0.9)
    telemetry: {driving: 2 s, charging: 20 s, parked: 1 min, detail: 2 min}
    connection: per_vehicle
charging_stations:
  - name: Hub
    at: [31.2497, 121.5957]
    connectors: [{kind: dc, power: 120 kW, count: 6}, {kind: ac, power: 7000 W}]
    site_limit: 480 kW
sinks: []
"""
    got = _parse(text)
    assert (got.name, got.seed, got.duration_s, got.place) == ("Everything", 7, 5400.0, "jinqiao")
    assert got.start_ms == 1_795_388_430_000
    assert got.start_second_of_day == 7 * 3600 + 30
    (fleet,) = got.fleets
    assert (fleet.name, fleet.count, fleet.product, fleet.connection) == ("taxis", 80, "ev", "per_vehicle")
    assert fleet.models == {"bmw-i4-edrive40-2022": 1.0, "bmw-ix3-2021": 2.5}
    assert isinstance(fleet.agenda, RideHailingAgenda)
    assert (fleet.agenda.shift_s, fleet.agenda.charge_below, fleet.agenda.charge_to) == (28_800.0, 0.2, 0.7)
    assert fleet.initial_soc.draw(Draws.of(0, [("cars", 3)]), "test").shape == (3,)
    telemetry = fleet.telemetry
    assert (telemetry.driving_s, telemetry.charging_s, telemetry.parked_s, telemetry.detail_s) == (2, 20, 60, 120)
    (station,) = got.charging_stations
    assert (station.name, station.at, station.site_limit_kw) == ("Hub", (31.2497, 121.5957), 480.0)
    assert [(c.kind, c.power_kw, c.count) for c in station.connectors] == [("dc", 120.0, 6), ("ac", 7.0, 1)]


def test_what_may_be_left_out() -> None:
    got = _parse(HEAD + FLEET)
    (fleet,) = got.fleets
    assert (got.seed, got.place, got.charging_stations, got.sinks) == (None, "jinqiao", (), ())
    assert got.weather.ambient_at(0) == 20
    assert (fleet.product, fleet.connection) == ("ev", "shared")
    telemetry = fleet.telemetry
    assert (telemetry.driving_s, telemetry.charging_s, telemetry.parked_s, telemetry.detail_s) == (1, 10, 300, 60)
    assert (fleet.initial_soc.family, fleet.initial_soc.arguments) == ("normal", (0.6, 0.15))


@pytest.mark.parametrize(
    ("written", "model", "options"),
    [
        ("commuter", CommuterAgenda, {"charge_below": 0.5, "charge_to": 0.9, "home_charger_kw": 7.0}),
        ("{commuter: {home_charger: 11 kW}}", CommuterAgenda, {"home_charger_kw": 11.0}),
        ("{commuter: }", CommuterAgenda, {"charge_to": 0.9}),
        ("ride_hailing", RideHailingAgenda, {"shift_s": 36_000.0, "charge_below": 0.25, "charge_to": 0.8}),
        ("delivery", DeliveryAgenda, {"stops": 8, "stop_s": 240.0, "charge_below": 0.3, "charge_to": 0.9}),
        ("{delivery: {stops: 12, stop: 90 s}}", DeliveryAgenda, {"stops": 12, "stop_s": 90.0}),
        ("{cycle: CLTC-P}", CycleAgenda, {"name": "CLTC-P", "charge_below": 0.15, "charge_to": 0.8}),
        ("{cycle: {name: US06, charge_to: 95 %}}", CycleAgenda, {"name": "US06", "charge_to": 0.95}),
    ],
)
def test_every_way_of_writing_an_agenda(written: str, model: type, options: dict[str, object]) -> None:
    agenda = _agenda(written).fleets[0].agenda
    assert type(agenda) is model
    assert AGENDAS[agenda.kind].language is model
    assert {name: getattr(agenda, name) for name in options} == options


def test_commuters_leave_around_the_times_of_the_contract() -> None:
    agenda = _agenda("commuter").fleets[0].agenda
    assert isinstance(agenda, CommuterAgenda)
    assert agenda.leaves_home.arguments == (27_900.0, 2_400.0)
    assert agenda.leaves_work.arguments == (63_900.0, 3_000.0)


def test_a_cycle_can_be_named_exactly_when_it_is_shipped() -> None:
    assert set(get_args(CycleName)) == set(CYCLES)


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("2026-11-23T07:00+08:00", 1_795_388_400_000),
        ("2026-11-23T07:00:00+08:00", 1_795_388_400_000),
        ("2026-11-23 07:00:00.250 +08:00", 1_795_388_400_250),
        ("'2026-11-22T23:00:00Z'", 1_795_388_400_000),
        ("2026-11-22T23:00Z", 1_795_388_400_000),
    ],
)
def test_a_start_with_its_zone(written: str, ms: int) -> None:
    assert _parse(HEAD.replace("2026-11-23T07:00+08:00", written) + FLEET).start_ms == ms


def test_a_start_may_be_a_datetime_of_python() -> None:
    data = {
        "name": "x",
        "duration": "1 min",
        "fleets": [{"name": "a", "count": 1, "models": {"any": 1}, "agenda": "delivery"}],
    }
    zone = dt.timezone(dt.timedelta(hours=8))
    assert (
        Scenario.model_validate({**data, "start": dt.datetime(2026, 11, 23, 7, tzinfo=zone)}).start_ms
        == 1_795_388_400_000
    )
    with pytest.raises(ValueError, match="without a zone"):
        Scenario.model_validate({**data, "start": dt.datetime(2026, 11, 23, 7)})  # noqa: DTZ001


def test_weather_runs_in_straight_lines_between_its_points() -> None:
    points = "weather:\n  ambient: [{at: 10 min, degc: 2}, {at: 20 min, degc: 8}]\n"
    weather = _parse(HEAD + points + FLEET).weather
    assert [weather.ambient_at(60.0 * minute) for minute in (0, 10, 15, 20, 99)] == [2, 2, 5, 8, 8]
    assert _parse(HEAD + "weather: {ambient: -5 degC}\n" + FLEET).weather.ambient_at(1e6) == -5


COMMANDS = (
    "name: x\nfleets: [{name: cabs, count: 1, models: {bmw-ix3-2021: 1}, agenda: commuter}]\n"
    "start: 2026-11-23T07:00+08:00\nduration: 1 h\ncommands:\n"
)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("{at: 5, on: all, service: Lock}", "6:10: commands.0.at: found 5 without a unit"),
        ("{at: 1 min, on: taxis, service: Lock}", "6:21: commands.0.on: no fleet 'taxis', expected cabs, a state"),
        ("{at: 1 min, on: 3 cabs, service: Lock}", "6:21: commands.0.on: found '3 cabs', expected vehicles: [N of"),
        ("{at: 1 min, on: cabs, service: StartClimat}", "6:36: commands.0.service: found 'StartClimat', expected a"),
        ("{at: 1 min, on: cabs, service: Unlok}", "(did you mean 'Unlock'?)"),
        ("{at: 1 min, on: cabs}", "6:5: commands.0: found neither of service and set, expected one of service and set"),
        ("{at: 1 min, on: cabs, service: Lock, set: {body:Locked: 1}}", "found both of service and set"),
        (
            "{at: 1 min, on: cabs, service: SetChargeLimit}",
            "6:5: commands.0: Limit is missing, expected 20 to 100 % in steps of 1",
        ),
        (
            "{at: 1 min, on: cabs, service: SetChargeLimit, args: {Limit: 10}}",
            "6:58: commands.0.args: Limit: found 10, expected",
        ),
        (
            "{at: 1 min, on: cabs, service: StartClimate, args: {Traget: 20}}",
            "6:56: commands.0.args: found argument 'Traget', expected Target",
        ),
        ("{at: 1 min, on: cabs, service: Lock, args: 5}", "6:48: commands.0.args: found 5, expected the service's"),
        ("{at: 1 min, on: cabs, set: {charging:ChargeLimt: 80}}", "(did you mean 'charging:ChargeLimit'?)"),
        ("{at: 1 min, on: cabs, set: {body:Locked: 7}}", "Locked: found 7, expected 0 or 1"),
        ("{at: 1 min, on: cabs, set: {}}", "found an empty mapping, expected properties with values"),
        ("{at: 1 min, on: cabs, service: Lock, whom: me}", "6:42: commands.0.whom: unknown key 'whom'"),
    ],
)
def test_a_wrong_command_is_named_with_its_place(command: str, problem: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        _parse(f"{COMMANDS}  - {command}")
    assert problem in str(caught.value)
    assert str(caught.value).startswith("s.yaml:6:")


ZONE = "expected a date and time with its zone, from 2000 to 2099, like 2026-11-23T07:00+08:00"


@pytest.mark.parametrize(
    ("head", "problems"),
    [
        ("name: 2026", ["s.yaml:1:7: name: found 2026, expected text (in quotes)"]),
        ("name: ' '", ["s.yaml:1:7: name: found only spaces, expected a name"]),
        ("name: x\nsede: 7", ["s.yaml:2:1: sede: unknown key 'sede' (did you mean 'seed'?)"]),
        ("name: x\nseed: -1", ["s.yaml:2:7: seed: found -1, expected at least 0"]),
        ("name: x\nseed: 1.5", ["s.yaml:2:7: seed: found 1.5, expected a whole number"]),
        ("name: x\nplace: jinqao",
         ["s.yaml:2:8: place: found 'jinqao', expected 'jinqiao' (did you mean 'jinqiao'?)"]),
        ("name: x\nsinks:", ["s.yaml:2:1: sinks: found nothing, expected a list"]),
        ("name: x\nweather: {ambient: 5}", ["s.yaml:2:20: weather.ambient: found 5 without a unit, expected"
                                            " a temperature in degC, like '-5 degC'"]),
        ("name: x\nweather: {ambient: 99 degC}",
         ["s.yaml:2:20: weather.ambient: found '99 degC', expected from -60 degC to 60 degC"]),
        ("name: x\nweather: {ambient: []}",
         ["s.yaml:2:20: weather.ambient: found an empty list, expected at least one entry"]),
        ("name: x\nweather:\n  ambient:\n    - {at: 1 h, degc: 2}\n    - {at: 30 min, degc: 3}\n"
         "    - {at: 60 min, degc: 4}\n    - {at: 2 h, degc: x}",
         ["s.yaml:5:12: weather.ambient.1.at: found '30 min', expected a time after '1 h'",
          "s.yaml:6:12: weather.ambient.2.at: found '60 min', expected a time after '1 h'",
          "s.yaml:7:23: weather.ambient.3.degc: found 'x', expected a number"]),
    ],
)  # fmt: skip
def test_mistakes_at_the_top(head: str, problems: list[str]) -> None:
    rest = (HEAD + FLEET).split("\n", 1)[1]
    assert _problems(f"{head}\n{rest}") == problems


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("2026-11-23T07:00", f"found '2026-11-23T07:00' without a zone, {ZONE}"),
        ("2026-11-23T07:00:00", f"found '2026-11-23T07:00:00' without a zone, {ZONE}"),
        ("2026-11-23", f"found '2026-11-23' without a zone, {ZONE}"),
        ("2026-11-31T07:00+08:00", f"found '2026-11-31T07:00+08:00', {ZONE}"),
        ("1999-11-23T07:00+08:00", f"found '1999-11-23T07:00+08:00', {ZONE}"),
        ("07:00", f"found '07:00', {ZONE}"),
        ("1795388400", f"found 1795388400, {ZONE}"),
    ],
)
def test_a_start_that_leaves_something_to_be_guessed(written: str, problem: str) -> None:
    text = HEAD.replace("2026-11-23T07:00+08:00", written) + FLEET
    assert _problems(text) == [f"s.yaml:2:8: start: {problem}"]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("30", "found 30 without a unit, expected a duration in s, min, h or d, like '30 min'"),
        ("2 hours", "found '2 hours', expected a duration in s, min, h or d (did you mean '2 h'?)"),
        ("0 s", "found '0 s', expected from 1 s to 366 d"),
        ("-5 min", "found '-5 min', expected from 1 s to 366 d"),
        ("400 d", "found '400 d', expected from 1 s to 366 d"),
    ],
)
def test_a_duration_that_does_not_fit(written: str, problem: str) -> None:
    assert _problems(HEAD.replace("2 h", written) + FLEET) == [f"s.yaml:3:11: duration: {problem}"]


NO_VEHICLE = "no vehicle 'bmw-i4-edrive-40' in the catalogue (did you mean 'bmw-i4-edrive40-2022'?)"
LIST_THEM = "list them with: jinqiao catalog list; your own vehicle is named by its file: my-van.yaml"
AGENDA_NAMES = "commuter, cycle, delivery or ride_hailing"


@pytest.mark.parametrize(
    ("before", "after", "problems"),
    [
        ("{bmw-ix3-2021: 1}", "{bmw-ix3-2021: 1, bmw-i4-edrive-40: 2}",
         [f"s.yaml:7:31: fleets.0.models.bmw-i4-edrive-40: {NO_VEHICLE}\n  {LIST_THEM}"]),
        ("{bmw-ix3-2021: 1}", "{bmw-ix3-2021: 0}",
         ["s.yaml:7:28: fleets.0.models.bmw-ix3-2021: found 0, expected more than 0"]),
        ("{bmw-ix3-2021: 1}", "{}",
         ["s.yaml:7:13: fleets.0.models: found an empty mapping, expected at least one entry"]),
        ("{bmw-ix3-2021: 1}", "[bmw-ix3-2021]",
         ["s.yaml:7:13: fleets.0.models: found a list of 1, expected a mapping (key: value)"]),
        ("count: 2", "count: 0", ["s.yaml:6:12: fleets.0.count: found 0, expected at least 1"]),
        ("count: 2", "count: 1000001", ["s.yaml:6:12: fleets.0.count: found 1000001, expected at most 1000000"]),
        ("count: 2", "count: '80'", ["s.yaml:6:12: fleets.0.count: found '80', expected a number without quotes"]),
        ("count: 2", "cuont: 2", ["s.yaml:5:5: fleets.0.count: key 'count' is missing",
                                  "s.yaml:6:5: fleets.0.cuont: unknown key 'cuont' (did you mean 'count'?)"]),
        ("name: a", "name: parked",
         ["s.yaml:5:11: fleets.0.name: found 'parked', expected a name that is not a word of the language:"
          " any, all, parked, driving, charging, queueing"]),
        ("count: 2", "count: 2\n    product: EV",
         ["s.yaml:7:14: fleets.0.product: found 'EV', expected 'ev' (did you mean 'ev'?)"]),
        ("count: 2", "count: 2\n    connection: share",
         ["s.yaml:7:17: fleets.0.connection: found 'share', expected 'shared' or 'per_vehicle'"
          " (did you mean 'shared'?)"]),
        ("count: 2", "count: 2\n    initial_soc: normal(55, 15)",
         ["s.yaml:7:18: fleets.0.initial_soc: in 'normal(55, 15)': found '55', expected a share from 0 to 1,"
          " or a percentage (did you mean '55 %'?)"]),
        ("count: 2", "count: 2\n    telemetry: {driving: 0.5 s, charging: 10, parkd: 5 min}",
         ["s.yaml:7:26: fleets.0.telemetry.driving: found '0.5 s', expected a whole number of seconds"
          " from 1 s to 7 d",
          "s.yaml:7:43: fleets.0.telemetry.charging: found 10 without a unit, expected a duration"
          " in s, min, h or d, like '30 min'",
          "s.yaml:7:47: fleets.0.telemetry.parkd: unknown key 'parkd' (did you mean 'parked'?)"]),
        ("commuter", "comuter", [f"s.yaml:8:13: fleets.0.agenda: found 'comuter', expected an agenda: {AGENDA_NAMES}"
                                 " (did you mean 'commuter'?)"]),
        ("commuter", "cycle", ["s.yaml:8:13: fleets.0.agenda: found 'cycle' without its drive cycle,"
                               " expected it as {cycle: WLTC}"]),
        ("commuter", "{cycle: CLTCP}",
         ["s.yaml:8:21: fleets.0.agenda.cycle: found 'CLTCP', expected 'WLTC', 'NEDC', 'CLTC-P', 'UDDS', 'HWFET',"
          " 'US06' or 'FTP-75' (did you mean 'CLTC-P'?)"]),
        ("commuter", "{commuter: , delivery: }",
         [f"s.yaml:8:13: fleets.0.agenda: found a mapping, expected one agenda: {AGENDA_NAMES},"
          " with options as {name: {…}}"]),
        ("commuter", "{delivery: 3}",
         ["s.yaml:8:24: fleets.0.agenda.delivery: found 3, expected a mapping (key: value)"]),
        ("commuter", "{ride_hailing: {charge_below: 0.9}}",
         ["s.yaml:8:28: fleets.0.agenda.ride_hailing: found charge_to 0.8, expected more than charge_below, 0.9"]),
        ("commuter", "{ride_hailing: {shfit: 10 h, charge_to: 80}}",
         ["s.yaml:8:29: fleets.0.agenda.ride_hailing.shfit: unknown key 'shfit' (did you mean 'shift'?)",
          "s.yaml:8:53: fleets.0.agenda.ride_hailing.charge_to: found 80, expected a share from 0 to 1,"
          " or a percentage (did you mean '80 %'?)"]),
        ("commuter", "{commuter: {leaves_home: normal(07:45, 40 mi)}}",
         ["s.yaml:8:38: fleets.0.agenda.commuter.leaves_home: in 'normal(07:45, 40 mi)': found '40 mi', expected a"
          " duration in s, min, h or d (did you mean '40 min'?)"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_fleet(before: str, after: str, problems: list[str]) -> None:
    assert _problems(HEAD + FLEET.replace(before, after)) == problems


@pytest.mark.parametrize(
    ("station", "problems"),
    [
        ("at: [121.5957, 31.2497], connectors: [{kind: ac, power: 7 kW}]",
         ["s.yaml:10:20: charging_stations.0.at.0: found 121.5957, expected a latitude from -90 to 90;"
          " a position is [latitude, longitude]"]),
        ("at: [31.2], connectors: [{kind: ac, power: 7 kW}]",
         ["s.yaml:10:19: charging_stations.0.at: found a list of 1, expected at least 2 entries"]),
        ("at: [39.9, 116.4], connectors: [{kind: ac, power: 7 kW}]",
         ["s.yaml:10:19: charging_stations.0.at: found [39.9, 116.4], 1,070 km from jinqiao, expected at most 50 km"]),
        ("at: [31.2, 121.6], connectors: []",
         ["s.yaml:10:46: charging_stations.0.connectors: found an empty list, expected at least one entry"]),
        ("at: [31.2, 121.6], connectors: [{kind: acc, power: 7, count: 0}], site_limit: 0 kW",
         ["s.yaml:10:54: charging_stations.0.connectors.0.kind: found 'acc', expected 'ac' or 'dc'"
          " (did you mean 'ac'?)",
          "s.yaml:10:66: charging_stations.0.connectors.0.power: found 7 without a unit, expected a power"
          " in kW or W, like '7.2 kW'",
          "s.yaml:10:76: charging_stations.0.connectors.0.count: found 0, expected at least 1",
          "s.yaml:10:93: charging_stations.0.site_limit: found '0 kW', expected from 100 W to 100000 kW"]),
    ],
)  # fmt: skip
def test_mistakes_in_a_station(station: str, problems: list[str]) -> None:
    text = HEAD + FLEET + "charging_stations:\n  - {name: x, " + station + "}\n"
    assert _problems(text) == problems


def test_a_name_is_given_once() -> None:
    station = "  - {name: Hub, at: [31.2, 121.6], connectors: [{kind: ac, power: 7 kW}]}\n"
    text = HEAD + FLEET + FLEET.split("\n", 1)[1].replace("count: 2", "count: 0") + "charging_stations:\n" + station * 2
    assert _problems(text) == [
        "s.yaml:9:11: fleets.1.name: found 'a' a second time, fleets.0 has it; expected a name of its own",
        "s.yaml:10:12: fleets.1.count: found 0, expected at least 1",
        "s.yaml:15:12: charging_stations.1.name: found 'Hub' a second time, charging_stations.0 has it;"
        " expected a name of its own",
    ]


def test_what_must_be_there() -> None:
    assert _problems("seed: 1") == [
        "s.yaml:1:1: name: key 'name' is missing",
        "s.yaml:1:1: start: key 'start' is missing",
        "s.yaml:1:1: duration: key 'duration' is missing",
        "s.yaml:1:1: fleets: key 'fleets' is missing",
    ]
    assert _problems(HEAD + "fleets: []") == ["s.yaml:4:9: fleets: found an empty list, expected at least one entry"]
    assert _problems("") == ["s.yaml:1:1: found nothing, expected a mapping (key: value)"]


def test_the_shipped_catalogue_is_asked_unless_another_is_given(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(HEAD + FLEET.replace("bmw-ix3-2021", "my-car-2026"))
    with pytest.raises(ScenarioError, match=r"mine\.yaml:7:14: .*no vehicle 'my-car-2026' in the catalogue"):
        load_scenario(path)
    assert load_scenario(path, catalogue=["my-car-2026"]).fleets[0].models == {"my-car-2026": 1.0}


def test_a_scenario_does_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        _parse(HEAD + FLEET).name = "other"  # type: ignore[misc]


WORDS = st.sampled_from(
    ["name", "seed", "start", "duration", "fleets", "weather", "ambient", "agenda", "models", "at", "faults", "x"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1 h", "commuter", "cycle", "normal(0.5, 0.1)", "2026-11-23T07:00Z", "5 degC", "bmw-ix3-2021"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(data=st.dictionaries(WORDS, VALUES, max_size=6))
@settings(max_examples=examples(150))
def test_any_document_is_a_scenario_or_our_error(data: dict[str, object]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        _parse(json.dumps(data))
    except ScenarioError as error:
        problems = error.problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


def test_the_door_is_complete_and_sorted() -> None:
    public = sorted(name for name in scenario.__all__ if hasattr(scenario, name))
    assert scenario.__all__ == public
