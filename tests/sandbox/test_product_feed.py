"""What the product under test does reaches the run's judgement: from clients and cloud calls, beside the downlinks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jinqiao.base.telemetry import Outcome
from jinqiao.device.agent.car import Answered, Outgoing
from jinqiao.sandbox.product import PRODUCT_KEY
from jinqiao.sandbox.run.product_feed import ProductFeed
from jinqiao.wire.product_feed import TOPIC, Called, Detected, Published, feed_message
from support import peers
from support.back_end import back_end
from support.openapi import Caller
from support.programs import Program

NAMES = np.array([b"device-1", b"device-2"])
VINS = np.array([b"LBV00000000000001", b"LBV00000000000002"])
MINE = "/a1JinqiaoEV/device-2/user/detection"


class Noted:
    """A judgement that notes what it is given."""

    def __init__(self, *, asked: bool = True) -> None:
        self.asked, self.calls = asked, list[tuple[Any, ...]]()

    def __bool__(self) -> bool:
        return self.asked

    def reacted(self, *what: Any) -> None:
        self.calls.append(("reacted", *what))

    def replied(self, *what: Any) -> None:
        self.calls.append(("replied", *what))

    def detect(self, *what: Any) -> None:
        self.calls.append(("detect", *what))


class Scene:
    def __init__(self, *, own_gateway: bool = True, asked: bool = True) -> None:
        self.noted, self.now_ms = Noted(asked=asked), 5_000
        self.feed = ProductFeed(self.noted, "a1JinqiaoEV", NAMES, VINS, lambda: self.now_ms, own_gateway=own_gateway)


def test_what_our_gateway_says_is_taken_down_at_the_present_moment() -> None:
    scene = Scene()
    for told in (Detected("device-2", "x", 7), Detected("?", "x", None), Called("Pub", (0, 1)), Published(1, "get")):
        assert scene.feed.take(TOPIC, feed_message(told), 0)
    assert scene.noted.calls == [
        ("detect", VINS[1].decode(), "x", 7, "mqtt"),
        ("detect", "?", "x", None, "mqtt"),
        ("reacted", 0, "call", "Pub", 5_000),
        ("reacted", 1, "call", "Pub", 5_000),
        ("reacted", 1, "topic", "get", 5_000),
    ]


def test_of_somebody_elses_broker_detections_are_subscribed_and_nothing_is_trusted() -> None:
    scene = Scene(own_gateway=False)
    assert scene.feed.filters() == ["/a1JinqiaoEV/+/user/detection"]
    assert scene.feed.take(MINE, b'{"fault":"x"}', 0)
    assert scene.feed.take(MINE, b"{", 0)
    assert not scene.feed.take(TOPIC, feed_message(Detected("device-1", "x", None)), 0)
    assert scene.noted.calls == [("detect", VINS[1].decode(), "x", None, "mqtt")]
    assert Scene().feed.filters() == []
    assert not Scene().feed.take(MINE, b'{"fault":"x"}', 0)


def test_rubbish_on_the_topic_of_the_feed_costs_that_message_only() -> None:
    scene = Scene()
    assert scene.feed.take(TOPIC, b"\xff", 0)
    assert scene.noted.calls == []


def test_an_answer_counts_when_it_has_gone_and_from_when_its_question_came() -> None:
    scene = Scene()
    scene.feed.take("/sys/a1JinqiaoEV/device-1/thing/service/StopCharging", b"{}", 3_500)
    scene.feed.asked(0, "thing.service.StopCharging", {}, Outcome(460))
    answer, another = (scene.feed.marked(Outgoing(0, "/x", b"")) for _ in range(2))
    assert (answer.answers, another.answers) == (Answered("StopCharging", 460, 3_500), None)
    scene.now_ms = 6_000  # it was in a network for a second
    scene.feed.went(answer)
    scene.feed.went(another)
    assert scene.noted.calls[1:] == [("replied", 0, "StopCharging", 2.5, 460)]


def test_commands_are_taken_down() -> None:
    scene = Scene()
    assert not scene.feed.take("/sys/a1JinqiaoEV/device-1/thing/service/StopCharging", b"{}", 3_500)
    scene.feed.asked(0, "thing.service.StopCharging", {}, Outcome(460))
    scene.feed.asked(1, "thing.service.property.set", {"a": 1, "b": 2}, Outcome())
    scene.feed.asked(1, "thing.service.property.get", ["a"], Outcome())
    scene.feed.asked(1, "thing.service.property.set", "rubbish", Outcome(460))
    scene.feed.asked(1, "rubbish", None, Outcome(6300))
    assert scene.noted.calls == [
        ("reacted", 0, "command", "StopCharging", 5_000),
        ("reacted", 1, "set", "a", 5_000),
        ("reacted", 1, "set", "b", 5_000),
    ]


def test_commands_are_nothing_to_a_judgement_that_asks_for_nothing() -> None:
    scene = Scene(asked=False)
    scene.feed.asked(0, "thing.service.StopCharging", {}, Outcome())
    assert scene.noted.calls == []


# A whole run.

SCENARIO = """\
name: judged
start: 2026-11-23T03:00+08:00
duration: 25 s
place: jinqiao
weather: {ambient: 10 degC}
fleets:
  - {name: cars, count: 3, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}}
  - {name: alone, count: 1, models: {bmw-i4-edrive40-2022: 1}, agenda: {cycle: US06}, initial_soc: 0.8,
     telemetry: {driving: 1 s, charging: 10 s, parked: 1 min}, connection: per_vehicle}
