"""Gateways and their sub-devices by cloud calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from jinqiao.gateway.platform.registry.record import iot_id
from support.cloud_world import CloudWorld

GATE, GW, SUB = "a1gatePK001", "gw001", "a1subPK0001"
SUBS = ("subdev001", "subdev002")
TOPO = {"ProductKey": GATE, "DeviceName": GW, "PageNo": 1, "PageSize": 10}


@pytest.fixture
def world() -> CloudWorld:
    world = CloudWorld()
    with world.platform.events.together():
        for name in SUBS:
            world.platform.parts.presence.bind(world.device(GATE, GW), world.device(SUB, name))
    world.kept.clear()
    return world


def sub_devices(world: CloudWorld) -> list[str]:
    rows = world.call("GetThingTopo", **TOPO)["Data"]["List"]["deviceInfo"]
    return [row["DeviceName"] for row in rows]


def test_a_gateways_sub_devices_are_listed_page_by_page(world: CloudWorld) -> None:
    data = world.call("GetThingTopo", **{**TOPO, "PageSize": 1, "PageNo": 2})["Data"]
    assert (data["Total"], data["PageCount"], data["PageSize"], data["CurrentPage"]) == (2, 2, 1, 2)
    row = {"IotId": iot_id(SUB, SUBS[1]), "ProductKey": SUB, "DeviceName": SUBS[1]}
    assert data["List"]["deviceInfo"] == [row]
    assert world.call("GetThingTopo", **{**TOPO, "PageSize": 51})["Code"] == "iot.common.InvalidPageParams"
    assert world.call("GetThingTopo", ProductKey=GATE, DeviceName=GW)["Code"] == "MissingParameter"


def test_of_a_gateway_an_account_sees_its_own_sub_devices(world: CloudWorld) -> None:
    keys = world.platform.registry.access_keys
    keys["testAccessKeyId"] = replace(keys["testAccessKeyId"], products=frozenset({GATE}))
    assert sub_devices(world) == []
    keys["testAccessKeyId"] = replace(keys["testAccessKeyId"], products=frozenset({SUB}))
    answer = world.call("GetGatewayBySubDevice", ProductKey=SUB, DeviceName=SUBS[0])
    assert answer["Code"] == "iot.device.NotExistedDevice"


def test_a_sub_devices_gateway(world: CloudWorld) -> None:
    data = world.call("GetGatewayBySubDevice", ProductKey=SUB, DeviceName=SUBS[0])["Data"]
    assert (data["ProductKey"], data["DeviceName"], data["iotId"]) == (GATE, GW, iot_id(GATE, GW))
    assert data["region"]
    answer = world.call("GetGatewayBySubDevice", ProductKey=GATE, DeviceName=GW)
    assert answer["Code"] == "iot.device.QueryTopoRelationFailed"


def test_a_sub_device_that_is_removed_leaves_and_its_gateway_hears_of_it(world: CloudWorld) -> None:
    assert world.call("RemoveThingTopo", ProductKey=SUB, DeviceName=SUBS[0])["Data"] is True
    assert sub_devices(world) == [SUBS[1]]
    (sent,) = world.sent
    assert sent.topic == f"/sys/{GATE}/{GW}/thing/topo/change"
    params = json.loads(sent.payload)["params"]
    assert params == {"status": 1, "subList": [{"productKey": SUB, "deviceName": SUBS[0]}]}
    assert [(row.kind, row.value) for row in world.kept] == [("gateway", "")]
    answer = world.call("RemoveThingTopo", ProductKey=SUB, DeviceName=SUBS[0])
    assert answer["Code"] == "iot.device.QueryTopoRelationFailed"


def test_of_a_gateway_all_sub_devices_are_removed_together(world: CloudWorld) -> None:
    assert world.call("RemoveThingTopo", ProductKey=GATE, DeviceName=GW)["Data"] is True
    assert sub_devices(world) == []
    (sent,) = world.sent
    assert [row["deviceName"] for row in json.loads(sent.payload)["params"]["subList"]] == list(SUBS)


def test_a_removal_that_cannot_be_kept_has_not_happened(world: CloudWorld) -> None:
    def refuse(event: Any) -> None:
        if event.device.name == SUBS[1]:
            raise OSError

    from jinqiao.gateway.platform.events import TopologyChanged

    world.platform.events.subscribe(TopologyChanged, refuse, before_ack=True)
    answer = world.call("RemoveThingTopo", ProductKey=GATE, DeviceName=GW)
    assert answer["Code"] == "iot.system.SystemException"
    assert sub_devices(world) == list(SUBS)
    assert world.sent == []


def test_a_gateway_is_asked_to_add(world: CloudWorld) -> None:
    listed = json.dumps([{"productKey": SUB, "deviceName": SUBS[0]}, {"IotId": iot_id(SUB, SUBS[1])}])
    answer = world.call("NotifyAddThingTopo", GwProductKey=GATE, GwDeviceName=GW, DeviceListStr=listed)
    (sent,) = world.sent
    body = json.loads(sent.payload)
    assert sent.topic == f"/sys/{GATE}/{GW}/thing/topo/add/notify"
    assert body["id"] == answer["Data"]["MessageId"]
    assert body["params"] == [{"productKey": SUB, "deviceName": name} for name in SUBS]
    assert world.kept == []


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("{", "iot.check.InvalidFormattedParameter"),
        ("[]", "iot.check.InvalidFormattedParameter"),
        ("[1]", "iot.check.InvalidFormattedParameter"),
        ('[{"productKey":1,"deviceName":"x"}]', "iot.check.InvalidFormattedParameter"),
        ('[{"productKey":"a1subPK0001","deviceName":"none"}]', "iot.device.NotExistedDevice"),
        ('[{"productKey":"a1gatePK001","deviceName":"gw001"}]', "iot.device.AddTopoRelationFailed"),
        (json.dumps([{}] * 31), "InvalidParameter"),
    ],
)
def test_lists_that_cannot_be_added_are_refused(world: CloudWorld, listed: str, expected: str) -> None:
    answer = world.call("NotifyAddThingTopo", GwProductKey=GATE, GwDeviceName=GW, DeviceListStr=listed)
    assert answer["Code"] == expected
    assert world.sent == []


@pytest.mark.parametrize(
    ("gateway", "expected"),
    [
        ({}, "iot.prod.NullProductKey"),
        ({"GwProductKey": GATE}, "iot.device.NullDeviceName"),
        ({"GwIotId": "x"}, "iot.device.InvalidIoTId"),
    ],
)
def test_which_gateway_it_is(world: CloudWorld, gateway: dict[str, str], expected: str) -> None:
    answer = world.read(world.dispatch("NotifyAddThingTopo", **gateway, DeviceListStr="[]"))
    assert answer["Code"] == expected
