"""The examples under `examples/`, each run as its README says."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jinqiao.sandbox.product import PRODUCT_KEY
from support.openapi import Caller
from support.peers import require
from support.programs import Program
from support.sdks import NOTEBOOK, OPERATIONS

pytestmark = [pytest.mark.program, pytest.mark.long]

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

Start = Callable[..., Program]


def done(*command: str | Path, timeout_s: float = 100) -> str:
    """What a command that succeeds prints."""
    ended = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=timeout_s)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_battery_health(start: Start, scenarios: Path, tmp_path: Path) -> None:
    telemetry, report = tmp_path / "out", tmp_path / "report"
    fleet = [str(scenarios / "jinqiao-morning.yaml"), "--vehicles", "40", "--for", "20min", "--speed", "max"]
    code, _, errors = start("run", *fleet, "--sink", f"parquet:{telemetry}", "--mqtt-port", "0", "-q").finish()
    assert code == 0, errors
    done(
        require(NOTEBOOK, "CI=true installs it").python,
        EXAMPLES / "battery-health/battery_health.py",
        telemetry,
        report,
    )
    packs = list(csv.DictReader((report / "packs.csv").read_text().splitlines()))
    assert len(packs) == 40
    assert all(80 < float(pack["soh"]) <= 100 for pack in packs)
    # Packs of 400 V that fall by some ten volts at 100 A.
    resisting = [float(pack["milliohm"]) for pack in packs if pack["milliohm"]]
    assert len(resisting) > 5
    assert all(30 < milliohm < 200 for milliohm in resisting)
    assert {path.name for path in report.glob("*.png") if path.read_bytes().startswith(b"\x89PNG")} == {
        "health.png",
        "resistance.png",
        "cells.png",
    }


def test_service_reminder(start: Start, scenarios: Path, tmp_path: Path) -> None:
    folder = EXAMPLES / "service-reminder"
    # Of two cars that have driven any distance, one is parked; every kilometre is a service.
    fleet, rules = tmp_path / "fleet.yaml", tmp_path / "rules.yaml"
    trouble = "faults:\n  - {at: 20 s, on: any driving, fault: dtc, code: P0A80}\n"
    fleet.write_text((scenarios / "two-cars.yaml").read_text() + trouble)
    dealer = subprocess.Popen(
        [sys.executable, folder / "reminder.py", "--port", "0", "--secret", "dealers-secret", "--interval-km", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert dealer.stdout is not None
        port = json.loads(dealer.stdout.readline())["listening"]
        text = (folder / "rules.yaml").read_text()
        assert all(word in text for word in (":9000/", "20000", "19500"))
        rules.write_text(text.replace(":9000/", f":{port}/").replace("20000", "1").replace("19500", "0"))
        run = start("run", str(fleet), "--registry", str(rules), "--speed", "10", "-q", *PORTS)
        assert run.ready["vehicles"] == 2
        reminders = [json.loads(dealer.stdout.readline()) for _ in range(2)]
        run.interrupt()
        assert run.finish()[0] == 130
    finally:
        dealer.kill()
        dealer.communicate()
    cars = {reminder["text"].split(" at ")[0]: reminder["to"] for reminder in reminders}
    assert set(cars) == {"service is due", "please come by: your car reports P0A80"}
    assert len(set(cars.values())) == 2


CAP_KW = 30.0
PORTS = ("--mqtt-port", "0", "--http-port", "0", "--amqp-port", "0")


def drawn_kw(call: Caller) -> list[float]:
    """What each car of the garage draws now."""
    found = []
    for device in call("QueryDevice", ProductKey=PRODUCT_KEY)["Data"]["DeviceInfo"]:
        rows = call("QueryDevicePropertyStatus", ProductKey=PRODUCT_KEY, DeviceName=device["DeviceName"])
        last = {row["Identifier"]: row.get("Value") for row in rows["Data"]["List"]["PropertyStatusInfo"]}
        found.append(float(last["charging:ChargePower"] or 0))
    return found


def check_charging(start: Start, *command: str | Path) -> None:
    """The back end pauses some of six cars on their cables, and the others go on below the cap."""
    garage = start("run", str(EXAMPLES / "charging-operations/garage.yaml"), "--speed", "30", "-q", *PORTS)
    ready = garage.ready
    call = Caller(ready["http_port"], (ready["app_user"], ready["app_password"]))
    reach = ["--secret", ready["app_password"], "--cap-kw", str(CAP_KW), "--patience-s", "2"]
    amqp = f"amqp://127.0.0.1:{ready['amqp_port']}"
    http = f"127.0.0.1:{ready['http_port']}"
    operations = subprocess.Popen(
        [
            *map(str, command),
            *reach,
            "--amqp",
            amqp,
            "--http",
            http if "charging.py" in str(command[1]) else f"http://{http}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert operations.stdout is not None
    said: list[str] = []
    reading = threading.Thread(target=said.extend, args=(operations.stdout,), daemon=True)
    reading.start()
    try:
        end = time.monotonic() + 60
        # They draw less than the cap at first, too, before all have begun.
        while not said or not 0 < sum(drawn := drawn_kw(call)) <= CAP_KW:
            assert time.monotonic() < end, f"still {drawn_kw(call)} kW"
            assert operations.poll() is None
            time.sleep(0.2)
    finally:
        operations.kill()
        reading.join(10)
        operations.stdout.close()
        operations.wait(10)
    assert len(drawn) == 6
    paused = [line["paused"] for line in map(json.loads, said) if "paused" in line]
    assert 1 <= len(set(paused)) < 6
    garage.interrupt()
    assert garage.finish()[0] == 130


def test_charging_operations_in_python(start: Start) -> None:
    python = require(OPERATIONS, "CI=true installs it").python
    check_charging(start, python, EXAMPLES / "charging-operations/python/charging.py")


def test_charging_operations_in_node(start: Start, node_rhea: tuple[str, Path], tmp_path: Path) -> None:
    node, modules = node_rhea
    program = tmp_path / "charging.mjs"  # where it finds its packages, as after `npm install` in its folder
    program.write_text((EXAMPLES / "charging-operations/node/charging.mjs").read_text())
    (tmp_path / "node_modules").symlink_to(modules)
    check_charging(start, node, program)
