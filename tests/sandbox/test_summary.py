"""The summary says what a run was made of and what came of what it asked for."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pyarrow.parquet
import pytest

from jinqiao.gateway.recordings.files import open_recording
from jinqiao.sandbox.run import console
from jinqiao.sandbox.run.console import View, console_for
from jinqiao.sandbox.run.summary import Summary
from jinqiao.simulator.scenario import parse_scenario
from jinqiao.simulator.world import World
from support.programs import Program

PLAN = """\
name: Asked
seed: 3
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets:
  - {name: runners, count: 2, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.9}
commands:
  - {at: 5 s, on: all, service: Lock}
  - {at: 6 s, on: charging, service: StopCharging}
  - {at: 30 min, on: any, service: Lock}
faults:
  - {at: 7 s, on: any, fault: dtc, code: P0A80}
  - {at: 8 s, on: 2 of runners, fault: charger_fault}
  - {at: 30 min, on: any, fault: dtc, code: P0A80}
"""


def test_a_summary_can_be_told_from_another_and_counts_what_was_asked(
    start: Callable[..., Program], tmp_path: Path
) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "out.json"
    plan.write_text(PLAN)
    code, _, told = start(
        *("run", str(plan), "--mqtt-port", "0", "--for", "10s", "--speed", "max", "-q", "--summary", str(out))
    ).finish()
    assert code == 0
    found = json.loads(out.read_text())
    assert found["version"] == version("jinqiao")
    assert found["python"] == platform.python_version()
    assert found["start"] == "2026-11-23T08:00:00+08:00"
    assert len(found["scenario_sha256"]) == 64
    assert [(one["matched"], one["obeyed"], one["given"]) for one in found["commands_given"]] == [
        (2, 2, True),
        (0, 0, True),
        (0, 0, False),
    ]
    assert [(one["struck"], one["began"]) for one in found["faults"]] == [(1, True), (0, True), (0, False)]
    runners = found["fleets"]["runners"]
    assert runners["vehicles"] == 2
    assert runners["sessions"] == 0
    for line in (
        "  command    Lock: 2 done",
        "  command    StopCharging at 6 s (on charging) matched nobody",
        "  command    Lock at 1800 s (on any) was never given: the run ended before",
        "  fault      dtc at 7 s (on any) struck 1 of 1 asked",
        "  fault      charger_fault at 8 s (on 2 of runners) struck nobody",
        "  fault      dtc (on any) never began: the run ended before",
        f"  fleet      runners: 2 vehicles, {runners['distance_km']:.1f} km",
    ):
        assert line in told


WAITING = """\
name: Waiting
seed: 3
start: 2026-11-23T08:00+08:00
duration: 1 h
fleets:
  - {name: runners, count: 2, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.9}
commands:
  - {when: StateOfCharge < 1 %, on: all, service: Lock}
  - {between: [30 min, 31 min], on: any, service: Lock}
faults:
  - {when: StateOfCharge > 1 %, on: 1 of runners, fault: dtc, code: P0A80, repeat: 20 s}
  - {when: after dtc ends, on: all, fault: dtc, code: P0A80}