charging_stations: []
faults:
  - {at: 8 s, on: all, fault: dtc, code: P0A80}
expect:
  - "after dtc: HonkAndFlash within 60 s for 50 %"
  - "after dtc: call(SetDeviceProperty) within 60 s for 25 %"
  - "after dtc: set charging:ChargeLimit within 60 s for 25 %"
  - "after dtc: topic(get) within 60 s for 25 %"
  - reply(HonkAndFlash) within 5 s for 100 %
  - "detects dtc: precision >= 60 %, recall >= 50 %"
"""


@pytest.mark.long
def test_a_product_in_a_run_is_judged_by_what_it_does_with_stock_clients(
    tmp_path: Path, start: Callable[..., Program]
) -> None:
    (tmp_path / "s.yaml").write_text(SCENARIO)
    program = start("run", str(tmp_path / "s.yaml"), "--mqtt-port", "0", "--speed", "1", "-q")
    ready = program.ready
    user, password = ready["app_user"], ready["app_password"]
    with back_end(ready["mqtt_port"], user, password, PRODUCT_KEY) as app:
        app.follow(f"/{PRODUCT_KEY}/+/user/label")
        cars = sorted({app.wait_on("/user/label")["vehicle"] for _ in range(4)})
        assert len(cars) == 4
        for car in cars[:2]:
            app.tell(car, "thing/service/HonkAndFlash", {"id": "1", "params": {}, "version": "1.0"})
        for car in (*cars[:2], "LBVNOBODY00000000"):
            app.client.publish(f"/{PRODUCT_KEY}/{car}/user/detection", json.dumps({"fault": "dtc"}), 1)
        app.client.publish(f"/{PRODUCT_KEY}/{cars[0]}/user/get", b"hello", 1)
        call = Caller(ready["http_port"], key=(user, password))
        limit = {"Items": json.dumps({"charging:ChargeLimit": 80})}
        assert call("SetDeviceProperty", ProductKey=PRODUCT_KEY, DeviceName=cars[1], **limit)["Success"]
        code, lines, errors = program.finish(120)
    summary = lines[-1]["summary"]
    found = {one["expect"]: (one["verdict"], one["measured"]) for one in summary["expectations"]}
    assert all(verdict == "passed" for verdict, _ in found.values()), found
    assert code == 0, errors
    assert summary["detections"]["by_fault"] == {"dtc": 3}
    assert summary["detections"]["unknown_vehicle"] == 1


@pytest.mark.long
def test_detections_are_heard_on_somebody_elses_broker_too(tmp_path: Path, start: Callable[..., Program]) -> None:
    text = SCENARIO[: SCENARIO.index("expect:")].replace(", connection: per_vehicle", "")
    (tmp_path / "s.yaml").write_text(text + 'expect: ["detects dtc: precision >= 90 %, recall >= 25 %"]\n')
    with peers.mosquitto(tmp_path, "fleet", "pw") as port, back_end(port, "fleet", "pw", PRODUCT_KEY) as app:
        app.follow(f"/{PRODUCT_KEY}/+/user/label")
        url = f"mqtt://fleet:pw@127.0.0.1:{port}"
        program = start("run", str(tmp_path / "s.yaml"), "--broker", url, "--speed", "1", "-q")
        assert program.ready
        car = app.wait_on("/user/label", 30)["vehicle"]
        for fault in ("dtc", "made up"):
            app.client.publish(f"/{PRODUCT_KEY}/{car}/user/detection", json.dumps({"fault": fault}), 1)
        app.client.publish(f"/{PRODUCT_KEY}/{car}/user/detection", b"{", 1).wait_for_publish(10)
        code, lines, errors = program.finish(120)
    assert code == 0, errors
    assert lines[-1]["summary"]["detections"]["by_fault"] == {"dtc": 1, "made up": 1}
