"""What is forwarded to back ends: every kind with its topic and the keys of its body, in their order."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.platform.devices.ota import Firmware
from jinqiao.gateway.platform.events import MessageForwarded, PropertiesAccepted
from jinqiao.gateway.platform.registry.accounts import OPERATOR
from jinqiao.gateway.platform.registry.record import iot_id
from support.alink_house import DN, NOW_MS, PK, SUB_DN, SUB_PK, S, World
from support.cloud_world import CloudWorld
from support.sub_devices import signed

KEYS = json.loads((Path(__file__).parents[1] / "golden" / "forwarded_keys.json").read_text(encoding="utf-8"))
POST = f"{S}/thing/event/property/post"
FIRMWARE = Firmware("2.0.0", 10, "https://host/x", "00" * 32)


class Heard:
    """A platform, and what it forwards to somebody who wants some of it."""

    def __init__(self, wants: Callable[[str, str], bool] = lambda *_: True) -> None:
        self.world = World()
        self.messages: list[MessageForwarded] = []
        self.world.platform.events.subscribe(MessageForwarded, self.messages.append, before_ack=True)
        self.world.platform.parts.forwarded.wanted_by(wants)

    def take(self, kind: str, topic: str, keys: str) -> dict[str, Any]:
        """The one message that has come of a kind since it was asked last, checked against its golden keys."""
        (message,) = [message for message in self.messages if message.kind == kind]
        self.messages.clear()
        body: dict[str, Any] = json.loads(message.body)
        assert message.topic == topic
        assert list(body) == KEYS[keys]
        assert message.body == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
        assert json.loads(json.dumps(message.values, default=dict)) == body
        assert len(message.message_id) == 19
        assert message.generated_ms == NOW_MS
        return body


@pytest.fixture
def heard() -> Heard:
    return Heard()


def names(product_key: str = PK, device_name: str = DN) -> dict[str, str]:
    return {"iotId": iot_id(product_key, device_name), "productKey": product_key, "deviceName": device_name}


def test_a_property_post_to_the_letter(heard: Heard) -> None:
    device = heard.world.connect()
    heard.messages.clear()
    params = {"speed": 42.5, "soc": {"value": 80, "time": 1_795_333_507_413}, "Wings": {"value": 2, "time": 5}}
    heard.world.say(device, POST, {"id": "1", "version": "1.0", "params": params})
    (message,) = heard.messages
    assert message.topic == "/a1carPK0001/tbox001/thing/event/property/post"
    assert message.body.decode() == (
        f'{{"deviceType":"CustomCategory","iotId":"{iot_id(PK, DN)}","requestId":"1","checkFailedData":{{"Wings":'
        '{"value":2,"code":6320,"message":"tsl parse: params not exist"}},"productKey":"a1carPK0001",'
        '"gmtCreate":1795333508000,"deviceName":"tbox001","items":{"speed":{"value":42.5,"time":1795333508000},'
        '"soc":{"value":80,"time":1795333507413}}}'
    )
    assert list(message.values["checkFailedData"]["Wings"]) == KEYS["member of checkFailedData"]  # type: ignore[index]


@pytest.mark.parametrize("params", [{"value": {"level": 2, "wings": 1}, "time": 7}, {"level": 2, "wings": 1}])
def test_an_event_in_both_of_its_shapes(heard: Heard, params: Any) -> None:
    device = heard.world.connect()
    heard.messages.clear()
    heard.world.say(device, f"{S}/thing/event/collision/post", {"id": "2", "params": params})
    body = heard.take("device_data", f"/{PK}/{DN}/thing/event/collision/post", "event post")
    assert body == {
        **names(),
        "identifier": "collision",
        "name": "collision",
        "type": "alert",
        "requestId": "2",
        "gmtCreate": NOW_MS,
        "value": {"level": 2},
        "time": params.get("time", NOW_MS),
        "checkFailedData": {
            "wings": {"value": 1, "code": 6320, "message": body["checkFailedData"]["wings"]["message"]}
        },
    }


def test_a_device_comes_and_goes(heard: Heard) -> None:
    device = heard.world.connect()
    body = heard.take("status", f"/as/mqtt/status/{PK}/{DN}", "status online")
    local, utc = "2026-11-22 15:45:08.000", "2026-11-22T07:45:08.000Z"
    times = {"time": local, "utcTime": utc, "lastTime": local, "utcLastTime": utc}
    assert body == {"status": "online", **names(), **times, "clientIp": ""}
    heard.world.platform.disconnected(device)
    body = heard.take("status", f"/as/mqtt/status/{PK}/{DN}", "status offline")
    assert body == {"status": "offline", **names(), "offlineReasonCode": 400, **times, "clientIp": ""}


def test_another_login_puts_the_first_out_with_427(heard: Heard) -> None:
    heard.world.connect()
    heard.messages.clear()
    heard.world.connect()
    states = [(message.values or {})["status"] for message in heard.messages if message.kind == "status"]
    assert states == ["offline", "online"]
    assert (heard.messages[0].values or {})["offlineReasonCode"] == 427


@pytest.mark.parametrize(("action", "code"), [("disable", 522), ("delete", 521)])
def test_who_is_put_out_is_offline_for_that_reason(heard: Heard, action: str, code: int) -> None:
    principal = heard.world.connect()
    provisioning, device = heard.world.platform.parts.provisioning, heard.world.device()
    heard.messages.clear()
    if action == "delete":
        # A broker ends the connection before the platform has forgotten the device.
        carrier = heard.world.platform.parts.out._carrier
        carrier.end = lambda *_, **__: heard.world.platform.disconnected(principal)  # type: ignore[union-attr,method-assign]
        provisioning.delete(device)
    else:
        provisioning.set_disabled(device, True)
        heard.world.platform.disconnected(principal)
    (status,) = [message for message in heard.messages if message.kind == "status"]
    assert (status.values or {})["offlineReasonCode"] == code


def test_records_of_the_past_are_messages_of_their_own(heard: Heard) -> None:
    device = heard.world.connect()
    heard.messages.clear()
    identity = {"productKey": PK, "deviceName": DN}
    records = [{"speed": {"value": 1, "time": 5}}, {"speed": {"value": 2, "time": 6}}]
    events = [{"collision": {"value": {"level": 1}, "time": 7}}]
    params = [{"identity": identity, "properties": records, "events": events}]
    heard.world.request(device, "thing/event/property/history/post", params)
    first, second, event = heard.messages
    assert {message.kind for message in heard.messages} == {"history"}
    assert first.topic == second.topic == f"/{PK}/{DN}/thing/event/property/history/post"
    assert json.loads(second.body)["items"] == records[1]
    assert list(json.loads(second.body)) == KEYS["property post"]
    assert event.topic == f"/{PK}/{DN}/thing/event/collision/history/post"
    assert list(json.loads(event.body)) == KEYS["event post"]


def test_a_batch_is_one_message_of_properties_and_one_of_events(heard: Heard) -> None:
    device = heard.world.connect()
    heard.messages.clear()
    series = [{"value": 1.5, "time": 5}, {"value": 2.5, "time": 6}]
    events = [{"value": {"level": 1}, "time": 5}]
    params = {"properties": {"speed": series, "Wings": series}, "events": {"collision": events}}
    heard.world.request(device, "thing/event/property/batch/post", params)
    properties, happened = heard.messages
    assert properties.topic == f"/{PK}/{DN}/thing/event/property/batch/post"
    body = json.loads(properties.body)
    assert list(body) == KEYS["property post"]
    assert body["items"] == {"speed": series}
    assert body["checkFailedData"]["Wings"]["code"] == 6320
    assert happened.topic == f"/{PK}/{DN}/thing/event/batch/post"
    assert json.loads(happened.body)["items"] == {"collision": events}


def test_a_pack_is_forwarded_as_what_it_consists_of(heard: Heard) -> None:
    gateway = heard.world.connect()
    heard.world.request(gateway, "thing/topo/add", [signed()])
    heard.messages.clear()
    sub = {"identity": {"productKey": SUB_PK, "deviceName": SUB_DN}, "properties": {"Temperature": 20}}
    params = {"properties": {"speed": 1}, "events": {"collision": {"value": {"level": 1}}}, "subDevices": [sub]}
    heard.world.request(gateway, "thing/event/property/pack/post", params)
    assert [message.topic for message in heard.messages] == [
        f"/{PK}/{DN}/thing/event/property/post",
        f"/{PK}/{DN}/thing/event/collision/post",
        f"/{SUB_PK}/{SUB_DN}/thing/event/property/post",
    ]
    assert {json.loads(message.body)["requestId"] for message in heard.messages} == {"7"}


def test_the_answer_to_a_request(heard: Heard) -> None:
    device = heard.world.connect()
    message_id = heard.world.platform.operations.things.set_properties(OPERATOR, heard.world.device(), {"speed": 1})
    heard.messages.clear()
    reply = {"id": message_id, "code": 200, "data": {}}
    heard.world.say(device, f"{S}/thing/service/property/set_reply", reply)
    body = heard.take("device_data", f"/{PK}/{DN}/thing/downlink/reply/message", "downlink reply")
    expected = {"requestId": message_id, "code": 200, "message": "success", "data": {}}
    assert body == {"gmtCreate": NOW_MS, **names(), **expected, "topic": f"{S}/thing/service/property/set"}
    heard.world.say(device, f"{S}/thing/service/property/set_reply", reply)
    assert not heard.messages  # to nothing that was asked


def test_a_request_to_a_device_that_is_away_is_answered_9201(heard: Heard) -> None:
    heard.world.platform.disconnected(heard.world.connect())
    heard.messages.clear()
    heard.world.platform.operations.things.set_properties(OPERATOR, heard.world.device(), {"speed": 1})
    body = heard.take("device_data", f"/{PK}/{DN}/thing/downlink/reply/message", "downlink reply")
    assert body["code"] == 9201


def test_the_life_of_a_device(heard: Heard) -> None:
    provisioning, product = heard.world.platform.parts.provisioning, heard.world.device().product
    device = provisioning.register(product, "fresh")
    topic = f"/{PK}/fresh/thing/lifecycle"
    body = heard.take("lifecycle", topic, "lifecycle create")
    own = names(PK, "fresh")
    assert body == {"action": "create", **own, "deviceSecret": device.secret, "messageCreateTime": NOW_MS}
    for action, change in (
        ("disable", lambda: provisioning.set_disabled(device, True)),
        ("enable", lambda: provisioning.set_disabled(device, False)),
        ("delete", lambda: provisioning.delete(device)),
    ):
        change()
        assert heard.take("lifecycle", topic, "lifecycle") == {"action": action, **own, "messageCreateTime": NOW_MS}


def test_a_gateways_topology(heard: Heard) -> None:
    gateway = heard.world.connect()
    provisioning, sub = heard.world.platform.parts.provisioning, heard.world.device(SUB_PK, SUB_DN)
    for action, change in (
        ("add", lambda: heard.world.request(gateway, "thing/topo/add", [signed()])),
        ("disable", lambda: provisioning.set_disabled(sub, True)),
        ("enable", lambda: provisioning.set_disabled(sub, False)),
        ("remove", lambda: heard.world.platform.parts.presence.release(sub)),
    ):
        heard.messages.clear()
        change()
        body = heard.take("topo", f"/{PK}/{DN}/thing/topo/lifecycle", "topology")
        assert body == {
            "action": action,
            **{"gw" + name[0].upper() + name[1:]: value for name, value in names().items()},
            "devices": [names(SUB_PK, SUB_DN)],
            "messageCreateTime": NOW_MS,
        }


def test_a_list_of_found_sub_devices(heard: Heard) -> None:
    gateway = heard.world.connect()
    heard.world.request(gateway, "thing/list/found", [{"productKey": SUB_PK, "deviceName": "newcomer"}])
    body = heard.take("found", f"/{PK}/{DN}/thing/list/found", "list found")
    assert body["devices"] == [names(SUB_PK, "newcomer")]


def test_an_upgrade_and_the_version_that_proves_it(heard: Heard) -> None:
    device = heard.world.connect()
    heard.world.say(device, f"/ota/device/inform/{PK}/{DN}", {"id": 1, "params": {"version": "1.0.0"}})
    body = heard.take("version", f"/{PK}/{DN}/ota/version/post", "version")
    assert body == {**names(), "moduleName": "default", "moduleVersion": "1.0.0", "messageCreateTime": NOW_MS}
    heard.world.platform.operations.firmware.offer(OPERATOR, heard.world.device(), FIRMWARE, job_id="j", task_id="t")
    assert not heard.messages
    heard.world.say(device, f"/ota/device/inform/{PK}/{DN}", {"id": 1, "params": {"version": "2.0.0"}})
    body = heard.take("ota", f"/{PK}/{DN}/ota/upgrade", "upgrade")
    versions = {"srcVersion": "1.0.0", "destVersion": "2.0.0", "desc": "success", "jobId": "j", "taskId": "t"}
    assert body == {**names(), "status": "SUCCEEDED", "messageCreateTime": NOW_MS, **versions}
    heard.world.platform.operations.firmware.offer(OPERATOR, heard.world.device(), FIRMWARE)
    heard.world.say(device, f"/ota/device/progress/{PK}/{DN}", {"id": 1, "params": {"step": "-2", "desc": "no net"}})
    body = heard.take("ota", f"/{PK}/{DN}/ota/upgrade", "upgrade")
    assert (body["status"], body["desc"]) == ("FAILED", "no net")


def test_a_job_that_upgrades_devices_begins_and_is_over_with_its_last_task() -> None:
    world = CloudWorld()
    messages: list[MessageForwarded] = []
    world.platform.events.subscribe(MessageForwarded, messages.append, before_ack=True)
    world.platform.parts.forwarded.wanted_by(lambda _, kind: kind == "ota_job")
    product, operations = world.device().product, world.platform.operations
    package = operations.firmware.add(OPERATOR, product, FIRMWARE)
    job = operations.upgrades.create(OPERATOR, product, package, target="SPECIFIC", names=("tbox001", "tbox002"))

    def states() -> list[str]:
        found = [json.loads(message.body) for message in messages]
        assert all(list(body) == KEYS["upgrade job"] for body in found)
        assert {message.topic for message in messages} <= {f"/{package.id}/{job.id}/ota/job/status"}
        return [body["status"] for body in found]

    assert states() == ["IN_PROGRESS"]
    for name, expected in (("tbox001", ["IN_PROGRESS"]), ("tbox002", ["IN_PROGRESS", "COMPLETED"])):
        device = world.connect(device_name=name)
        inform = json.dumps({"id": 1, "params": {"version": "2.0.0"}}).encode()
        tuple(world.platform.receive(device, f"/ota/device/inform/{PK}/{name}", inform))
        assert states() == expected


def test_tags(heard: Heard) -> None:
    device = heard.world.connect()
    heard.world.request(device, "thing/deviceinfo/update", [{"attrKey": "vin", "attrValue": "LSV1"}])
    topic = f"/{PK}/{DN}/thing/deviceinfo/update"
    body = heard.take("tags", topic, "tags")
    value = [{"attrKey": "vin", "attrValue": "LSV1"}]
    expected = {"deletedAttrKeyList": [], "value": value, "messageCreateTime": NOW_MS}
    assert body == {"action": "UPDATE", **names(), **expected}
    heard.world.request(device, "thing/deviceinfo/delete", [{"attrKey": "vin"}])
    body = heard.take("tags", topic, "tags")
    assert (body["action"], body["deletedAttrKeyList"], body["value"]) == ("DELETE", ["vin"], [])


def test_the_payload_of_a_custom_topic_is_untouched(heard: Heard) -> None:
    device = heard.world.connect()
    heard.messages.clear()
    assert heard.world.platform.handles(f"/{PK}/{DN}/user/update")
    heard.world.say(device, f"/{PK}/{DN}/user/update", b'\xff{ "a" : 1')
    (message,) = heard.messages
    assert (message.topic, message.body, message.values) == (f"/{PK}/{DN}/user/update", b'\xff{ "a" : 1', None)


def test_custom_topics_are_looked_at_only_where_somebody_wants_them() -> None:
    wanted: set[str] = set()
    heard = Heard(lambda product_key, kind: kind == "device_data" and product_key in wanted)
    device = heard.world.connect()
    assert not heard.world.platform.handles(f"/{PK}/{DN}/user/update")
    heard.world.say(device, f"/{PK}/{DN}/user/update", b"1")
    wanted.add(PK)
    heard.world.reconsidered.clear()
    heard.world.platform.parts.forwarded.reconsider()
    assert heard.world.reconsidered == ["*"]  # brokers ask again
    assert heard.world.platform.handles(f"/{PK}/{DN}/user/update")
    heard.world.say(device, f"/{PK}/{DN}/user/update", b"2")
    assert [message.body for message in heard.messages] == [b"2"]


def test_while_nobody_wants_anything_no_message_is_announced_or_built() -> None:
    wanted: set[str] = set()
    world = World()
    events, forwarded = world.platform.events, world.platform.parts.forwarded
    forwarded.wanted_by(lambda product_key, _: product_key in wanted)
    assert not events.waits(PropertiesAccepted)
    for product_key in (PK, ""):
        wanted.add(product_key)
        forwarded.reconsider()
        assert events.waits(PropertiesAccepted)
        wanted.clear()
        forwarded.reconsider()
        assert not events.waits(PropertiesAccepted)


def test_a_foreign_product_and_an_unwanted_kind_are_not_forwarded() -> None:
    heard = Heard(lambda product_key, kind: (product_key, kind) == (SUB_PK, "device_data"))
    device = heard.world.connect()
    heard.world.say(device, POST, {"id": "1", "params": {"speed": 1}})
    sub = heard.world.connect(SUB_PK, SUB_DN)
    heard.world.say(sub, f"/sys/{SUB_PK}/{SUB_DN}/thing/event/property/post", {"id": "1", "params": {"Temperature": 1}})
    assert [message.topic for message in heard.messages] == [f"/{SUB_PK}/{SUB_DN}/thing/event/property/post"]


def test_a_message_over_another_protocol_is_forwarded(heard: Heard) -> None:
    payload = json.dumps({"id": "1", "params": {"speed": 1}}).encode()
    assert heard.world.platform.take_without_mqtt(heard.world.device(), POST, payload)
    heard.take("device_data", f"/{PK}/{DN}/thing/event/property/post", "property post")


@pytest.mark.parametrize(
    ("suffix", "params"),
    [
        ("event/property/post", {"speed": 5}),
        ("event/property/batch/post", {"properties": {"speed": [{"value": 5, "time": 5}]}}),
        ("event/property/pack/post", {"properties": {"speed": 5}, "events": {}}),
        ("deviceinfo/update", [{"attrKey": "vin", "attrValue": "LSV1"}]),
    ],
)
def test_what_cannot_be_kept_for_a_back_end_is_refused_and_has_not_happened(suffix: str, params: Any) -> None:
    world = World()
    later: list[object] = []

    def full(_: MessageForwarded) -> None:
        raise EnvironmentFault("the disk is full")

    world.platform.events.subscribe(MessageForwarded, full, before_ack=True)
    world.platform.events.subscribe((MessageForwarded, PropertiesAccepted), later.append)
    world.platform.parts.forwarded.wanted_by(lambda _, kind: kind != "status")
    device = world.connect()
    assert world.request(device, f"thing/{suffix}", params)["code"] == 500
    assert not world.state().properties.last
    assert not world.state().tags
    assert not later


def test_who_listens_afterwards_hears_of_the_message_when_its_change_is_made(heard: Heard) -> None:
    seen: list[Any] = []
    heard.world.platform.events.subscribe(
        MessageForwarded, lambda _: seen.append(dict(heard.world.state().properties.last))
    )
    device = heard.world.connect()
    seen.clear()
    heard.world.say(device, POST, {"id": "1", "params": {"speed": 1}})
    assert seen == [{"speed": (1, NOW_MS)}]
