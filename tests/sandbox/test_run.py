"""`jinqiao run` as a user sees it: the wire, the summary, the ways it ends."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.sandbox.run import start as start_module
from jinqiao.sandbox.run.execute import execute
from jinqiao.sandbox.run.options import RunOptions
from jinqiao.sandbox.run.plan import plan_run
from support.programs import Program

Start = Callable[..., Program]


def posts_by_device(lines: list[str]) -> dict[str, list[dict[str, Any]]]:
    """`topic payload` lines of mosquitto_sub as each device's parsed posts, in order."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in lines:
        topic, _, payload = line.partition(" ")
        found[topic.split("/")[3]].append(json.loads(payload))
    return found


def summary_of(program: Program, *, status: int = 0) -> dict[str, Any]:
    code, lines, errors = program.finish()
    assert code == status, errors
    found: dict[str, Any] = lines[-1]["summary"]
    return found


def test_a_stock_client_reads_posts_whose_values_belong_together(
    start: Start, scenarios: Path, mosquitto_sub: str
) -> None:
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "9s", "--seed", "7", "-q")
    ready = program.ready
    subscribe = [mosquitto_sub, "-h", "127.0.0.1", "-p", str(ready["mqtt_port"]), "-W", "5", "-v"]
    subscribe += ["-u", ready["app_user"], "-P", ready["app_password"], "-t", "/sys/+/+/thing/event/property/post"]
    heard = subprocess.run(subscribe, capture_output=True, text=True, timeout=30, check=False).stdout.splitlines()
    assert summary_of(program)["delivered"] >= len(heard) > 0

    devices = posts_by_device(heard)
    driven = 0
    for posts in devices.values():
        ids = [int(post["id"]) for post in posts]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        core = [post["params"] for post in posts if "VehicleSpeed" in post["params"]]
        for params in core:
            assert len({value["time"] for value in params.values()}) == 1
            volts, amps = params["battery:PackVoltage"]["value"], params["battery:PackCurrent"]["value"]
            kilowatts = params["battery:PackPower"]["value"]
            assert abs(volts * amps / 1000 - kilowatts) <= 0.05 * (volts + abs(amps)) / 1000 + 0.005 + 1e-9
        for earlier, later in itertools.pairwise(core):
            seconds = (later["VehicleSpeed"]["time"] - earlier["VehicleSpeed"]["time"]) / 1000
            metres = (later["Odometer"]["value"] - earlier["Odometer"]["value"]) * 1000
            if seconds == 1:
                mean_kmh = (later["VehicleSpeed"]["value"] + earlier["VehicleSpeed"]["value"]) / 2
                assert abs(metres * 3.6 - mean_kmh) <= 3.6 + 0.1  # an odometer of 1 m steps, a speed of 0.1 km/h steps
                driven += 1
    assert driven


