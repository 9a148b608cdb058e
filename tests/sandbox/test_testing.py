"""`jinqiao.testing.Sandbox`: a real run, told what to do over its control API."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import jinqiao.testing
from jinqiao.base.errors import InputError
from jinqiao.testing import ControlError, Sandbox, SandboxFailed, Vehicle
from support.control_fake import TOKEN, ControlFake, control_fake

program = pytest.mark.program


@pytest.fixture
def scripted() -> Iterator[tuple[Sandbox, ControlFake]]:
    """A sandbox whose run is a fake."""
    with control_fake() as fake:
        sandbox = Sandbox("any")
        sandbox._run = _FakeRun(fake.url)  # type: ignore[assignment]
        sandbox._client = jinqiao.testing.ControlClient(fake.url, TOKEN)
        yield sandbox, fake
        sandbox.close()


class _FakeRun:
    said = "out of memory"

    def __init__(self, url: str) -> None:
        self.ready = {"control_url": url, "control_token": TOKEN}
        self.code: int | None = None

    def has_ended(self) -> int | None:
        return self.code

    def end(self) -> None:
        pass


@program
def test_a_run_begins_paused_and_advances_by_what_it_is_told() -> None:
    with Sandbox("two-cars", seed=7) as sandbox:
        begun = sandbox.state()
        assert (begun.state, begun.elapsed_s, begun.seed, begun.vehicles.total) == ("paused", 0, 7, 2)
        after = sandbox.advance("30 s")
        assert (after.state, after.elapsed_s) == ("paused", 30)
        assert after.time_ms - begun.time_ms == 30_000
        assert after.published.property_post > 0
        car = sandbox.vehicles(fleet="dynamometer", limit=1)[0]
        assert sandbox.vehicle(car.vin).signals["VehicleSpeed"] == car.speed
        assert len(sandbox.vehicles()) == 2
        with pytest.raises(ControlError, match="/for"):
            sandbox.advance("yesterday")
        assert sandbox.resume().state == "running"
        assert sandbox.pause().state == "paused"
        assert sandbox.speed("max").speed == "max"
        with socket.create_connection((sandbox.mqtt.host, sandbox.mqtt.port), 5):
            pass
        process = sandbox._running.process
    assert process.returncode == 130
    assert "interrupted after" in sandbox.said, "it printed its summary"


@program
def test_what_a_run_refuses_is_an_error_with_its_words(tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.yaml"
    scenario.write_text("name: x\nfleats: []\n")
    with pytest.raises(InputError, match=r"wrong\.yaml:2:1: .*fleats"), Sandbox(scenario):
        pass


@program
def test_a_run_that_dies_says_so_at_the_next_call() -> None:
    with Sandbox("two-cars") as sandbox:
        sandbox._running.process.kill()
        sandbox._running.process.wait()
        with pytest.raises(SandboxFailed, match="the run has ended with -9; its last words:\nTwo cars"):
            sandbox.state()


HOLDER = """
import os, sys, time
from jinqiao.testing import Sandbox
with Sandbox("two-cars") as sandbox:
    print(sandbox._running.process.pid, flush=True)
    time.sleep(60)
