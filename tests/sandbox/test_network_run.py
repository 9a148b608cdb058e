"""A run with a network: what a stock client sees of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.programs import Program

Start = Callable[..., Program]

SCENARIO = """name: net
start: 2026-11-23T07:00+08:00
duration: {duration}
fleets:
  - name: taxis
    count: 20
    vehicles: [bmw-i4-edrive40-2022]
    agenda: ride_hailing
    initial_soc: uniform(0.3, 0.9)
    connection: {connection}
  - {{name: commuters, count: 20, vehicles: [bmw-ix3-2021], agenda: commuter}}
charging_stations:
  - {{name: hub, at: [31.2497, 121.5957], connectors: [{{kind: dc, power: 120 kW, count: 6}}]}}
network:
{network}
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def scenario(*network: str, duration: str = "10 min", own: bool = False) -> str:
        entries = "\n".join(f"  - {entry}" for entry in network)
        file = tmp_path / f"net{len(list(tmp_path.iterdir()))}.yaml"
        text = SCENARIO.format(duration=duration, network=entries, connection="per_vehicle" if own else "shared")
        file.write_text(text)
        return str(file)

    return scenario


def summary_of(program: Program) -> dict[str, Any]:
    code, lines, errors = program.finish()
    assert code == 0, errors
    found: dict[str, Any] = lines[-1]["summary"]
    return found


def run(start: Start, scenario: str, *options: str) -> dict[str, Any]:
    return summary_of(start("run", scenario, "--mqtt-port", "0", "--http-port", "0", "--seed", "7", "-q", *options))


BAD = ("{on: all, profile: flaky}", "{on: taxis, latency: lognormal(900 ms, 2 s), loss: 3 %, bandwidth: 64 kbit/s}")


@pytest.mark.long
def test_the_same_is_delivered_at_any_speed(start: Start, write: Callable[..., str]) -> None:
    scenario = write(*BAD, duration="4 min")
    quick = run(start, scenario, "--speed", "max")
    slow = run(start, scenario, "--speed", "60")
    assert quick["network"]["delayed"] > 100
    assert slow["sha256"] == quick["sha256"]
    assert slow["network"] == quick["network"]


@pytest.mark.long
def test_own_connections_say_the_same(start: Start, write: Callable[..., str]) -> None:
    shared = run(start, write(*BAD, duration="3 min"), "--speed", "max")
    own = run(start, write(*BAD, duration="3 min", own=True), "--speed", "max")
    assert own["sha256"] == shared["sha256"]


def test_an_ideal_network_changes_nothing(start: Start, write: Callable[..., str]) -> None:
    with_one = run(start, write("{on: all, profile: ideal}"), "--speed", "max")
    file = Path(write("{on: all, profile: ideal}"))
    file.write_text(file.read_text().partition("network:")[0])
    without = run(start, str(file), "--speed", "max")
    assert with_one["sha256"] == without["sha256"]
    assert "network" not in without
    assert with_one["network"]["delay_ms"] == {"mean": 0.0, "max": 0.0}


@pytest.mark.long
def test_a_client_sees_a_latency_and_not_a_second(start: Start, write: Callable[..., str]) -> None:
    """At speed 1 posts come behind the beginning of their second by the latency of their vehicle."""
    import time

    import paho.mqtt.client as mqtt

    heard: list[tuple[float, int]] = []

    def on_message(_: Any, __: Any, message: mqtt.MQTTMessage) -> None:
        post = json.loads(message.payload)
        heard.append((time.time(), next(iter(post["params"].values()))["time"]))

    scenario = write("{on: taxis, latency: 300 ms}", duration="12 s")
    program = start("run", scenario, "--mqtt-port", "0", "--http-port", "0", "--seed", "7", "-q", "--speed", "1")
    ready = program.ready
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.username_pw_set(ready["app_user"], ready["app_password"])
    client.on_message = on_message
    client.connect("127.0.0.1", ready["mqtt_port"])
    client.subscribe("/sys/+/+/thing/event/property/post")
    client.loop_start()
    try:
        summary_of(program)
    finally:
        client.loop_stop()
    first = min(at - made / 1000 for at, made in heard)
    late = [at - made / 1000 - first for at, made in heard]
    # Both fleets: those without a network at once, the taxis 300 ms later.
    slow = [one for one in late if one > 0.15]
    assert slow, late
    assert len(slow) < len(late)
    assert sorted(slow)[len(slow) // 2] == pytest.approx(0.3, abs=0.1)