"""


def test_a_step_that_waited_says_what_became_of_it() -> None:
    world = World(parse_scenario(WAITING), seed=3)
    while world.elapsed_s < 60:
        world.advance()
    vin = world.fleet.vins[0].decode()
    for _ in range(2):
        world.inject({"fault": "ota_failure", "step": -1, "on": vin})
    summary = Summary("Waiting", 3, 0.0)
    summary.given = [one.as_json() for one in world.commands_given]
    summary.faults = [one.as_json() for one in world.faults.became]
    lines = summary.lines()
    first_s, times = summary.faults[0]["at_s"], summary.faults[0]["struck"]
    assert times == 3
    for line in (
        "  command    Lock (on all) was never given: 'StateOfCharge < 1 %' became true of nobody",
        "  command    Lock (on any) was never given: the run ended before",
        f"  fault      dtc at {first_s} s (on 1 of runners) struck 3 in all, first then",
        "  fault      dtc (on all) never began: 'after dtc ends' became true of nobody",
        "  fault      ota_failure at 60 s (on vehicles named from outside) struck 2",
    ):
        assert line in lines


def test_a_run_of_several_towns_says_what_each_did(start: Callable[..., Program], tmp_path: Path) -> None:
    """In the line of a ready program, the summary, every store and every recording."""
    out, parquet, record = tmp_path / "out.json", tmp_path / "rows", tmp_path / "run.mcap"
    program = start(
        *("run", "two-cars", "--towns", "7", "--mqtt-port", "0", "--for", "10s", "--speed", "max", "-q"),
        *("--summary", str(out), "--sink", f"parquet:{parquet}", "--record", str(record)),
    )
    ready = program.ready
    assert (ready["towns"], ready["vehicles"]) == (7, 14)
    code, _, told = program.finish()
    assert code == 0
    found = json.loads(out.read_text())
    assert list(found["towns"])[:3] == ["Jinqiao", "Beijing", "Guangzhou"]
    assert [town["vehicles"] for town in found["towns"].values()] == [2] * 7
    assert found["fleets"]["commuters"]["vehicles"] == 7
    driven = sum(town["distance_km"] for town in found["towns"].values())
    assert driven == pytest.approx(sum(fleet["distance_km"] for fleet in found["fleets"].values()), abs=0.01)
    assert "  town       … and 2 more, in --summary" in told
    table = pyarrow.parquet.read_table(parquet / "core-000001.parquet", columns=["vehicle", "fleet", "town"])
    towns = {row["vehicle"]: (row["fleet"], row["town"]) for row in table.to_pylist()}
    assert len(towns) == 14
    assert {town for _, town in towns.values()} == set(found["towns"])
    recorded = json.loads(open_recording(record).info.more["towns"])
    assert {vin: town for town, vins in recorded.items() for vin in vins} == {
        vin: town for vin, (_, town) in towns.items()
    }


def test_a_town_has_the_digest_that_it_has_beside_others(start: Callable[..., Program], tmp_path: Path) -> None:
    def digests(*options: str) -> dict[str, str]:
        out = tmp_path / "out.json"
        command = ("run", "two-cars", "--mqtt-port", "0", "--for", "20s", "--speed", "max", "-q", "--summary", str(out))
        assert start(*command, *options).finish()[0] == 0
        found = json.loads(out.read_text())
        return {name: town["sha256"] for name, town in found.get("towns", {}).items()} | {"run": found["sha256"]}

    two, three = digests("--towns", "2"), digests("--towns", "3")
    assert {"Jinqiao": two["Jinqiao"], "Beijing": two["Beijing"]}.items() <= three.items()
    assert len({*two.values(), *three.values()}) == 5
    whole = hashlib.sha256(bytes.fromhex(two["Jinqiao"]))
    assert digests()["run"] == whole.hexdigest()


def test_towns_without_vehicles_are_refused_before_anything_is_started(start: Callable[..., Program]) -> None:
    code, lines, told = start("run", "two-cars", "--towns", "3", "--vehicles", "2", "--mqtt-port", "0").finish()
    assert (code, lines) == (2, [])
    assert "found 2 vehicles in 3 towns, expected at least one in each" in told


def test_a_quiet_run_says_once_a_minute_that_it_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter((1000.0, 1000.0, 1000.0, 1030.0, 1061.0, 1061.0, 1100.0, 1121.5, 1121.5))
    monkeypatch.setattr(console.time, "perf_counter", lambda: next(clock))
    lines = console_for(quiet=True)
    view = View("x", "max", 1_795_388_400_000, 0.25, {"parked": 3}, console.Counter(), None, lambda _: [], 0, 0, 0)
    for _ in range(5):  # after 0, 30, 61, 100 and 121.5 s
        lines.show(view)
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 2
    assert shown[0] == "Mon 2026-11-23 07:00:00+08:00  25%  3 parked  0 messages/s"
