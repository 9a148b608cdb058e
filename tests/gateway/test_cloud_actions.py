"""Actions of the cloud side on a platform without sockets: what they answer, send, keep and refuse."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.openapi.actions import ACTIONS
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.events import Registered
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Application
from jinqiao.wire.alink.codes import TEXT
from support.cloud_world import DN, NOW_MS, PK, CloudWorld
from support.openapi import signed_query

S = f"/sys/{PK}/{DN}"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def refusal(answer: dict[str, Any]) -> str:
    assert answer["Success"] is False
    assert answer["ErrorMessage"]
    code: str = answer["Code"]
    return code


# What all actions have in common.

#: What is about no product in particular: an account finds there what it sees.
OF_THE_ACCOUNT = {
    "BatchUpdateDeviceNickname",
    "CreateConsumerGroup",
    "CreateProduct",
    "QueryConsumerGroupList",
    "CreateDeviceGroup",
    "CreateJob",
    "ListJob",
    "ListRule",
    "QueryDeviceByTags",
    "QueryDeviceGroupByTags",
    "QueryDeviceGroupList",
    "QueryDeviceStatistics",
    "QueryProductList",
}
#: What may be called without parameters.
WITHOUT = {"QueryDeviceGroupList", "QueryDeviceStatistics"}


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - WITHOUT))
def test_without_parameters_an_action_is_refused(world: CloudWorld, action: str) -> None:
    body = world.read(world.dispatch(action))
    assert body.get("Success") is not True
    assert body["Code"]
    assert not world.sent
    assert not world.kept


@pytest.mark.parametrize("action", sorted(name for name, row in ACTIONS.items() if "device!" in row.parameters))
def test_whose_device_it_is(world: CloudWorld, action: str) -> None:
    def code(**who: str) -> str:
        return refusal(world.read(world.dispatch(action, **who)))

    assert code(ProductKey="") == "iot.prod.NullProductKey"
    assert code(ProductKey="none") == "iot.prod.NotExistedProduct"
    assert code(ProductKey=PK) == "iot.device.NullDeviceName"
    assert code(ProductKey=PK, DeviceName="none") == "iot.device.NotExistedDevice"
    assert code(IotId="none", ProductKey=PK, DeviceName=DN) == "iot.device.InvalidIoTId"


FILLED = {
    "Items": "{}",
    "ErrorActionFlag": "false",
    "Topic": "",
    "TopicType": "1",
    "DataType": "JSON",
    "MessageContent": b64(b"x"),
    "RequestBase64Byte": b64(b"x"),
    "Asc": "1",
    "PageSize": "1",
    "Operation": "ALL",
}


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("action", sorted(set(ACTIONS) - OF_THE_ACCOUNT))
def test_a_key_does_not_reach_products_that_are_not_its_own(world: CloudWorld, action: str, by_id: bool) -> None:
    """Asked with everything that the action takes; what the key does not see does not exist for it."""
    registry = world.platform.registry
    registry.access_keys["testAccessKeyId"] = replace(
        registry.access_keys["testAccessKeyId"], products=frozenset({"a1subPK0001"})
    )
    topic = f"/{PK}/{DN}/user/get"
    known = {name: FILLED.get(name, topic if "Topic" in name else "1") for name in ACTIONS[action].known}
    known |= {f"{name}.1": "1" for name, row in ACTIONS[action].known.items() if row.listed}
    who = {"IotId": iot_id(PK, DN), "IotId.1": iot_id(PK, DN)} if by_id else {"DeviceName": DN, "DeviceName.1": DN}
    answer = world.read(world.dispatch(action, **{**known, "IotId": "", "ProductKey": PK, **who}))
    unknown = {
        "iot.prod.NotExistedProduct",
        "iot.device.InvalidIoTId",
        "iot.device.NotExistedDevice",
        "iot.file.FileNotFound",
        "iot.device.DeviceApplyIsNotFound",
        "iot.group.NotExistedGroup",
        "iot.messagebroker.TopicTemplateIsNotFound",
        "iot.ota.FirmwareNotFound",
        "iot.ota.JobNotFound",
        "iot.ota.TaskNotFound",
        "iot.job.JobNotFound",
        "iot.job.TaskNotFound",
        "iot.consumergroup.NotExistedConsumerGroup",
        "iot.rule.NotFoundRule",
        "iot.rule.NotFoundRuleAction",
    }
    assert refusal(answer) in unknown
    assert not world.sent
    assert not world.kept
    assert "secret0123456789" not in json.dumps(answer)


def test_a_key_lists_its_own_products_alone(world: CloudWorld) -> None:
    registry = world.platform.registry
    registry.access_keys["testAccessKeyId"] = replace(registry.access_keys["testAccessKeyId"], products=frozenset({PK}))
    assert len(registry.products) > 1
    listed = world.read(world.dispatch("QueryProductList", CurrentPage="1", PageSize="200"))["Data"]
    assert [row["ProductKey"] for row in listed["List"]["ProductInfo"]] == [PK]
    assert listed["Total"] == 1


def test_a_key_with_products_reaches_those(world: CloudWorld) -> None:
    registry = world.platform.registry
    registry.access_keys["testAccessKeyId"] = replace(registry.access_keys["testAccessKeyId"], products=frozenset({PK}))
    assert world.call("QueryDeviceDetail")["Data"]["DeviceSecret"]


def test_a_key_that_only_reads_changes_nothing(world: CloudWorld) -> None:
    keys = world.platform.registry.access_keys
    keys["testAccessKeyId"] = replace(keys["testAccessKeyId"], read_only=True)
    assert world.call("QueryDeviceDetail")["Success"]
    for action in ACTIONS.values():
        response = world.dispatch(action.name)
        refused = isinstance(response, Response) and json.loads(response.body).get("Code") == "Forbidden.RAM"
        assert refused is not action.reads, action.name
    assert {name for name in ACTIONS if name.startswith(("Batch", "Get"))} >= {"BatchPub", "GetDeviceStatus"}
    assert not ACTIONS["BatchPub"].reads
    assert not world.kept
    assert not world.sent


@pytest.mark.parametrize(("products", "success"), [(None, True), (frozenset({PK}), True), (frozenset(), False)])
def test_an_applications_credentials_are_an_access_key(
    world: CloudWorld, products: frozenset[str] | None, success: bool
) -> None:
    world.platform.registry.applications["backend"] = Application("backend", "pw", products)
    arguments = {"ProductKey": PK, "DeviceName": DN}
    query = signed_query("GetDeviceStatus", arguments, key=("backend", "pw"))
    assert world.read(world.cloud.dispatch(Request("POST", "/", query)))["Success"] is success
    wrong = signed_query("GetDeviceStatus", arguments, key=("backend", "no"))
    assert world.read(world.cloud.dispatch(Request("POST", "/", wrong)))["Code"] == "SignatureDoesNotMatch"


def test_an_iot_id_wins(world: CloudWorld) -> None:
    answer = world.call("QueryDeviceDetail", IotId=iot_id(PK, "tbox002"), ProductKey=PK, DeviceName=DN)
    assert answer["Data"]["DeviceName"] == "tbox002"


@pytest.mark.parametrize(("action", "code"), [("NoSuch", "InvalidAction.NotFound"), ("", "MissingAction")])
def test_unknown_actions(world: CloudWorld, action: str, code: str) -> None:
    response = world.dispatch(action)
    assert isinstance(response, Response)
    assert response.status in {400, 404}
    assert json.loads(response.body)["Code"] == code


def test_another_version_is_refused(world: CloudWorld) -> None:
    response = world.dispatch("GetDeviceStatus", Version="2017-04-20")
    assert json.loads(response.body)["Code"] == "InvalidVersion"  # type: ignore[union-attr]


def test_a_fault_of_the_house_is_told_as_such(world: CloudWorld, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("disk full")

    world.platform.events.subscribe(Registered, fail, before_ack=True)
    assert refusal(world.call("RegisterDevice", ProductKey=PK, DeviceName="x")) == "iot.system.SystemException"
    assert "RegisterDevice failed" in caplog.text
    assert world.platform.registry.device(PK, "x") is None  # what could not be kept has not happened


def test_lists_and_truth_in_xml(world: CloudWorld) -> None:
    query = signed_query(
        "BatchGetDeviceState",
        {"Format": "XML", "ProductKey": PK, "DeviceName.2": "tbox002", "DeviceName.1": DN},
    )
    response = world.cloud.dispatch(Request("POST", "/", query))
    assert isinstance(response, Response)
    text = response.body.decode()
    assert text.startswith("<?xml version='1.0' encoding='UTF-8'?><BatchGetDeviceStateResponse><RequestId>")
    assert "<Success>true</Success><DeviceStatusList><DeviceStatus><DeviceId>" in text
    assert text.index(f"<DeviceName>{DN}<") < text.index("<DeviceName>tbox002<")
    assert text.count("</DeviceStatus>") == 2


# Devices.


def test_a_device_is_registered_and_kept_before_it_is_told(world: CloudWorld) -> None:
    data = world.call("RegisterDevice", ProductKey=PK, DeviceName="new", Nickname="金")["Data"]
    assert data["DeviceSecret"] == world.device(PK, "new").secret
    assert data["IotId"] == iot_id(PK, "new")
    assert ("device", f"{PK}/new", {"secret": data["DeviceSecret"]}, "") in world.kept
    assert world.call("QueryDeviceDetail", IotId=data["IotId"])["Data"]["Nickname"] == "金"
    assert world.call("GetDeviceStatus", IotId=data["IotId"])["Data"]["Status"] == "UNACTIVE"
    assert (
        refusal(world.call("RegisterDevice", ProductKey=PK, DeviceName="new")) == "iot.device.AlreadyExistedDeviceName"
    )
    assert (
        refusal(world.call("RegisterDevice", ProductKey=PK, DeviceName="a/b"))
        == "iot.device.InvalidFormattedDeviceName"
    )
    assert world.call("RegisterDevice", ProductKey=PK)["Data"]["DeviceName"]


def test_a_device_that_takes_the_place_of_another_is_found_by_its_id() -> None:
    world = CloudWorld()
    for name in ("first", "second", "first"):
        iot = world.call("RegisterDevice", ProductKey=PK, DeviceName=name)["Data"]["IotId"]
        assert world.call("QueryDeviceDetail", IotId=iot)["Data"]["DeviceName"] == name
        assert world.call("DeleteDevice", IotId=iot)["Success"]
        assert world.call("QueryDeviceDetail", IotId=iot)["Code"] == "iot.device.InvalidIoTId"


def test_status_follows_the_connection(world: CloudWorld) -> None:
    principal = world.connect()
    assert world.call("GetDeviceStatus")["Data"] == {"Status": "ONLINE", "Timestamp": NOW_MS}
    world.now_ms += 1_000
    world.platform.disconnected(principal)
    assert world.call("GetDeviceStatus")["Data"] == {"Status": "OFFLINE", "Timestamp": NOW_MS + 1_000}
    detail = world.call("QueryDeviceDetail")["Data"]
    assert detail["IpAddress"] == "192.0.2.7"
    assert (detail["UtcActive"], detail["GmtActive"]) == ("2026-11-22T07:45:08.123Z", "2026-11-22 15:45:08")


def test_a_device_is_disabled_enabled_deleted(world: CloudWorld) -> None:
    world.connect()
    assert world.call("DisableThing")["Success"]
    assert world.closed == [f"{PK}/{DN}"]
    assert world.call("GetDeviceStatus")["Data"]["Status"] == "DISABLE"
    with pytest.raises(Exception, match="device disabled"):
        world.connect()
    assert world.call("EnableThing")["Success"]
    world.connect()
    assert world.call("DeleteDevice")["Success"]
    assert refusal(world.call("GetDeviceStatus")) == "iot.device.NotExistedDevice"
    assert ("device", f"{PK}/{DN}", {"deleted": True}, "") in world.kept


def test_a_batch_is_bounded(world: CloudWorld) -> None:
    many = {f"DeviceName.{n}": DN for n in range(1, 102)}
    assert world.call("BatchGetDeviceState", ProductKey=PK, **many)["Code"] == "InvalidParameter"
    assert refusal(world.call("BatchGetDeviceState", ProductKey=PK)) == "iot.device.NoneDeviceNameElement"


# Properties.


def test_a_set_is_sent_as_devices_read_it(world: CloudWorld) -> None:
    world.connect()
    message_id = world.call("SetDeviceProperty", Items={"DoorLock": 1})["Data"]["MessageId"]
    (downlink,) = world.sent
    assert (downlink.topic, downlink.qos) == (f"{S}/thing/service/property/set", 1)
    expected = {"method": "thing.service.property.set", "id": message_id, "params": {"DoorLock": 1}, "version": "1.0.0"}
    assert downlink.payload == json.dumps(expected, separators=(",", ":")).encode()
    assert 0 <= int(message_id) < 2**31


@pytest.mark.parametrize(
    ("items", "why"),
    [
        ({}, "no property"),
        ({"NoSuch": 1}, "NoSuch: tsl parse: params not exist"),
        ({"DoorLock": 2}, "DoorLock: tsl parse: bool must be 0 or 1"),
        ({"VehicleSpeed": 1.0}, "VehicleSpeed: the property is read-only"),
    ],
)
def test_what_cannot_be_set(world: CloudWorld, items: dict[str, Any], why: str) -> None:
    world.connect()
    answer = world.call("SetDeviceProperty", Items=items)
    assert refusal(answer) == "iot.device.SetDevicePropertyFailed"
    assert why in answer["ErrorMessage"]
    assert not world.sent


@pytest.mark.parametrize("items", ["[1]", "nonsense", '"x"', "[" * 5_000])
def test_items_that_are_no_object(world: CloudWorld, items: str) -> None:
    world.connect()
    # The product's refusal, with HTTP 200, for each parameter that is JSON.
    code = "iot.check.InvalidFormattedParameter"
    assert refusal(world.call("SetDeviceProperty", Items=items)) == code
    assert refusal(world.call("SetDeviceDesiredProperty", Items=items)) == code
    assert refusal(world.call("SetDeviceDesiredProperty", Items="{}", Versions=items)) == code
    assert refusal(world.call("InvokeThingService", Identifier="Unlock", Args=items)) == code


def test_a_device_that_was_never_there_cannot_be_set(world: CloudWorld) -> None:
    assert refusal(world.call("SetDeviceProperty", Items={"DoorLock": 1})) == "iot.device.InactiveDevice"


def test_a_set_to_an_offline_device_is_logged(world: CloudWorld) -> None:
    world.platform.disconnected(world.connect())
    assert world.call("SetDeviceProperty", Items={"DoorLock": 1})["Success"]
    assert [entry.code for entry in world.platform.log.of(PK, DN)] == [9201]


def test_last_values_are_those_that_were_accepted(world: CloudWorld) -> None:
    device = world.connect()
    payload = {"VehicleSpeed": 50.5, "StateOfCharge": "many", "TirePressure": [2.4, 2.5, 2.4, 2.4]}
    payload |= {"battery:MaxCellVoltage": {"value": 4.1, "time": NOW_MS - 5}}
    world.say(device, f"{S}/thing/event/property/post", json.dumps({"id": "1", "params": payload}).encode())
    listed = world.call("QueryDevicePropertyStatus")["Data"]["List"]["PropertyStatusInfo"]
    rows = {row["Identifier"]: row for row in listed}
    speed = {"Name": "Vehicle speed", "DataType": "float", "Unit": "km/h", "Value": "50.5", "Time": str(NOW_MS)}
    assert rows["VehicleSpeed"] == {"Identifier": "VehicleSpeed", **speed}
    assert rows["TirePressure"]["Value"] == "[2.4,2.5,2.4,2.4]"
    assert "Value" not in rows["StateOfCharge"]
    only = world.call("QueryDevicePropertyStatus", FunctionBlockId="battery")["Data"]["List"]["PropertyStatusInfo"]
    assert {row["Identifier"].partition(":")[0] for row in only} == {"battery"}
    assert next(row for row in only if row["Identifier"] == "battery:MaxCellVoltage")["Time"] == str(NOW_MS - 5)


def test_desired_properties_have_versions(world: CloudWorld) -> None:
    data = world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 80})["Data"]
    assert json.loads(data["Versions"]) == {"ChargeLimit": 1}
    assert not world.sent  # asked for when the device is there
    assert [kind for kind, *_ in world.kept] == ["desired"]
    world.connect()
    assert world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 90}, Versions={"ChargeLimit": 1})["Success"]
    assert json.loads(world.sent[-1].payload)["params"] == {"ChargeLimit": 90}
    conflict = world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 70}, Versions={"ChargeLimit": 1})
    assert refusal(conflict) == "iot.device.SetDevicePropertyFailed"
    assert world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 7}, Versions={"ChargeLimit": "x"})["Code"]
    wanted = {"Identifier.1": "ChargeLimit", "Identifier.2": "Nickname"}
    answer = world.call("QueryDeviceDesiredProperty", **wanted)
    (row,) = answer["Data"]["List"]["DesiredPropertyInfo"]
    assert (row["Value"], row["Version"], row["Time"]) == ("90", 2, str(NOW_MS))
    cleared = world.call("ClearDeviceDesiredProperty", **{"Identifies.1": "ChargeLimit", "Identifies.2": "Nickname"})
    assert json.loads(cleared["Data"]["Versions"]) == {"ChargeLimit": 2, "Nickname": 0}
    assert world.call("QueryDeviceDesiredProperty", **wanted)["Data"]["List"]["DesiredPropertyInfo"] == []
    assert json.loads(world.call("SetDeviceDesiredProperty", Items={"ChargeLimit": 60})["Data"]["Versions"]) == {
        "ChargeLimit": 3
    }
    assert world.call("ClearDeviceDesiredProperty")["Code"] == "MissingParameter"
    many = {f"Identifies.{n}": "ChargeLimit" for n in range(11)}
    assert world.call("ClearDeviceDesiredProperty", **many)["Code"] == "InvalidParameter"


# Services.


def test_an_asynchronous_service_is_answered_at_once(world: CloudWorld) -> None:
    world.connect()
    answer = world.call("InvokeThingService", Identifier="StartClimate", Args={"Target": 22.0, "Minutes": 10})
    (downlink,) = world.sent
    assert (downlink.topic, downlink.qos) == (f"{S}/thing/service/StartClimate", 1)
    assert json.loads(downlink.payload)["id"] == answer["Data"]["MessageId"]
    assert "Result" not in answer["Data"]


@pytest.mark.parametrize(("ext", "prefix"), [(0, f"{S}/rrpc/request/"), (1, "/ext/rrpc/"), (3, "/ext/rrpc/")])
def test_a_synchronous_service_takes_the_form_the_device_wants(world: CloudWorld, ext: int, prefix: str) -> None:
    device = world.connect(ext=ext)
    waiting = world.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    (downlink,) = world.sent
    assert downlink.topic.startswith(prefix)
    assert waiting.timeout_s == 8
    message_id = waiting.call.message_id
    assert len(message_id) == 19
    reply_topic = f"{S}/rrpc/response/{message_id}"
    if ext:
        assert downlink.topic == f"/ext/rrpc/{message_id}{S}/thing/service/Unlock"
        reply_topic = downlink.topic
    told: list[bool] = []
    waiting.call.when_answered(lambda: told.append(True))
    request_id = json.loads(downlink.payload)["id"]
    world.say(
        device,
        reply_topic,
        json.dumps({"id": request_id, "code": 200, "data": {"Result": 7, "Message": "open"}}).encode(),
    )
    assert told == [True]
    data = world.read(waiting.finish())["Data"]
    assert json.loads(data["Result"]) == {"Result": 7, "Message": "open"}
    waiting.close()
    assert len(world.platform.parts.calls) == 0


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, "iot.messagebroker.TIMEOUT"),
        (b"nonsense", "iot.device.InvokeThingServiceFailed"),
        (b'{"id":"1","code":100001,"message":"moving"}', "iot.device.InvokeThingServiceFailed"),
        (b'{"id":"1","code":200,"data":{"Result":"seven"}}', "iot.device.InvokeThingServiceFailed"),
    ],
)
def test_a_synchronous_service_that_fails(world: CloudWorld, answer: bytes | None, code: str) -> None:
    device = world.connect()
    waiting = world.wait("InvokeThingService", Identifier="Unlock", Args={"Door": 1})
    if answer is not None:
        world.say(device, f"{S}/rrpc/response/{waiting.call.message_id}", answer)
    assert refusal(world.read(waiting.finish())) == code


@pytest.mark.parametrize("args", [{"Door": "x"}, {"Door": 1, "More": 2}, {}])
def test_input_is_checked_before_it_is_sent(world: CloudWorld, args: dict[str, Any]) -> None:
    world.connect()
    assert (
        refusal(world.call("InvokeThingService", Identifier="Unlock", Args=args))
        == "iot.device.InvokeThingServiceFailed"
    )
    assert not world.sent


def test_unknown_services_and_offline_devices(world: CloudWorld) -> None:
    world.platform.disconnected(world.connect())
    assert refusal(world.call("InvokeThingService", Identifier="NoSuch")) == "iot.device.InvokeThingServiceFailed"
    assert (
        refusal(world.call("InvokeThingService", Identifier="Unlock", Args={"Door": 1})) == "iot.messagebroker.OFFLINE"
    )


# Answers of others.


def test_another_device_cannot_answer(world: CloudWorld) -> None:
    world.connect()
    neighbour = world.connect(device_name="tbox002")
    waiting = world.wait("RRpc", RequestBase64Byte=b64(b"ping"), Timeout=5000)
    message_id = waiting.call.message_id
    world.say(neighbour, f"/sys/{PK}/tbox002/rrpc/response/{message_id}", b"mine")
    assert not world.platform.may_publish(neighbour, f"{S}/rrpc/response/{message_id}")
    assert waiting.call.answer is None


def test_a_second_answer_and_an_answer_to_nothing_change_nothing(world: CloudWorld) -> None:
    device = world.connect()
    waiting = world.wait("RRpc", RequestBase64Byte=b64(b"ping"), Timeout=5000)
    for payload in (b"first", b"second"):
        world.say(device, f"{S}/rrpc/response/{waiting.call.message_id}", payload)
    world.say(device, f"{S}/rrpc/response/undefined", b"x")
    assert world.read(waiting.finish())["PayloadBase64Byte"] == b64(b"first")


# Messages.


def test_rrpc_on_a_custom_topic(world: CloudWorld) -> None:
    device = world.connect(ext=1)
    custom = f"/{PK}/{DN}/user/rrpc"
    waiting = world.wait("RRpc", RequestBase64Byte=b64(b"ping"), Timeout=1000, Topic=custom)
    assert waiting.timeout_s == 1
    (downlink,) = world.sent
    assert (downlink.topic, downlink.payload) == (f"/ext/rrpc/{waiting.call.message_id}{custom}", b"ping")
    world.say(device, downlink.topic, b"pong")
    body = world.read(waiting.finish())
    assert (body["Success"], body["RrpcCode"], body["PayloadBase64Byte"]) == (True, "SUCCESS", b64(b"pong"))
    assert str(body["MessageId"]) == waiting.call.message_id


def test_rrpc_tells_how_it_went(world: CloudWorld) -> None:
    assert world.call("RRpc", RequestBase64Byte=b64(b"ping"), Timeout=1000)["RrpcCode"] == "OFFLINE"
    world.connect()
    waiting = world.wait("RRpc", RequestBase64Byte=b64(b"ping"), Timeout=8000)
    body = world.read(waiting.finish())
    assert (body["Success"], body["RrpcCode"]) == (True, "TIMEOUT")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Timeout": "999"}, "iot.messagebroker.InvalidTimeoutValue"),
        ({"Timeout": "8001"}, "iot.messagebroker.InvalidTimeoutValue"),
        ({"Timeout": "x"}, "iot.messagebroker.InvalidTimeoutValue"),
        ({"RequestBase64Byte": "%%"}, "iot.messagebroker.MessageContentIsNotBase64Encode"),
        ({"RequestBase64Byte": ""}, "iot.messagebroker.NullMessageContent"),
        ({"Topic": f"/{PK}/tbox002/user/x"}, "iot.messagebroker.InvalidFormattedTopicName"),
        ({"Topic": f"/{PK}/{DN}/user/+"}, "iot.messagebroker.InvalidFormattedTopicName"),
    ],
)
def test_rrpc_is_read_with_care(world: CloudWorld, changed: dict[str, str], code: str) -> None:
    world.connect()
    assert refusal(world.call("RRpc", **{"RequestBase64Byte": "cGluZw==", "Timeout": "5000", **changed})) == code
    assert not world.sent


def test_pub_reaches_custom_topics_of_its_product_only(world: CloudWorld) -> None:
    def publish(topic: str, **more: Any) -> dict[str, Any]:
        return world.call("Pub", ProductKey=PK, TopicFullName=topic, MessageContent=b64(b"hello"), **more)

    assert int(publish(f"/{PK}/{DN}/user/get", Qos=1)["MessageId"]) > 10**18
    (downlink,) = world.sent
    assert (downlink.topic, downlink.payload, downlink.qos) == (f"/{PK}/{DN}/user/get", b"hello", 1)
    world.sent.clear()
    for topic in (
        "/a1subPK0001/subdev001/user/get",
        f"/{PK}/+/user/get",
        "other",
        f"{S}/thing/service/property/set",
        f"{S}/thing/event/property/post",
        f"{S}/thing/event/property/post_reply",
    ):
        assert refusal(publish(topic)) == "iot.messagebroker.InvalidFormattedTopicName"
    assert refusal(publish("")) == "iot.messagebroker.NullTopicName"
    assert publish(f"/{PK}/{DN}/user/get", Qos=2)["Code"] == "InvalidParameter"
    large = world.call("Pub", ProductKey=PK, TopicFullName=f"/{PK}/{DN}/user/get", MessageContent=b64(bytes(262_145)))
    assert refusal(large) == "iot.messagebroker.PublishMessageFailed"
    assert not world.sent


@pytest.mark.parametrize(
    ("action", "arguments", "path"),
    [
        ("SetDeviceProperty", {"Items": {"ChargeLimit": 80}}, "property/set"),
        ("SetDeviceDesiredProperty", {"Items": {"ChargeLimit": 80}}, "property/set"),
        ("InvokeThingService", {"Identifier": "StartClimate", "Args": {"Target": 20.0, "Minutes": 5}}, "StartClimate"),
    ],
)
def test_what_a_device_refuses_is_in_its_log(
    world: CloudWorld, action: str, arguments: dict[str, Any], path: str
) -> None:
    device, other = world.connect(), world.connect(PK, "tbox002")
    number = world.call(action, **arguments)["Data"]["MessageId"]
    topic, theirs = (f"/sys/{PK}/{name}/thing/service/{path}_reply" for name in (DN, "tbox002"))

    def answer(code: Any, request_id: str = number) -> bytes:
        return json.dumps({"id": request_id, "code": code, "data": {}, "message": "not now"}).encode()

    def log() -> list[tuple[str, int, str]]:
        return [(entry.topic, entry.code, entry.message) for entry in world.platform.log]

    world.say(device, topic, answer(460, "4000000000"))
    world.say(other, theirs, answer(460))
    world.say(device, f"/sys/{PK}/{DN}/thing/service/Another_reply", answer(460))
    assert log() == []  # replies to nothing that was asked of them there
    world.say(device, topic, b"no JSON")
    world.say(device, topic, answer(460))
    world.say(device, topic, answer(460))
    expected = [(topic, 6207, TEXT[6207]), (topic, 460, "the device answered 460: not now")]
    assert log() == expected
    world.call(action, **arguments)
    assert log() == expected


@pytest.mark.parametrize(("code", "logged"), [(200, []), (7, [500]), ("200", [500]), (None, [500]), ([1], [500])])
def test_which_answers_are_refusals(world: CloudWorld, code: Any, logged: list[int]) -> None:
    device = world.connect()
    number = world.call("SetDeviceProperty", Items={"ChargeLimit": 80})["Data"]["MessageId"]
    world.say(device, f"{S}/thing/service/property/set_reply", json.dumps({"id": number, "code": code}).encode())
    assert [entry.code for entry in world.platform.log] == logged


def test_broadcasts(world: CloudWorld) -> None:
    content = b64(b"all")
    assert world.call("PubBroadcast", ProductKey=PK, TopicFullName=f"/broadcast/{PK}/news", MessageContent=content)[
        "Success"
    ]
    assert world.sent[0].topic == f"/broadcast/{PK}/news"
    other = world.call("PubBroadcast", ProductKey=PK, TopicFullName="/broadcast/other/news", MessageContent=content)
    assert refusal(other) == "iot.messagebroker.InvalidFormattedTopicName"


def test_a_broadcast_without_a_topic_goes_to_whoever_is_online(world: CloudWorld) -> None:
    world.connect()
    world.platform.disconnected(world.connect(PK, "tbox002"))
    world.connect(*("a1gatePK001", "gw001"))
    answer = world.call("PubBroadcast", ProductKey=PK, MessageContent=b64(b"all"))
    assert [(sent.topic, sent.payload) for sent in world.sent] == [
        (f"{S}/broadcast/request/{answer['MessageId']}", b"all")
    ]
    # The vendor's C SDK never subscribes it.
    assert world.platform.pushed_to(world.sent[0].topic) == f"{PK}/{DN}"


# Shadow, thing model, tags, firmware.


def test_the_shadow_is_updated_and_told(world: CloudWorld) -> None:
    world.connect()
    message = {"method": "update", "state": {"desired": {"mode": "sport"}}, "version": 2}
    assert world.call("UpdateDeviceShadow", ShadowMessage=message, DeltaUpdate="true")["Success"]
    control = json.loads(world.sent[-1].payload)
    assert (control["method"], control["payload"]["state"]) == ("control", {"desired": {"mode": "sport"}})
    shadow = json.loads(world.call("GetDeviceShadow")["ShadowMessage"])
    assert (shadow["version"], shadow["payload"]["state"]) == (2, {"desired": {"mode": "sport"}})
    stale = world.call("UpdateDeviceShadow", ShadowMessage=message)
    assert refusal(stale) == "iot.messagebroker.UpdateDeviceShadowMessageFailed"
    assert stale["ErrorMessage"].startswith("409")
    assert refusal(world.call("UpdateDeviceShadow")) == "iot.messagebroker.NullShadowMessage"


def test_the_thing_model_is_the_file(world: CloudWorld) -> None:
    file = Path(__file__).parent.parent / "golden" / "acceptance" / "tsl.json"
    document = json.loads(file.read_text())
    assert json.loads(world.call("GetThingModelTsl")["Data"]["TslStr"]) == document
    block = json.loads(world.call("GetThingModelTsl", ProductKey=PK, FunctionBlockId="battery")["Data"]["TslStr"])
    assert block["functionBlockId"] == "battery"
    assert world.call("GetThingModelTsl", ProductKey=PK, FunctionBlockId="none")["Code"] == "InvalidParameter"


def test_tags_are_told(world: CloudWorld) -> None:
    world.state(PK, DN).tags["vin"] = "LSV"
    assert json.loads(world.call("QueryDeviceProp")["Props"]) == {"vin": "LSV"}


def test_firmware_is_offered_to_the_devices_that_run_the_source(world: CloudWorld) -> None:
    for name, version in ((DN, "1.0.0"), ("tbox002", "0.9.0")):
        world.connect(device_name=name)
        world.state(PK, name).versions["default"] = version
    image = {"FirmwareUrl": "https://h/x", "FirmwareSize": 14, "FirmwareSign": "ab" * 32, "SignMethod": "SHA256"}
    made = world.call("CreateOTAFirmware", ProductKey=PK, FirmwareName="x", DestVersion="1.1.0", Type=0, **image)
    firmware = made["Data"]["FirmwareId"]
    job = {"ProductKey": PK, "FirmwareId": firmware, "SrcVersion.1": "1.0.0", "TargetSelection": "ALL"}
    assert world.call("CreateOTAStaticUpgradeJob", **job)["Data"]["JobId"]
    (notice,) = world.sent
    assert notice.topic == f"/ota/device/upgrade/{PK}/{DN}"
    assert json.loads(notice.payload)["data"]["version"] == "1.1.0"
    assert [kind for kind, *_ in world.kept if kind in {"firmware", "ota"}] == ["firmware", "ota"]
    job["TargetSelection"] = "SPECIFIC"
    assert refusal(world.call("CreateOTAStaticUpgradeJob", **job)) == "iot.device.NoneDeviceNameElement"
    job |= {"FirmwareId": "none"}
    assert refusal(world.call("CreateOTAStaticUpgradeJob", **job)) == "iot.ota.FirmwareNotFound"


@pytest.mark.parametrize("sign", [None, "", "ab" * 31, "zz" * 32, "ab" * 16])
def test_firmware_without_its_digest_is_refused(world: CloudWorld, sign: str | None) -> None:
    image = {"FirmwareUrl": "https://h/x", "FirmwareSize": 14, "SignMethod": "SHA256"}
    if sign is not None:
        image["FirmwareSign"] = sign
    body = world.call("CreateOTAFirmware", ProductKey=PK, DestVersion="1.1.0", **image)
    assert body["Code"] in {"MissingParameter", "InvalidParameter"}
    assert "FirmwareSign" in (body.get("Message") or body["ErrorMessage"])