"""


@program
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_run_is_left_when_the_test_is_ended(number: signal.Signals) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    os.kill(pid, 0)
    holder.send_signal(number)
    holder.communicate(timeout=30)
    assert holder.returncode in (-number, 130, 1)
    wait_until_gone(pid)


def wait_until_gone(pid: int) -> None:
    for _ in range(300):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {pid} still runs")


def test_before_its_block_there_is_nothing_to_ask() -> None:
    with pytest.raises(SandboxFailed, match="with Sandbox"):
        Sandbox("two-cars").state()


def test_without_a_limit_every_page_is_read(scripted: tuple[Sandbox, ControlFake]) -> None:
    sandbox, fake = scripted
    fake.answer("GET /vehicles?fleet=f", {"vehicles": [{"vin": "A"}, {"vin": "B"}], "next": "B"})
    fake.answer("GET /vehicles?fleet=f&after=B", {"vehicles": [{"vin": "C"}], "next": None})
    assert [car.vin for car in sandbox.vehicles(fleet="f")] == ["A", "B", "C"]
    fake.answer("GET /vehicles?limit=3", {"vehicles": [{"vin": "A"}, {"vin": "B"}], "next": "B"})
    fake.answer("GET /vehicles?limit=1&after=B", {"vehicles": [{"vin": "C"}], "next": "C"})
    assert [car.vin for car in sandbox.vehicles(limit=3)] == ["A", "B", "C"]


def test_a_fault_is_injected_and_ended(scripted: tuple[Sandbox, ControlFake]) -> None:
    sandbox, fake = scripted
    fake.answer("POST /faults", {"id": "4", "vehicles": ["A"]})
    fake.answer("DELETE /faults/4", {})
    with sandbox.fault("sensor_stuck", on=Vehicle({"vin": "A"}), signal="VehicleSpeed", for_="2 min") as stuck:
        assert (stuck.id, stuck.vehicles) == ("4", ["A"])
    body = {"fault": "sensor_stuck", "on": "A", "signal": "VehicleSpeed", "for": "2 min"}
    assert fake.asked == [("POST", "/control/faults", body), ("DELETE", "/control/faults/4", None)]
    over = {"error": {"pointer": "", "found": "4", "expected": "a fault that is active"}}
    fake.answer("DELETE /faults/4", over, 409)
    stuck.end()
    fake.answer("DELETE /faults/4", over, 404)
    with pytest.raises(ControlError):
        stuck.end()


def test_commands_labels_and_detections(scripted: tuple[Sandbox, ControlFake]) -> None:
    sandbox, fake = scripted
    fake.answer("POST /commands", {"outcomes": [{"vin": "A", "code": 200, "message": ""}]})
    fake.answer("GET /labels?since=0", {"labels": [{"number": 1, "fault": "x", "phase": "begin"}]})
    fake.answer("POST /detections", {}, 202)
    assert [one.code for one in sandbox.command(on=["A", "B"], service="StartClimate", args={"Target": 22})] == [200]
    sandbox.command(on="taxis", set={"charging:ChargeLimit": 80})
    assert [label.number for label in sandbox.labels()] == [1]
    sandbox.detect("A", "x")
    sandbox.detect(Vehicle({"vin": "A"}), "x", 7)
    assert [body for _, _, body in fake.asked] == [
        {"on": ["A", "B"], "service": "StartClimate", "args": {"Target": 22}},
        {"on": "taxis", "set": {"charging:ChargeLimit": 80}},
        None,
        {"vehicle": "A", "fault": "x"},
        {"vehicle": "A", "fault": "x", "time": 7},
    ]


def test_an_expectation_that_does_not_hold_is_an_assertion_with_what_was_measured(
    scripted: tuple[Sandbox, ControlFake],
) -> None:
    sandbox, fake = scripted
    text = "never(battery:CellTemperatureMax > 60 degC)"
    verdict = {"expect": text, "verdict": "failed", "measured": "71.5 degC in A", "line": None}
    failures = [{"time_ms": 1_061_000, "vehicle": "A", "text": "60.3 degC"}]
    fake.answer("GET /state", {"time_ms": 1_100_000, "elapsed_s": 100})
    fake.answer("POST /expectations", {**verdict, "failures": failures})
    with pytest.raises(AssertionError) as failed:
        sandbox.expect(text)
    assert str(failed.value) == f"{text}: failed: 71.5 degC in A\n  at 0:01:01 A: 60.3 degC"
    fake.answer("POST /expectations", verdict | {"verdict": "not exercised"})
    with pytest.raises(AssertionError, match="not exercised"):
        sandbox.expect(text)
    fake.answer("POST /expectations", verdict | {"verdict": "passed"})
    assert sandbox.expect(text).measured == "71.5 degC in A"
    fake.answer("GET /expectations", {"expectations": [verdict]})
    assert [one.verdict for one in sandbox.verdicts()] == ["failed"]


def test_every_name_of_the_package_is_there() -> None:
    assert sorted(jinqiao.testing.__all__) == jinqiao.testing.__all__
    assert all(getattr(jinqiao.testing, name).__name__ == name for name in jinqiao.testing.__all__)
    with pytest.raises(AttributeError, match="Sandbocks"):
        _ = jinqiao.testing.Sandbocks
