"""What products do about simulated vehicles reaches their simulator: only what they may say, in order, and bounded."""

from __future__ import annotations

import base64
import json
import re

import pytest

from jinqiao.gateway.platform.registry.registry import Application
from jinqiao.wire.alink.topics import TOPICS, Topic
from jinqiao.wire.mqtt.packets import Puback, Publish, Subscribe
from jinqiao.wire.product_feed import TOPIC, Called, Detected, Published, Told, read_feed
from support.fleet_house import FleetHouse
from support.fleet_world import FLEET, NAMES
from support.mqtt_memory import Client

SET = {"Items": json.dumps({"charging:ChargeLimit": 80})}


@pytest.fixture
def house() -> FleetHouse:
    return FleetHouse()


@pytest.fixture
def followed(house: FleetHouse) -> FleetHouse:
    house.platform.parts.followed.begin(FLEET, everything=True)
    return house


def told(house: FleetHouse) -> list[Told]:
    return [read_feed(message.payload) for message in house.downlinks() if message.topic == TOPIC]


def topic_of(house: FleetHouse, row: int, suffix: str = "detection") -> str:
    return f"/{FLEET}/{house.name(row)}/user/{suffix}"


def detect(house: FleetHouse, client: Client, row: int, payload: object, qos: int = 0) -> None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    client.send(Publish(topic_of(house, row), body, qos, packet_id=7 if qos else 0))


# Detections.


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_detection_of_the_products_application_is_said(house: FleetHouse, qos: int) -> None:
    application = house.application()
    detect(house, application, 3, {"fault": "cell_overheat", "time": 5}, qos)
    detect(house, application, 4, {"fault": "no such fault"})
    assert told(house) == [
        Detected(house.name(3), "cell_overheat", 5),
        Detected(house.name(4), "no such fault", None),
    ]
    if qos == 1:
        assert Puback(7) in application.received()


def test_one_of_a_vehicle_that_there_is_not_is_said_as_it_is(house: FleetHouse) -> None:
    house.application().send(Publish(f"/{FLEET}/LBVNOBODY00000001/user/detection", b'{"fault":"x"}'))
    assert told(house) == [Detected("LBVNOBODY00000001", "x", None)]


def test_another_tenants_application_says_nothing_about_this_fleet(house: FleetHouse) -> None:
    stranger = house.application("stranger", frozenset({"a1others000"}))
    detect(house, stranger, 3, {"fault": "cell_overheat"})
    assert told(house) == []
    assert house.broker.counters.refused["publish"] == 1
    stranger.send(Publish(f"/a1others000/{house.name(0)}/user/detection", b'{"fault":"x"}'))
    # Its own product's vehicle has the name of one of this fleet.
    assert told(house) == []
    assert house.broker.counters.refused["publish"] == 1


OF_VEHICLES = [row for row in TOPICS if "{dn}" in row.pattern]


@pytest.mark.parametrize("row", OF_VEHICLES, ids=lambda row: row.pattern)
def test_of_all_topics_of_a_vehicle_a_stranger_can_write_none(followed: FleetHouse, row: Topic) -> None:
    """Whatever a stranger publishes about a vehicle of this fleet, its run is told nothing and the vehicle hears
    nothing: not an application of another tenant, not another vehicle."""
    house = followed
    topic = row.pattern.replace("{pk}", FLEET).replace("{dn}", house.name(3)).replace("{*}", "detection")
    topic = re.sub(r"\{\w+\}", "x1", topic)
    for client in (house.application("stranger", frozenset({"a1others000"})), house.own_connection(4)):
        client.send(Publish(topic, b'{"fault":"x"}'))
    assert house.downlinks() == []
    assert house.broker.counters.refused["publish"] == 2


def test_who_has_no_account_says_nothing(house: FleetHouse) -> None:
    house.platform.registry.anonymous = True
    anonymous = house.client("anybody")
    detect(house, anonymous, 3, {"fault": "cell_overheat"})
    assert told(house) == []


def test_an_application_that_loses_the_product_is_not_heard_any_more(house: FleetHouse) -> None:
    application = house.application()
    detect(house, application, 3, {"fault": "x"})
    assert len(told(house)) == 1
    house.platform.registry.applications["app"] = Application("app", "pw", frozenset({"a1others000"}))
    house.broker.permissions_changed()
    detect(house, application, 3, {"fault": "x"})
    assert told(house) == []


def test_a_vehicle_may_detect_its_own_faults_and_nobody_elses(house: FleetHouse) -> None:
    own = house.own_connection(3)
    detect(house, own, 3, {"fault": "x"})
    detect(house, own, 4, {"fault": "x"})
    assert told(house) == [Detected(house.name(3), "x", None)]


def test_one_that_is_none_is_written_into_the_devices_log_and_goes_nowhere(house: FleetHouse) -> None:
    application = house.application()
    detect(house, application, 3, b"{")
    detect(house, application, 3, {"fault": 1})
    application.send(Publish(f"/{FLEET}/nobody/user/detection", b"{"))
    assert told(house) == []
    entries = [(entry.device_name, entry.code) for entry in house.platform.log]
    assert entries == [(house.name(3), 460)] * 2
    assert "expected its name" in next(iter(reversed(list(house.platform.log)))).message


