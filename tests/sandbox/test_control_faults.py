"""Faults, commands, labels, detections and expectations of a run, over `/control`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.control import Controller
from support.programs import Program

pytestmark = pytest.mark.program

SCENARIO = """\
name: bench
start: 2026-11-23T07:00+08:00
duration: 10 h
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: movers, count: 3, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.5,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min, detail: 5 s}}
  - {name: sleepers, count: 4, models: {bmw-i3-edrive35l-2022: 1}, agenda: commuter, initial_soc: 0.5}
charging_stations: []
expect:
  - never(StateOfCharge < 0 %)
  - eventually(count(driving) > 100)
"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    path = tmp_path_factory.mktemp("bench") / "bench.yaml"
    path.write_text(SCENARIO)
    program = Program("run", str(path), "--seed", "7", "--mqtt-port", "0", "-q", "--paused")
    client = Controller(program.ready)
    yield client
    client.close()
    program.interrupt()
    program.finish()


@pytest.fixture
def vin(bench: Controller) -> str:
    found: str = bench.get("/vehicles?limit=1")["vehicles"][0]["vin"]
    return found


def test_a_fault_begins_at_once_and_ends_when_it_is_ended(bench: Controller, vin: str) -> None:
    since = max((one["number"] for one in bench.get("/labels")["labels"]), default=0)
    begun_ms = bench.get("/state")["time_ms"]
    found = bench.post("/faults", {"fault": "ota_failure", "on": [vin], "step": -3})
    assert found["vehicles"] == [vin]
    (fault,) = [one for one in bench.get("/faults")["faults"] if one["id"] == found["id"]]
    assert fault == {
        "id": found["id"],
        "fault": "ota_failure",
        "parameters": {"step": -3},
        "vehicles": [vin],
        "begun_ms": begun_ms,
        "ended_ms": None,
    }
    bench.advance("5 s")
    status, ended = bench.ask("DELETE", f"/faults/{found['id']}")
    assert (status, ended["ended_ms"]) == (200, begun_ms + 5000)
    assert bench.ask("DELETE", f"/faults/{found['id']}")[0] == 409
    assert [
        (one["number"], one["fault"], one["phase"], one["time"], one["vehicle"], one["parameters"])
        for one in bench.get(f"/labels?since={since}")["labels"]
    ] == [
        (since + 1, "ota_failure", "begin", begun_ms, vin, {"step": -3}),
        (since + 2, "ota_failure", "end", begun_ms + 5000, vin, {"step": -3}),
    ]
    before = bench.get("/state")["published"].get("label", 0)
    assert bench.advance("1 s")["published"]["label"] >= before


def test_a_fault_shows_in_the_car_that_it_strikes(bench: Controller, vin: str) -> None:
    bench.post("/faults", {"fault": "dtc", "on": vin, "code": "P0A80"})
    bench.advance("2 s")
    assert bench.get(f"/vehicles/{vin}")["signals"]["diagnostics:DtcCount"] >= 1


def test_a_sensor_fault_changes_what_the_vehicle_reports(bench: Controller, vin: str) -> None:
    bench.advance("10 s")
    bench.post("/faults", {"fault": "sensor_stuck", "on": vin, "signal": "Odometer", "for": "2 min"})
    stuck = bench.get(f"/vehicles/{vin}")["signals"]["Odometer"]
    bench.advance("60 s")
    assert bench.get(f"/vehicles/{vin}")["signals"]["Odometer"] == stuck
    bench.advance("61 s")
    assert bench.get(f"/vehicles/{vin}")["signals"]["Odometer"] > stuck


