"""Messages, properties and services for many devices in one call, and what a message carries beside its payload."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from jinqiao.gateway.broker.policy import Extras
from jinqiao.gateway.platform.errands import Errands
from jinqiao.gateway.platform.operations.messages import MAX_BROADCAST
from support.cloud_world import DN, PK, CloudWorld

OTHER = "tbox002"
MANY = {"DeviceName.1": DN, "DeviceName.2": OTHER}
TEXT = base64.b64encode(b"hi").decode()


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def code(answer: dict[str, Any]) -> str:
    found: str = answer["Code"]
    return found


def test_properties_of_many_are_set_with_an_id_for_each(world: CloudWorld) -> None:
    world.connect()
    world.connect(device_name=OTHER)
    answer = world.call("SetDevicesProperty", ProductKey=PK, **MANY, Items='{"DoorLock":1}')
    assert answer["Success"] is True
    assert [sent.topic for sent in world.sent] == [f"/sys/{PK}/{n}/thing/service/property/set" for n in (DN, OTHER)]
    bodies = [json.loads(sent.payload) for sent in world.sent]
    assert [body["params"] for body in bodies] == [{"DoorLock": 1}] * 2
    assert len({body["id"] for body in bodies}) == 2
    assert [sent.qos for sent in world.sent] == [1, 1]


def test_who_was_never_online_misses_it_and_the_log_says_so(world: CloudWorld) -> None:
    world.connect()
    assert world.call("SetDevicesProperty", ProductKey=PK, **MANY, Items='{"DoorLock":1}', Qos=0)["Success"] is True
    assert [(sent.topic.split("/")[3], sent.qos) for sent in world.sent] == [(DN, 0)]
    assert [(entry.device_name, entry.code) for entry in world.platform.log] == [(OTHER, 9200)]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"Items": '{"nothing":1}'}, "iot.device.SetDevicePropertyFailed"),
        ({"Items": "{}"}, "iot.device.SetDevicePropertyFailed"),
        ({"Items": "[]"}, "iot.check.InvalidFormattedParameter"),
        ({"DeviceName.2": "nobody"}, "iot.device.NotExistedDevice"),
        ({"DeviceName.1": "", "DeviceName.2": ""}, "iot.device.NotExistedDevice"),
        ({"Qos": 2}, "InvalidParameter"),
    ],
)
def test_of_many_all_are_asked_or_none(world: CloudWorld, wrong: dict[str, Any], expected: str) -> None:
    world.connect()
    world.connect(device_name=OTHER)
    arguments = {"ProductKey": PK, **MANY, "Items": '{"DoorLock":1}', **wrong}
    assert code(world.call("SetDevicesProperty", **arguments)) == expected
    assert world.sent == []


@pytest.mark.parametrize("action", ["SetDevicesProperty", "InvokeThingsService", "BatchPub"])
def test_a_hundred_devices_are_the_most(world: CloudWorld, action: str) -> None:
    more = {"Items": '{"DoorLock":1}', "Identifier": "Honk", "MessageContent": TEXT, "TopicShortName": "get"}
    names = {f"DeviceName.{n}": f"d{n}" for n in range(101)}
    assert code(world.call(action, ProductKey=PK, **names, **more)) == "InvalidParameter"
    assert code(world.call(action, ProductKey=PK, **more)) == "iot.device.NoneDeviceNameElement"


@pytest.mark.parametrize(
    ("service", "args"), [("battery:Precondition", {"Target": 20}), ("Unlock", {"Door": 1})], ids=["async", "sync"]
)
def test_a_service_of_many_is_called_and_nobody_waits(world: CloudWorld, service: str, args: dict[str, Any]) -> None:
    world.connect()
    world.connect(device_name=OTHER)
    assert world.call("InvokeThingsService", ProductKey=PK, **MANY, Identifier=service, Args=args)["Success"] is True
    assert [sent.topic for sent in world.sent] == [f"/sys/{PK}/{n}/thing/service/{service}" for n in (DN, OTHER)]
    for wrong in ({"Identifier": "no"}, {"Args": {}}, {"Args": {"Target": "x", "Door": "x"}}):
        arguments = {"ProductKey": PK, **MANY, "Identifier": service, "Args": args, **wrong}
        assert code(world.call("InvokeThingsService", **arguments)) == "iot.device.InvokeThingServiceFailed"
    assert len(world.sent) == 2


def test_a_message_to_many_goes_to_the_custom_topic_of_each(world: CloudWorld) -> None:
    assert world.call("BatchPub", ProductKey=PK, **MANY, MessageContent=TEXT, TopicShortName="get", Qos=1)["Success"]
    assert [(sent.topic, sent.payload, sent.qos) for sent in world.sent] == [
        (f"/{PK}/{name}/user/get", b"hi", 1) for name in (DN, OTHER)
    ]
    world.sent.clear()
    template = f"/{PK}/${{deviceName}}/user/a/b"
    assert world.call("BatchPub", ProductKey=PK, **MANY, MessageContent=TEXT, TopicTemplateName=template)["Success"]
    assert [sent.topic for sent in world.sent] == [f"/{PK}/{name}/user/a/b" for name in (DN, OTHER)]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ({}, "iot.messagebroker.NullTopicName"),
        ({"TopicShortName": "a/#"}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"TopicShortName": "/a"}, "iot.messagebroker.InvalidFormattedTopicName"),
        (
            {"TopicTemplateName": "/sys/x/${deviceName}/thing/service/property/set"},
            "iot.messagebroker.InvalidFormattedTopicName",
        ),
    ],
)
def test_topics_that_are_not_custom_ones_are_refused(world: CloudWorld, topic: dict[str, str], expected: str) -> None:
    assert code(world.call("BatchPub", ProductKey=PK, **MANY, MessageContent=TEXT, **topic)) == expected
    assert world.sent == []


def test_a_message_carries_what_mqtt_5_has(world: CloudWorld) -> None:
    more = {
        "Retained": "true",
        "UserProp.1.Key": "a",
        "UserProp.1.Value": "1",
        "UserProp.2.Key": "a",
        "ResponseTopic": f"/{PK}/{DN}/user/answer",
        "CorrelationData": base64.b64encode(b"\x01\x02").decode(),
        "ContentType": "text/plain",
        "PayloadFormatIndicator": 1,
        "MessageExpiryInterval": 60,
    }
    topic = f"/{PK}/{DN}/user/get"
    assert world.call("Pub", ProductKey=PK, TopicFullName=topic, MessageContent=TEXT, **more)["Success"] is True
    (sent,) = world.sent
    answer = f"/{PK}/{DN}/user/answer".encode()
    assert sent.extras == Extras(
        "account testAccessKeyId",
        True,
        b"\x01\x01\x03\x00\x0atext/plain\x08\x00"
        + bytes([len(answer)])
        + answer
        + b"\x09\x00\x02\x01\x02\x26\x00\x01a\x00\x011\x26\x00\x01a\x00\x00",
        60,
    )


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"Retained": "perhaps"}, "InvalidParameter"),
        ({"UserProp.1.Value": "x"}, "InvalidParameter"),
        ({f"UserProp.{n}.Key": "k" for n in range(21)}, "iot.messagebroker.PublishMessageFailed"),
        ({"ContentType": "x" * 129}, "iot.messagebroker.PublishMessageFailed"),
        ({"ResponseTopic": "a/+"}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"CorrelationData": "%"}, "iot.messagebroker.MessageContentIsNotBase64Encode"),
        ({"MessageExpiryInterval": 604_801}, "InvalidParameter"),
    ],
)
def test_what_mqtt_5_cannot_have_is_refused(world: CloudWorld, wrong: dict[str, str], expected: str) -> None:
    topic = f"/{PK}/{DN}/user/get"
    assert code(world.call("Pub", ProductKey=PK, TopicFullName=topic, MessageContent=TEXT, **wrong)) == expected
    assert world.sent == []


def test_only_custom_topics_are_retained(world: CloudWorld) -> None:
    topic = f"/broadcast/{PK}/all"
    arguments = {"ProductKey": PK, "TopicFullName": topic, "MessageContent": TEXT}
    assert world.call("Pub", **arguments)["Success"] is True
    assert code(world.call("Pub", **arguments, Retained="true")) == "iot.messagebroker.InvalidFormattedTopicName"


def test_a_broadcast_without_a_topic_reaches_who_is_online_on_its_own_topic(world: CloudWorld) -> None:
    world.connect()
    answer = world.call("PubBroadcast", ProductKey=PK, MessageContent=TEXT)
    assert [sent.topic for sent in world.sent] == [f"/sys/{PK}/{DN}/broadcast/request/{answer['MessageId']}"]
    large = base64.b64encode(b"x" * (MAX_BROADCAST + 1)).decode()
    assert (
        code(world.call("PubBroadcast", ProductKey=PK, MessageContent=large))
        == "iot.messagebroker.PublishMessageFailed"
    )
    for topic in (f"/broadcast/{PK}/", "/broadcast/other/x", f"/broadcast/{PK}/+"):
        answer = world.call("PubBroadcast", ProductKey=PK, MessageContent=TEXT, TopicFullName=topic)
        assert code(answer) == "iot.messagebroker.InvalidFormattedTopicName"


def test_one_broadcast_to_all_follows_the_other(world: CloudWorld) -> None:
    loop = Loop()
    world.platform.parts.errands.begin(loop.call_later)
    world.connect()
    for expected in (0, 1):
        assert world.call("PubBroadcast", ProductKey=PK, MessageContent=TEXT)["Success"] is True
        assert code(world.call("PubBroadcast", ProductKey=PK, MessageContent=TEXT)) == "iot.messagebroker.RateLimit"
        assert len(world.sent) == expected
        while len(world.platform.parts.errands) and loop.go():
            pass
    assert len(world.sent) == 2


# Work over many devices.


class Loop:
    """An event loop by hand: what is called later, in order of time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.calls: list[tuple[float, Any]] = []

    def call_later(self, delay_s: float, call: Any) -> None:
        self.calls.append((self.now_s + delay_s, call))

    def go(self) -> bool:
        if not self.calls:
            return False
        self.calls.sort(key=lambda one: one[0])
        self.now_s, call = self.calls.pop(0)
        call()
        return True


