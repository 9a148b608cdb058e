"""A simulated vehicle without a network is what any device without a connection is: told so, and to be told nothing."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from jinqiao.gateway.forwarding.forwarder import Forwarder
from jinqiao.gateway.forwarding.groups import Groups
from jinqiao.gateway.platform.devices.ota import Firmware, Status
from jinqiao.gateway.platform.events import VehiclesPresence
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.wire.amqp.message import decode_message
from jinqiao.wire.crossing import presence_packet
from jinqiao.wire.mqtt.packets import Publish
from support.fleet_house import FleetHouse
from support.fleet_world import FLEET, NAMES, NOW_MS
from support.queues import Taker
from support.queues import World as Queues

LEFT_MS, BACK_MS = NOW_MS + 60_000, NOW_MS + 360_000
SET = {"Items": json.dumps({"charging:ChargeLimit": 80})}


@pytest.fixture
def house() -> FleetHouse:
    return FleetHouse()


def status_of(house: FleetHouse, row: int) -> tuple[str, int]:
    data = house.call("GetDeviceStatus", row)["Data"]
    return data["Status"], int(data["Timestamp"])


# What is told.


def test_its_status_changes_with_its_network_and_nobody_elses_does(house: FleetHouse) -> None:
    assert status_of(house, 3)[0] == "ONLINE"
    house.presence([3, 5], online=False, time_ms=LEFT_MS)
    assert status_of(house, 3) == ("OFFLINE", LEFT_MS)
    assert status_of(house, 4)[0] == "ONLINE"
    house.presence([3], online=True, time_ms=BACK_MS)
    assert (status_of(house, 3), status_of(house, 5)) == (("ONLINE", BACK_MS), ("OFFLINE", LEFT_MS))


def test_calls_that_list_devices_agree(house: FleetHouse) -> None:
    before = house.call("QueryDeviceDetail", 3)["Data"]
    house.presence([3, 5], online=False, time_ms=LEFT_MS)
    names = {f"DeviceName.{place}": house.name(row) for place, row in enumerate((3, 4), 1)}
    states = house.call("BatchGetDeviceState", ProductKey=FLEET, **names)["DeviceStatusList"]["DeviceStatus"]
    assert [one["Status"] for one in states] == ["OFFLINE", "ONLINE"]
    listed = house.call("QueryDevice", ProductKey=FLEET, PageSize=50, CurrentPage=1)["Data"]["DeviceInfo"]
    assert {one["DeviceName"] for one in listed if one["DeviceStatus"] == "OFFLINE"} <= {house.name(3), house.name(5)}
    counted = house.platform.parts.census.count(house.platform.registry.products[FLEET])
    assert (counted.devices, counted.online) == (len(NAMES), len(NAMES) - 2)
    assert house.platform.parts.presence.count([house.vehicle(row).identity for row in (3, 4, 5)]) == (3, 1)
    after = house.call("QueryDeviceDetail", 3)["Data"]
    assert after["Status"] == "OFFLINE"
    assert {key: after[key] for key in ("UtcCreate", "UtcActive", "UtcOnline")} == {
        key: before[key] for key in ("UtcCreate", "UtcActive", "UtcOnline")
    }


def test_what_is_said_twice_is_told_once(house: FleetHouse) -> None:
    heard: list[VehiclesPresence] = []
    house.platform.events.subscribe(VehiclesPresence, heard.append)
    house.presence([1], online=True)
    house.presence([1, 2], online=False)
    house.presence([2, 3], online=False)
    house.presence([1, 2, 3], online=True)
    assert [(event.names, event.online) for event in heard] == [
        ([house.name(1), house.name(2)], False),
        ([house.name(3)], False),
        ([house.name(row) for row in (1, 2, 3)], True),
    ]


def test_consumers_get_the_status_message_of_any_device(house: FleetHouse) -> None:
    queues = Queues()
    groups = Groups(queues.clock)
    forwarder = Forwarder(house.platform, groups)
    forwarder.add_fleet(house.platform.registry.products[FLEET], NAMES)
    house.platform.operations.subscriptions.subscribe(OPERATOR, FLEET, ["status"], ["DEFAULT_GROUP"])
    consumer, group = Taker(), groups.group("DEFAULT_GROUP")
    assert group is not None
    consumer.join(group)
    house.presence([3, 5], online=False, time_ms=LEFT_MS)
    house.presence([5], online=True, time_ms=BACK_MS)
    own = house.own_connection(7)
    own.lose()
    queues.turn()
    found = [decode_message(body) for _, body, _ in consumer.got]
    bodies = [json.loads(message.body) for message in found]
    assert [(message.topic, body["status"]) for message, body in zip(found, bodies, strict=True)] == [
        (f"/as/mqtt/status/{FLEET}/{house.name(row)}", status)
        for row, status in ((3, "offline"), (5, "offline"), (5, "online"), (7, "online"), (7, "offline"))
    ]
    # The same members in the same order as those of a vehicle with a connection of its own.
    assert list(bodies[0]) == list(bodies[4])
    assert list(bodies[2]) == list(bodies[3])
    assert bodies[0]["offlineReasonCode"] == 400
    assert bodies[0]["time"] == bodies[0]["lastTime"] == "2026-11-22 15:46:08.000"
    assert bodies[2]["utcTime"] == bodies[2]["utcLastTime"] == "2026-11-22T07:51:08.000Z"
    assert {message.generated_ms for message in found} == {NOW_MS}


def test_when_the_simulator_goes_only_those_go_that_were_there(house: FleetHouse) -> None:
    queues = Queues()
    groups = Groups(queues.clock)
    Forwarder(house.platform, groups).add_fleet(house.platform.registry.products[FLEET], NAMES)
    house.platform.operations.subscriptions.subscribe(OPERATOR, FLEET, ["status"], ["DEFAULT_GROUP"])
    group = groups.group("DEFAULT_GROUP")
    assert group is not None
    house.presence([3], online=False)
    house.simulator.lose()
    assert group.status().received == 1 + len(NAMES) - 1
    house.simulator = house.client("house|_ss=1|", username="house", password=b"pw", keep_alive_s=60)
    assert status_of(house, 3)[0] == "ONLINE"
    assert group.status().received == 2 * len(NAMES)


# What it is not told.


def test_a_synchronous_call_is_refused_as_offline(house: FleetHouse) -> None:
    synchronous = {"Identifier": "ReadDtc", "Args": "{}"}
    house.presence([3], online=False)
    call = {"RequestBase64Byte": "AQI=", "Timeout": 1000}
    assert house.call("RRpc", 3, **call)["RrpcCode"] == "OFFLINE"
    assert house.call("InvokeThingService", 3, **synchronous)["Success"] is False
    assert house.call("RRpc", 4, **call) == {"Waiting": True}
    assert [message.topic.split("/")[3] for message in house.downlinks()] == [house.name(4)]


@pytest.mark.parametrize(
    ("action", "more"),
    [
        ("SetDeviceProperty", SET),
        ("Pub", {"TopicFullName": "/shadow/get/{}", "MessageContent": "e30=", "Qos": 1}),
        ("InvokeThingService", {"Identifier": "HonkAndFlash", "Args": "{}"}),
    ],
)
def test_what_is_sent_meanwhile_does_not_reach_it(house: FleetHouse, action: str, more: dict[str, Any]) -> None:
    def asked(row: int) -> list[Publish]:
        named = {key: value.replace("{}", house.vehicle(row).identity) if key == "TopicFullName" else value
                 for key, value in more.items()}  # fmt: skip
        house.call(action, row, **named)
        return house.downlinks()

    assert len(asked(3)) == 1  # and so the broker knows its topic already
    house.presence([3], online=False)
    assert asked(3) == []
    assert len(asked(4)) == 1
    house.presence([3], online=True)
    assert len(asked(3)) == 1


def test_an_application_does_not_reach_it_either(house: FleetHouse) -> None:
    application = house.application()
    topic = f"/sys/{house.vehicle(3).identity}/thing/service/property/set"
    reached = []
    for online in (True, False, True):
        house.presence([3], online=online)
        application.send(Publish(topic, b"{}"))
        reached.append(len(house.downlinks()))
    assert reached == [1, 0, 1]


def test_a_refusal_is_in_the_device_log(house: FleetHouse) -> None:
    house.presence([3], online=False)
    house.call("SetDeviceProperty", 3, **SET)
    assert [(entry.device_name, entry.code) for entry in house.platform.log] == [(house.name(3), 9201)]


def test_desired_values_shadow_and_firmware_wait_for_it(house: FleetHouse) -> None:
    operations, vehicle = house.platform.operations, house.vehicle(3)
    house.presence([3], online=False)
    house.call("SetDeviceDesiredProperty", 3, Versions="{}", **SET)
    shadow = {"method": "update", "state": {"desired": {"color": "red"}}, "version": 1}
    house.call("UpdateDeviceShadow", 3, ShadowMessage=json.dumps(shadow), DeltaUpdate=1)
    upgrade = operations.firmware.offer(OPERATOR, vehicle, Firmware("2.0", 3, "http://host/x", "a" * 32))
    assert house.downlinks() == []
    assert upgrade.status is Status.QUEUED
    house.presence([3], online=True)
    (waited,) = house.downlinks()
    assert waited.topic == f"/shadow/get/{vehicle.identity}"
    assert b"red" in waited.payload
    # What else waits it asks for, as after any login.
    ask = {"id": "1", "version": "1.0", "params": ["charging:ChargeLimit"]}
    house.simulator.send(Publish(f"/sys/{vehicle.identity}/thing/property/desired/get", json.dumps(ask).encode()))
    (answer,) = house.downlinks()
    assert json.loads(answer.payload)["data"]["charging:ChargeLimit"]["value"] == 80
    inform = {"id": "2", "params": {"version": "1.0"}}
    house.simulator.send(Publish(f"/ota/device/inform/{vehicle.identity}", json.dumps(inform).encode()))
    assert [message.topic for message in house.downlinks()] == [f"/ota/device/upgrade/{vehicle.identity}"]


def test_a_job_waits_for_it(house: FleetHouse) -> None:
    device = {"productKey": FLEET, "deviceName": house.name(3)}
    target = json.dumps({"targetType": "DEVICE_LIST", "targetDevices": [device]})
    house.presence([3], online=False)
    made = house.call("CreateJob", JobName="a_job", Type="CUSTOM_JOB", JobDocument='{"do":"it"}', TargetConfig=target)
    assert made["Success"], made
    assert house.downlinks() == []
    house.presence([4], online=False)
    house.presence([4], online=True)
    assert house.downlinks() == []
    house.presence([3], online=True)
    assert [message.topic for message in house.downlinks()] == [f"/sys/{house.vehicle(3).identity}/thing/job/notify"]


# Who speaks for it.


def test_a_vehicle_that_logs_in_by_itself_comes_and_goes_with_that(house: FleetHouse) -> None:
    house.presence([3], online=False)
    house.call("SetDeviceProperty", 3, **SET)
    own = house.own_connection(3)
    assert status_of(house, 3)[0] == "ONLINE"
    house.presence([3], online=False)
    assert status_of(house, 3)[0] == "ONLINE"
    house.call("SetDeviceProperty", 3, **SET)
    assert len(own.messages()) == 1
    own.lose()
    house.presence([3], online=True)
    assert status_of(house, 3)[0] == "OFFLINE"


def test_a_presence_of_nobody_we_know_ends_the_connection(house: FleetHouse) -> None:
    house.presence([len(NAMES)], online=False)
    assert house.simulator.closed


def test_only_the_simulator_says_who_is_there(house: FleetHouse) -> None:
    application = house.application()
    application.feed(presence_packet(np.array([3]), online=False, time_ms=NOW_MS))
    assert application.closed
    assert status_of(house, 3)[0] == "ONLINE"
