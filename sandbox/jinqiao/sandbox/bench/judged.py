"""`jinqiao bench judged`: what it costs to test a product with a run.

- A fleet of 10,000 cars flat out, as it is, and with a mobile network for all, twenty expectations and faults of
  sensors in 5 % of it: whole runs in turn, by the processor time of all their processes.
- `advance` of one second with 200 cars, from the request to the answer, over a connection that is kept.
- From the start of a test's fixture to the first telemetry at an MQTT client.
- What `import pytest` costs more with the plugin.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.base.errors import EnvironmentFault
from jinqiao.testing import Sandbox

from .machine import machine, ratio
from .whole_runs import measured

__all__ = ["bench_judged", "scenario"]

SCENARIO = "jinqiao-morning"
_TELEMETRY_S = 30.0

NETWORK = [{"on": "all", "profile": "4g-city"}]
FAULTS = [
    {"at": "10 s", "on": "2 %", "fault": "sensor_stuck", "signal": "VehicleSpeed"},
    {"at": "20 s", "on": "2 %", "fault": "sensor_offset", "signal": "battery:CellTemperatureMax", "offset": "5 degC"},
    {"at": "30 s", "on": "1 %", "fault": "sensor_noise", "signal": "StateOfCharge", "sd": "1 %"},
]
EXPECT: list[Any] = [
    "delivered(property_post) >= 99.9 %",
    "latency p99 < 5 s",
    "eventually(count(driving) > 20)",
    "never(battery:CellTemperatureMax > 80 degC)",
    "always(StateOfCharge > 0 %)",
    "always(battery:PackVoltage between 200 V and 1000 V)",
    "never(VehicleSpeed > 200 km/h)",
    "never(charging:ChargePower > 400 kW and StateOfCharge > 95 %)",
    "never(driving and charging:ChargePower > 1 kW)",
    "always(AmbientTemperature between -30 degC and 50 degC)",
    {"at 1 min": "mean(StateOfCharge) between 10 % and 90 %"},
    {"at 1 min": "count(charging) >= 0"},
    "max(VehicleSpeed) < 250 km/h",
    "min(StateOfCharge) >= 0 %",
    "p95(VehicleSpeed) < 200 km/h",
    "count(queueing) <= 10000",
    "count(parked) <= 10000",
    "count(StateOfCharge < 10 %) <= 10000",
    "sum(charging:ChargePower) < 100000 kW",
    "physics",
]


def scenario(vehicles: int, seconds: int, *, judged: bool) -> str:
    """The text of a scenario in which all drive, with or without what judges them."""
    found: dict[str, Any] = {
        "name": "Judged" if judged else "Plain",
        "seed": 7,
        "start": "2026-11-23T07:30+08:00",
        "duration": f"{seconds} s",
        "fleets": [
            {
                "name": "cars",
                "count": vehicles,
                "models": {"bmw-i3-edrive35l-2022": 1, "bmw-ix3-2021": 1},
                "agenda": {"cycle": "WLTC"},
                "initial_soc": "uniform(0.3, 0.9)",
            }
        ],
    }
    if judged:
        found |= {"network": NETWORK, "faults": FAULTS, "expect": EXPECT}
    return json.dumps(found)  # which is YAML, too


def bench_judged(vehicles: int, seconds: int, rounds: int, advances: int) -> dict[str, Any]:
    """The figures; raises EnvironmentFault when a run fails."""
    return {
        **_whole_runs(vehicles, seconds, rounds),
        **_advances(200, advances),
        "first_telemetry_s": round(min(_first_telemetry_s(200) for _ in range(3)), 3),
        "plugin_ms": _plugin_ms(9),
        "machine": machine(),
    }


def _whole_runs(vehicles: int, seconds: int, rounds: int) -> dict[str, Any]:
    """Both runs in turn; the cheapest of each counts. What a run takes until its first second counts for neither."""
    cpu_s: dict[str, list[float]] = {"plain": [], "judged": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, times in cpu_s.items():
                long, short = (
                    _run_cpu_s(Path(folder), vehicles, length, judged=name == "judged") for length in (seconds, 1)
                )
                times.append(max(long - short, 0.01))
    best = {name: min(times) for name, times in cpu_s.items()}
    return {
        "vehicles": vehicles,
        "seconds": seconds,
        "cpu_s": {name: round(found, 2) for name, found in best.items()},
        "vehicle_s_per_cpu_s": {name: round(vehicles * seconds / found) for name, found in best.items()},
        "speed_ratio": ratio(best["plain"], best["judged"]),
    }


def _run_cpu_s(folder: Path, vehicles: int, seconds: int, *, judged: bool) -> float:
    file = folder / "scenario.yaml"
    file.write_text(scenario(vehicles, 3_600, judged=judged))
    ends = ["--for", f"{seconds}s", "--speed", "max", "--quiet", "--mqtt-port", "0", "--http-port", "0"]
    # A run that is cut short has expectations that were not exercised: exit code 1.
    return measured([sys.executable, "-m", "jinqiao.sandbox.entry", "run", str(file), *ends], also=(1,))["cpu_s"]


def _advances(vehicles: int, count: int) -> dict[str, Any]:
    """How long an advance of one second takes, ms."""
    took_ms = []
    with Sandbox(SCENARIO, vehicles=vehicles, seed=7) as sandbox:
        sandbox.advance("1 min")
        for _ in range(count):
            began = time.perf_counter()
            sandbox.advance("1 s")
            took_ms.append((time.perf_counter() - began) * 1e3)
    p50, p99 = np.percentile(took_ms, (50, 99)).tolist()
    return {"advance_ms": {"p50": round(p50, 2), "p99": round(p99, 2)}, "advances": count}


def _first_telemetry_s(vehicles: int) -> float:
    """From nothing to a message of a vehicle at a subscriber."""
    came = threading.Event()
    began = time.perf_counter()
    with Sandbox(SCENARIO, vehicles=vehicles, seed=7) as sandbox:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(sandbox.mqtt.username, sandbox.mqtt.password)
        subscribed = threading.Event()
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = lambda *_: came.set()
        client.connect(sandbox.mqtt.host, sandbox.mqtt.port)
        client.loop_start()
        client.subscribe("/sys/+/+/thing/event/property/post")
        try:
            if not subscribed.wait(_TELEMETRY_S):
                raise EnvironmentFault("the broker of a run granted no subscription")
            sandbox.advance("1 s")
            if not came.wait(_TELEMETRY_S):
                raise EnvironmentFault(f"no telemetry came within {_TELEMETRY_S:g} s")
            return time.perf_counter() - began
        finally:
            client.disconnect()
            client.loop_stop()


def _plugin_ms(times: int) -> dict[str, float]:
    """Processor time of a fresh interpreter that imports pytest, without and with the plugin; the least of some, ms."""
    found = {}
    for name, module in (("pytest", "pytest"), ("with_plugin", "pytest, jinqiao.testing.plugin")):
        code = f"import time; began = time.process_time(); import {module}; print(time.process_time() - began)"
        took = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(times)]
        found[name] = round(min(took) * 1e3, 1)
    return found | {"plugin": round(found["with_plugin"] - found["pytest"], 1)}
