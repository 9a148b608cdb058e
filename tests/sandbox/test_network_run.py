"""A run with a network: what a stock client sees of it."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
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


class Heard:
    """A stock client of the application: what came, by the end of its topic, in order."""

    def __init__(self, ready: dict[str, Any], *filters: str) -> None:
        self.messages: list[tuple[float, str, bytes]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(ready["app_user"], ready["app_password"])
        self._client.on_message = lambda _, __, one: self.messages.append((time.time(), one.topic, one.payload))
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", ready["mqtt_port"])
        self._client.subscribe([(one, 0) for one in filters])
        self._client.loop_start()
        assert subscribed.wait(10)

    def close(self) -> None:
        self._client.loop_stop()

    def of_topic(self, end: str) -> list[tuple[float, str, bytes]]:
        return [one for one in self.messages if one[1].endswith(end)]


def device_of(topic: str) -> str:
    return topic.split("/")[3] if topic.startswith("/sys/") else topic.split("/")[2]


TELEMETRY = ("/sys/+/+/thing/event/property/post", "/sys/+/+/thing/event/property/history/post", "/+/+/user/label")
OUTAGE = "{on: taxis, outage: {at: 2 min, for: 3 min}, keep_alive: 30 s, backlog: %s}"


def heard_in(start: Start, scenario: str, *options: str) -> tuple[Heard, dict[str, Any]]:
    program = start("run", scenario, "--mqtt-port", "0", "--http-port", "0", "--seed", "7", "-q", *options)
    heard = Heard(program.ready, *TELEMETRY)
    try:
        return heard, summary_of(program)
    finally:
        heard.close()


def times_of(post: dict[str, Any]) -> list[int]:
    """The moments of a post, or of the records of a history post."""
    params = post["params"]
    records = [record for entry in params for record in entry["properties"]] if isinstance(params, list) else [params]
    return [next(iter(record.values()))["time"] for record in records]


@pytest.mark.long
@pytest.mark.parametrize("own", [False, True])
def test_a_client_sees_an_outage_its_labels_and_then_the_history(
    start: Start, write: Callable[..., str], own: bool
) -> None:
    heard, summary = heard_in(start, write(OUTAGE % "history", duration="8 min", own=own), "--speed", "60")
    labels = [(topic, json.loads(body)) for _, topic, body in heard.messages if topic.endswith("/user/label")]
    begins = [label for _, label in labels if label["phase"] == "begin"]
    ends = [label for _, label in labels if label["phase"] == "end"]
    assert {label["fault"] for _, label in labels} == {"outage"}
    assert len(begins) == len(ends) == 20
    begin_ms, end_ms = begins[0]["time"], ends[0]["time"]
    assert end_ms - begin_ms == 180_000
    gone = {device_of(topic) for topic, _ in labels}
    live: dict[str, list[int]] = defaultdict(list)
    history: dict[str, list[int]] = defaultdict(list)
    events = 0
    for _, topic, body in heard.messages:
        if topic.endswith("/history/post"):
            events += sum(len(entry["events"]) for entry in json.loads(body)["params"])
            history[device_of(topic)] += times_of(json.loads(body))
        elif topic.endswith("/post") and device_of(topic) in gone:
            live[device_of(topic)] += times_of(json.loads(body))
    assert history
    assert set(history) <= gone
    for device in gone:
        assert not [when for when in live[device] if begin_ms < when <= end_ms]
        assert all(when > begin_ms for when in history[device])
        assert history[device] == sorted(history[device])
        if history[device] and (after := [when for when in live[device] if when > end_ms]):
            assert max(history[device]) <= min(after)
    network = summary["network"]
    assert network["reconnects"] == 20
    assert network["history_posts"] == sum(topic.endswith("/history/post") for _, topic, _ in heard.messages)
    assert network["buffered"] == sum(map(len, history.values())) + events
    assert summary["not_sent"] == 0
    # The platform has read and taken them all: nothing of it was refused.
    assert summary["refused"] == {}


@pytest.mark.long
def test_an_outage_is_the_same_at_any_speed_and_on_any_connection(start: Start, write: Callable[..., str]) -> None:
    area = "{on: commuters, outage: {inside: {center: [31.2497, 121.5957], radius: 2 km}}, backlog: late}"
    entries = ("{on: all, profile: 4g-rural}", OUTAGE % "late", area)
    runs = [
        run(start, write(*entries, duration="6 min", own=own), "--speed", speed)
        for own, speed in ((False, "max"), (False, "120"), (True, "max"))
    ]
    assert runs[0]["network"]["reconnects"] >= 20
    assert len({found["sha256"] for found in runs}) == 1
    assert all(found["network"] == runs[0]["network"] for found in runs)


def test_a_backlog_of_nothing_is_lost_and_counted(start: Start, write: Callable[..., str]) -> None:
    summary = run(start, write(OUTAGE % "none", duration="8 min"), "--speed", "max")
    assert summary["network"]["dropped"] > 0
    assert summary["network"]["buffered"] == 0
    assert "property_history_post" not in summary["published"]


def test_faults_of_messages_work_without_a_network(start: Start, write: Callable[..., str]) -> None:
    file = Path(write("{on: all, profile: ideal}"))
    head = file.read_text().partition("network:")[0]
    file.write_text(head + "faults:\n  - {at: 1 min, on: taxis, fault: lost, share: 50 %, for: 2 min}\n")
    spoilt = run(start, str(file), "--speed", "max")
    file.write_text(head)
    whole = run(start, str(file), "--speed", "max")
    missing = whole["published"]["property_post"] - spoilt["published"]["property_post"]
    assert 0 < missing <= spoilt["network"]["lost"]


@pytest.mark.long
def test_a_client_sees_a_latency_and_not_a_second(start: Start, write: Callable[..., str]) -> None:
    """At speed 1 posts come behind the beginning of their second by the latency of their vehicle."""
    listening, _ = heard_in(start, write("{on: taxis, latency: 300 ms}", duration="12 s"), "--speed", "1")
    heard = [(at, times_of(json.loads(body))[0]) for at, _, body in listening.of_topic("/property/post")]
    first = min(at - made / 1000 for at, made in heard)
    late = [at - made / 1000 - first for at, made in heard]
    # Both fleets: those without a network at once, the taxis 300 ms later.
    slow = [one for one in late if one > 0.15]
    assert slow, late
    assert len(slow) < len(late)
    assert sorted(slow)[len(slow) // 2] == pytest.approx(0.3, abs=0.1)
