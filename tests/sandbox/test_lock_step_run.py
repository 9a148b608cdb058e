"""`jinqiao run --lock-step`: a stock client at QoS 1 holds the clock of a run that goes as fast as it can."""

from __future__ import annotations

import json
import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from jinqiao.sandbox.run.own_gateway import PRODUCT_KEY
from support.programs import Program

Start = Callable[..., Program]

POSTS = f"/sys/{PRODUCT_KEY}/+/thing/event/property/post"
LIMIT = "charging:ChargeLimit"
SCENARIO = """\
name: reaction
start: 2026-11-23T07:00+08:00
duration: 1 min
place: jinqiao
weather: {{ambient: 10 degC}}
fleets:
  - {{name: cars, count: 3, models: {{bmw-ix3-2021: 1}}, agenda: {{cycle: WLTC}}, initial_soc: 0.5,
     telemetry: {{driving: 1 s, charging: 10 s, parked: 1 min, detail: 5 s}}, connection: {connection}}}
charging_stations: []
"""


class Product:
    """A customer's program under test, which acknowledges by hand: `heard` holds what came and waits for that."""

    def __init__(self, ready: dict[str, Any], *, react: Callable[[Product, str, dict[str, Any]], None] | None) -> None:
        self.heard: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
        self._react = react
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="product", manual_ack=True)
        self.client.username_pw_set(ready["app_user"], ready["app_password"])
        self.client.on_connect = lambda client, *_: client.subscribe(POSTS, 1)
        self.client.on_message = self._on_message
        self.client.connect("127.0.0.1", ready["mqtt_port"])
        self.client.loop_start()

    def _on_message(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        if self._react is None:
            self.heard.put(message)
            return
        self._react(self, message.topic.split("/")[3], json.loads(message.payload)["params"])
        self.acknowledge(message)

    def acknowledge(self, message: paho.MQTTMessage) -> None:
        assert message.qos == 1
        self.client.ack(message.mid, message.qos)

    def set_limit(self, device: str, percent: int) -> None:
        request = {"id": "1", "version": "1.0", "method": "thing.service.property.set", "params": {LIMIT: percent}}
        self.client.publish(f"/sys/{PRODUCT_KEY}/{device}/thing/service/property/set", json.dumps(request), 1)


@contextmanager
def product(
    ready: dict[str, Any], react: Callable[[Product, str, dict[str, Any]], None] | None = None
) -> Iterator[Product]:
    found = Product(ready, react=react)
    try:
        yield found
    finally:
        found.client.disconnect()
        found.client.loop_stop()


def run_options(scenario: Path, *more: str) -> list[str]:
    fast = ["--speed", "max", "--seed", "7", "--mqtt-port", "0", "-q", "--lock-step", "product"]
    return ["run", str(scenario), *fast, *more]


def write_scenario(folder: Path, connection: str = "shared") -> Path:
    path = folder / "reaction.yaml"
    path.write_text(SCENARIO.format(connection=connection))
    return path


def summary_of(program: Program, status: int = 0) -> dict[str, Any]:
    code, lines, errors = program.finish()
    assert code == status, errors
    found: dict[str, Any] = lines[-1]["summary"]
    return found


@pytest.mark.parametrize("connection", ["shared", "per_vehicle"])
def test_a_reaction_takes_effect_at_the_same_simulated_time_in_each_run(
    start: Start, tmp_path: Path, connection: str
) -> None:
    scenario = write_scenario(tmp_path, connection)

    def effects() -> list[tuple[str, int, int]]:
        """Of each reaction the car, the time of the telemetry, and that of the first post that shows its effect."""
        asked: dict[tuple[str, int], int] = {}
        found: list[tuple[str, int, int]] = []
        reacted: set[tuple[str, int]] = set()

        def ask(self: Product, device: str, percent: int, time_ms: int) -> None:
            asked[device, percent] = time_ms
            self.set_limit(device, percent)

        def react(self: Product, device: str, params: dict[str, Any]) -> None:
            if LIMIT in params:
                percent, time_ms = round(params[LIMIT]["value"]), params[LIMIT]["time"]
                since = asked.pop((device, percent), None)
                if since is not None:
                    found.append((device, since, time_ms))
                    if percent % 5:  # its effect is a reason to react again, four times
                        ask(self, device, percent + 1, since)
            if "VehicleSpeed" in params:
                time_ms = params["VehicleSpeed"]["time"]
                if time_ms % 2000 == 0 and (device, time_ms) not in reacted:
                    reacted.add((device, time_ms))
                    ask(self, device, 51 + time_ms // 2000 * 5 % 45, time_ms)

        program = start(*run_options(scenario, "--for", "20s"))
        with product(program.ready, react):
            summary = summary_of(program)
        assert summary["dropped"] == summary["not_sent"] == 0
        assert not asked
        return sorted(found)

    first = effects()
    assert len(first) == 3 * 10 * 5
    assert {time_ms - since for _, since, time_ms in first} == {0}, (
        "it is shown with the time of the second it was asked in"
    )
    assert first == effects()


def test_nothing_of_the_next_second_comes_before_the_last_acknowledgement(start: Start, tmp_path: Path) -> None:
    program = start(*run_options(write_scenario(tmp_path), "--for", "4s"))
    held_s = 0.0
    moments: list[int] = []
    with product(program.ready) as listener:
        for _ in range(4):
            messages = [listener.heard.get(timeout=20)]
            began = time.monotonic()
            time.sleep(0.3)
            while not listener.heard.empty():
                messages.append(listener.heard.get())
            held_s += time.monotonic() - began
            times = {value["time"] for m in messages for value in json.loads(m.payload)["params"].values()}
            assert len(times) == 1
            moments += times
            for message in messages:
                listener.acknowledge(message)
        summary = summary_of(program)
    assert moments == list(range(moments[0], moments[0] + 4000, 1000))
    assert held_s <= summary["held_s"] <= summary["wall_s"]
    assert summary["simulated_s"] == 4


def test_a_client_that_stays_away_ends_the_run_with_the_reason(start: Start, tmp_path: Path) -> None:
    program = start(*run_options(write_scenario(tmp_path), "--lock-step-limit", "1s"))
    with product(program.ready) as listener:
        listener.acknowledge(listener.heard.get(timeout=20))
    code, lines, errors = program.finish()
    assert code == 3
    summary = lines[-1]["summary"]
    assert summary["ended"] == "failed"
    assert "'product' is not connected and subscribed" in summary["reason"]
    assert "for 1 s" in summary["reason"]
    assert "lock-step: the clock waits, for 1 s at most: client 'product'" in errors
    assert "Traceback" not in errors


def test_a_client_that_comes_back_goes_on_with_what_it_had_not_acknowledged(start: Start, tmp_path: Path) -> None:
    program = start(*run_options(write_scenario(tmp_path), "--for", "3s"))
    ready = program.ready

    def session(clean: bool) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="product", clean_session=clean, manual_ack=True)
        client.username_pw_set(ready["app_user"], ready["app_password"])
        return client

    first: queue.SimpleQueue[paho.MQTTMessage] = queue.SimpleQueue()
    client = session(clean=False)
    client.on_connect = lambda *_: client.subscribe(POSTS, 1)
    client.on_message = lambda *found: first.put(found[2])
    client.connect("127.0.0.1", ready["mqtt_port"])
    client.loop_start()
    unacknowledged = [first.get(timeout=20).payload for _ in range(3)]
    client.disconnect()
    client.loop_stop()

    seen: list[bytes] = []
    again = session(clean=False)

    def on_message(_: paho.Client, __: Any, message: paho.MQTTMessage) -> None:
        seen.append(message.payload)
        again.ack(message.mid, message.qos)

    again.on_message = on_message
    again.connect("127.0.0.1", ready["mqtt_port"])
    again.loop_start()
    summary = summary_of(program)
    again.disconnect()
    again.loop_stop()
    assert set(unacknowledged) <= set(seen)
    assert len(seen) == len(set(seen)) == summary["published"]["property_post"]


def test_ctrl_c_ends_a_run_that_waits_for_its_listener(start: Start, tmp_path: Path) -> None:
    program = start(*run_options(write_scenario(tmp_path)))
    assert program.ready
    assert program.process.stderr is not None
    while "'product' is not connected" not in (line := program.process.stderr.readline()):
        assert line, "it says whom it waits for"
    program.interrupt()
    summary = summary_of(program, status=130)
    assert summary["ended"] == "interrupted"
    assert summary["messages"] == 0


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--broker", "mqtt://127.0.0.1"], "not with --broker"),
        (["--lock-step", ""], "the client identifier is empty"),
        (["--lock-step-limit", "soon"], "--lock-step-limit"),
    ],
)
def test_what_cannot_be_is_explained(start: Start, tmp_path: Path, more: list[str], told: str) -> None:
    code, _, errors = start(*run_options(write_scenario(tmp_path), *more)).finish()
    assert code == 2
    assert told in errors
    assert "Traceback" not in errors