def test_work_over_many_is_done_in_slices_that_take_turns() -> None:
    loop, done = Loop(), []
    clock = iter(range(10_000))
    errands = Errands(lambda: next(clock))  # each look at the clock is a second: one step a slice
    errands.begin(loop.call_later)

    def work(name: str, steps: int) -> Any:
        for step in range(steps):
            done.append((name, step))
            yield 0

    errands.run(work("a", 3))
    errands.run(work("b", 2))
    assert done == []
    while loop.go():
        pass
    assert done == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]
    assert len(errands) == 0


def test_work_may_rest_and_a_failure_costs_only_itself() -> None:
    loop, done = Loop(), []
    errands = Errands()
    errands.begin(loop.call_later)

    def resting() -> Any:
        done.append(loop.now_s)
        yield 60
        done.append(loop.now_s)

    def failing() -> Any:
        yield 0
        raise ValueError

    errands.run(failing())
    errands.run(resting())
    while loop.go():
        pass
    assert len(done) == 2
    assert done[1] - done[0] >= 60
    errands.run(resting())
    errands.end()
    while loop.go():
        pass
    assert len(done) == 2


def test_without_a_loop_work_is_done_at_once() -> None:
    done = []

    def work() -> Any:
        done.append(1)
        yield 60
        done.append(2)

    Errands().run(work())
    assert done == [1, 2]