def test_a_command_is_executed_or_refused_vehicle_by_vehicle(bench: Controller) -> None:
    outcomes = bench.post("/commands", {"on": "all", "service": "Unlock"})["outcomes"]
    assert len(outcomes) == 7
    by_code = {one["code"] for one in outcomes}
    assert 200 in by_code
    assert len(by_code) == 2  # nobody unlocks a car that drives
    before = bench.get("/state")
    done = bench.post("/commands", {"on": "movers", "set": {"charging:ChargeLimit": 73}})["outcomes"]
    assert [one["code"] for one in done] == [200] * 3
    vehicle = bench.get(f"/vehicles/{done[0]['vin']}")
    assert vehicle["signals"]["charging:ChargeLimit"] == 73
    after = bench.get("/state")
    assert after["time_ms"] == before["time_ms"]
    assert after["published"]["property_post"] > before["published"]["property_post"]  # they say how they are


@pytest.mark.parametrize(
    ("path", "body", "pointer", "expected"),
    [
        ("/faults", {"fault": "dtx", "on": "all"}, "/fault", "did you mean 'dtc'?"),
        ("/faults", {"fault": "dtc", "on": "mover", "code": "P0A80"}, "/on", "did you mean 'movers'?"),
        ("/faults", {"fault": "dtc", "on": "all", "cod": "P0A80"}, "/cod", "did you mean 'code'?"),
        ("/faults", {"fault": "dtc", "on": "all"}, "/code", "missing"),
        ("/faults", {"fault": "dtc", "on": "all", "code": "P0A80", "at": "3 s"}, "/at", "at once"),
        ("/faults", {}, "", ""),
        ("/commands", {"on": "all", "service": "StartClimat"}, "/service", "did you mean 'StartClimate'?"),
        ("/commands", {"on": "all"}, "", "one of the two"),
        ("/commands", {"on": "all", "set": {"charging:ChargeLimit": 900}}, "/set", "20 to 100 %"),
        ("/detections", {"vehicle": "X"}, "/fault", "kind of fault"),
        ("/detections", {"vehicle": "X", "fault": "dtc", "time": "now"}, "/time", "a whole number"),
        ("/detections", {"vehicle": "X", "fault": "dtc", "when": 5}, "/when", "vehicle, fault or time"),
        ("/expectations", {"expect": "nevr(StateOfCharge < 0 %)"}, "/expect", "never"),
        ("/expectations", {"expect": "x" * 3_000}, "/expect", "at most 2000 characters"),
        ("/expectations", {"expect": "(" * 1_500}, "/expect", ""),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(
    bench: Controller, path: str, body: dict[str, object], pointer: str, expected: str
) -> None:
    status, answer = bench.ask("POST", path, body)
    assert status == 400, answer
    assert answer["error"]["pointer"].startswith(pointer)
    assert expected in answer["error"]["expected"]


def test_a_fault_that_there_is_not_cannot_be_ended(bench: Controller) -> None:
    status, answer = bench.ask("DELETE", "/faults/nothing")
    assert (status, answer["error"]["pointer"]) == (404, "/id")


def test_any_detection_is_taken_and_scored_later(bench: Controller, vin: str) -> None:
    for body in (
        {"vehicle": vin, "fault": "cell_overheat"},
        {"vehicle": vin, "fault": "cell_overheat", "time": 5},
        {"vehicle": "no car", "fault": "no fault", "time": 1 << 52},
    ):
        assert bench.ask("POST", "/detections", body)[0] == 202


def test_verdicts_are_there_before_the_end_and_more_can_be_asked(bench: Controller) -> None:
    bench.advance("10 s")
    found = bench.get("/expectations")["expectations"]
    assert [(one["expect"], one["verdict"]) for one in found] == [
        ("never(StateOfCharge < 0 %)", "pending"),
        ("eventually(count(driving) > 100)", "pending"),
    ]
    assert [one["line"] for one in found] == [12, 13]
    asked = bench.post("/expectations", {"expect": "never(StateOfCharge < 90 %)"})
    assert (asked["verdict"], asked["line"]) == ("failed", None)
    assert asked["failures"][0]["vehicle"]
    assert bench.post("/expectations", {"expect": "always(StateOfCharge > 1 %)"})["verdict"] == "passed"