def test_who_subscribes_gets_a_detection_like_any_message(house: FleetHouse) -> None:
    listener = house.application("listener")
    listener.send(Subscribe(1, ((f"/{FLEET}/+/user/#", 0),)))
    listener.received()
    detect(house, house.application(), 3, {"fault": "x"})
    assert [message.topic for message in listener.messages()] == [topic_of(house, 3)]


def test_a_call_that_publishes_on_the_topic_detects_as_well(house: FleetHouse) -> None:
    content = base64.b64encode(b'{"fault":"x","time":9}').decode()
    answer = house.call("Pub", ProductKey=FLEET, TopicFullName=topic_of(house, 3), MessageContent=content)
    assert answer["Success"]
    assert told(house) == [Detected(house.name(3), "x", 9)]


def test_nothing_is_said_without_a_simulator(house: FleetHouse) -> None:
    house.simulator.lose()
    detect(house, house.application(), 3, {"fault": "x"})


# What else a product does.


def test_nothing_else_is_said_while_nobody_follows(house: FleetHouse) -> None:
    house.call("SetDeviceProperty", 3, **SET)
    house.application().send(Publish(topic_of(house, 3, "get"), b"{}"))
    assert told(house) == []
    assert not house.broker.router.route(topic_of(house, 3, "get").encode()).handled


def test_calls_that_name_a_vehicle_and_succeed_are_said(followed: FleetHouse) -> None:
    house = followed
    house.call("SetDeviceProperty", 3, **SET)
    house.call("SetDeviceProperty", 3, Items='{"nothing":1}')
    house.call("GetDeviceStatus", 4)
    house.call("QueryProduct", ProductKey=FLEET)
    house.call("GetDeviceStatus", ProductKey="a1others000", DeviceName=house.name(0))
    names = {f"DeviceName.{place}": house.name(row) for place, row in enumerate((5, 6), 1)}
    house.call("BatchGetDeviceState", ProductKey=FLEET, **names)
    iot_id = house.call("QueryDeviceDetail", 7)["Data"]["IotId"]
    house.call("GetDeviceStatus", IotId=iot_id)
    assert told(house) == [
        Called("SetDeviceProperty", (3,)),
        Called("GetDeviceStatus", (4,)),
        Called("BatchGetDeviceState", (5, 6)),
        Called("QueryDeviceDetail", (7,)),
        Called("GetDeviceStatus", (7,)),
    ]


def test_what_an_application_publishes_on_a_vehicles_custom_topic_is_said(followed: FleetHouse) -> None:
    house, application = followed, followed.application()
    application.send(Publish(topic_of(house, 3, "get"), b"\xff"))
    application.send(Publish(topic_of(house, 3, "a/b"), b""))
    application.send(Publish(f"/{FLEET}/nobody/user/get", b""))
    application.send(Publish(f"/sys/{FLEET}/{house.name(3)}/thing/service/property/set", b"{}"))
    house.own_connection(5).send(Publish(topic_of(house, 5, "telemetry"), b"x"))
    content = {"MessageContent": "AA=="}
    house.call("Pub", ProductKey=FLEET, TopicFullName=topic_of(house, 4, "get"), **content)
    house.call("BatchPub", ProductKey=FLEET, **{"DeviceName.1": house.name(6)}, TopicShortName="x", **content)
    assert told(house) == [
        Published(3, "get"),
        Published(3, "a/b"),
        Published(4, "get"),
        Called("Pub", (4,)),
        Published(6, "x"),
        Called("BatchPub", (6,)),
    ]


def test_it_comes_in_the_order_of_the_downlinks(followed: FleetHouse) -> None:
    house, application = followed, followed.application()
    topic = f"/sys/{FLEET}/{house.name(3)}/thing/service/StopCharging"
    for _ in range(2):
        application.send(Publish(topic_of(house, 3, "get"), b""))
        application.send(Publish(topic, b"{}"))
        detect(house, application, 3, {"fault": "x"})
    assert [message.topic for message in house.downlinks()] == [TOPIC, topic, TOPIC] * 2


def test_a_flood_is_cut_and_counted_and_goes_on_in_the_next_second(followed: FleetHouse) -> None:
    house, application = followed, followed.application()
    now = [1_000]
    part = house.platform.parts.followed
    part._now_ms = lambda: now[0]
    application.send(*[Publish(topic_of(house, 3, "get"), b"")] * 1_500)
    application.send(*[Publish(topic_of(house, 3), b'{"fault":"x"}')] * 1_200)
    assert len(told(house)) == 2_000
    assert part.dropped == {"topic": 500, "detection": 200}
    now[0] += 1_000
    application.send(Publish(topic_of(house, 3, "get"), b""))
    assert told(house) == [Published(3, "get")]


def test_no_client_writes_on_the_topic_of_the_feed(followed: FleetHouse) -> None:
    house = followed
    for client in (house.application(), house.own_connection(3)):
        client.send(Publish(TOPIC, b'{"detected":["x","y",null]}'))
    assert told(house) == []
    assert house.broker.counters.refused["publish"] == 2
    assert len(NAMES) > 3