def test_the_same_seed_gives_the_same_bytes_at_any_speed(start: Start, scenarios: Path, tmp_path: Path) -> None:
    def digest(*more: str) -> str:
        out = tmp_path / "out.json"
        arguments = ["run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "20s", "--summary", str(out)]
        program = start(*arguments, *more)
        summary = summary_of(program)
        assert summary == json.loads(out.read_text())
        assert summary["messages"] > 0
        assert summary["simulated_s"] == 20
        return str(summary["sha256"])

    fast = digest("--speed", "max", "--seed", "7")
    assert fast == digest("--speed", "max", "--seed", "7")
    assert fast == digest("--speed", "10", "--seed", "7")
    assert fast != digest("--speed", "max", "--seed", "8")


def test_ctrl_c_ends_with_the_summary_so_far(start: Start, scenarios: Path) -> None:
    program = start("run", str(scenarios / "jinqiao-morning.yaml"), "--mqtt-port", "0")
    assert program.ready["vehicles"] == 200
    program.interrupt()
    summary = summary_of(program, status=130)
    assert summary["ended"] == "interrupted"
    assert len(summary["sha256"]) == 64


def test_a_port_in_use_is_named_with_the_way_out(start: Start, scenarios: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, lines, errors = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", str(port)).finish()
    assert code == 3
    assert str(port) in errors
    assert "--mqtt-port" in errors
    assert "Traceback" not in errors
    assert not lines, "a summary of nothing"


@pytest.mark.program  # it asks the system for its name
def test_a_port_in_use_is_named_before_the_cars_are_built(scenarios: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(*_: object, **__: object) -> None:
        pytest.fail("the world is built first")

    monkeypatch.setattr(start_module, "World", build)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options: dict[str, int]
        for options in ({"mqtt_port": port}, {"mqtt_port": 0, "http_port": port}, {"mqtt_port": 0, "mqtts_port": port}):
            with pytest.raises(EnvironmentFault, match=f"{port}[^-]*--(mqtt|http|mqtts)-port"):
                execute(RunOptions(scenarios / "two-cars.yaml", **options))


def test_a_lost_gateway_ends_the_run_with_what_was_counted(start: Start, scenarios: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--summary", str(out))
    assert program.ready
    children = Path(f"/proc/{program.process.pid}/task/{program.process.pid}/children").read_text().split()
    assert len(children) == 1
    os.kill(int(children[0]), signal.SIGKILL)
    code, lines, errors = program.finish()
    assert code == 3
    assert "gateway" in errors
    assert "Traceback" not in errors
    assert lines[-1]["summary"]["ended"] == json.loads(out.read_text())["ended"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run", "no-such.yaml"], "no-such.yaml: no such file"),
        (["run", "{scenarios}/two-cars.yaml", "--speed", "fast"], "--speed: found 'fast'"),
        (["run", "{scenarios}/two-cars.yaml", "--for", "9 parsecs"], "9 parsecs"),
        (["run", "{scenarios}/two-cars.yaml", "--summary", "/no/such/folder/out.json"], "--summary"),
        (["catalog", "show", "bmw-i4-edrive-40"], "did you mean 'bmw-i4-edrive40-2022'?"),
        (["serve"], "--registry"),
    ],
)
def test_wrong_input_is_explained_and_ends_with_2(
    start: Start, scenarios: Path, arguments: list[str], told: str
) -> None:
    code, _, errors = start(*(argument.format(scenarios=scenarios) for argument in arguments)).finish()
    assert code == 2
    assert told in errors
    assert "Traceback" not in errors


def test_vehicles_with_a_connection_of_their_own_reach_the_subscriber(start: Start, tmp_path: Path) -> None:
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        "name: own connections\nstart: 2026-11-23T07:00+08:00\nduration: 1 min\nplace: jinqiao\n"
        "weather: {ambient: 10 degC}\nfleets:\n"
        "  - {name: own, count: 5, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.8,\n"
        "     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}, connection: per_vehicle}\n"
        "  - {name: together, count: 5, models: {bmw-ix3-2021: 1}, agenda: {cycle: WLTC}, initial_soc: 0.8,\n"
        "     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}}\n"
        "charging_stations: []\n"
    )
    summary = summary_of(start("run", str(scenario), "--mqtt-port", "0", "--for", "5s", "--seed", "1"))
    received = summary["gateway"]["received"]
    assert summary["not_sent"] == 0
    assert received["property_post"] == summary["published"]["property_post"] > 0
    assert summary["gateway"]["connections_total"] >= 6


def test_a_run_begins_when_it_is_told_to(scenarios: Path) -> None:
    scenario = scenarios / "two-cars.yaml"
    moment = datetime.fromisoformat("2027-02-03T18:30:00+01:00")
    assert plan_run(RunOptions(scenario, start=moment)).scenario.start_ms == moment.timestamp() * 1000
    now = plan_run(RunOptions(scenario, start="now")).scenario
    assert abs(now.start_ms / 1000 - time.time()) < 5
    assert now.start.utcoffset() == plan_run(RunOptions(scenario)).scenario.start.utcoffset()
    assert abs(now.start_second_of_day - (time.time() + 8 * 3600) % 86_400) < 5


def test_a_start_without_a_zone_is_refused(start: Start, scenarios: Path) -> None:
    code, _, errors = start("run", str(scenarios / "two-cars.yaml"), "--start", "2027-02-03T18:30").finish()
    assert code == 2
    assert "--start: found '2027-02-03T18:30' without a zone" in errors


def test_the_password_may_stand_in_the_environment(
    start: Start, scenarios: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JINQIAO_PASSWORD", "not on the command line")
    program = start("run", str(scenarios / "two-cars.yaml"), "--mqtt-port", "0", "--for", "1s", "-q")
    assert program.ready["app_password"] == "not on the command line"
    assert program.finish()[0] == 0
