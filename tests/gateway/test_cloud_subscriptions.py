"""Consumer groups and subscribe relations by cloud calls: names and types as the vendor's SDK (5.1.0) reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jinqiao.gateway.openapi.cloud import Cloud
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.forwarded.kinds import KINDS
from jinqiao.gateway.platform.operations.subscriptions import MOST_GROUPS_OF_PRODUCT
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.platform.registry.devices import ListedDevices
from jinqiao.gateway.platform.registry.registry import ConsumerGroup, Product, Registry
from jinqiao.gateway.platform.subscriptions.queues import ClientStatus, QueueStatus
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from jinqiao.wire.alink.thing_model import ThingModel
from support.openapi import ACCESS_KEY, clock_ms, signed_query

NOW_MS = 1_795_333_508_123
PK, OTHER = "a1carPK0001", "a1subPK0002"
ALL, OURS, THEIRS = ACCESS_KEY, ("ours", "secret of ours"), ("theirs", "secret of theirs")
FLAGS = dict.fromkeys(KINDS.values(), False)


class Queues:
    """What a queue would say; what was cleared is noted."""

    def __init__(self) -> None:
        self.cleared: list[str] = []
        self.found = QueueStatus()

    def status(self, key: str) -> QueueStatus:
        return self.found if key == "DEFAULT_GROUP" else QueueStatus()

    def clear(self, key: str) -> None:
        self.cleared.append(key)


class CloudOf:
    """A cloud with two products, an account for each, and one that sees both."""

    def __init__(self, folder: Path | None = None) -> None:
        model = ThingModel({})
        registry = Registry(
            [Product(key, key, model, ListedDevices({})) for key in (PK, OTHER)],
            access_keys=[
                AccessKey(*ALL),
                AccessKey(*OURS, frozenset({PK})),
                AccessKey(*THEIRS, frozenset({OTHER})),
            ],
            consumer_groups=[ConsumerGroup("files", frozenset({OTHER}))],
        )
        self.queues = Queues()
        self.platform = Platform(registry, clock_ms=lambda: NOW_MS, queues=self.queues)
        if folder is not None:
            attach(self.platform, Storage(folder))
        self._cloud = Cloud(self.platform, clock_ms=clock_ms)

    def call(self, action: str, by: tuple[str, str] = ALL, **arguments: Any) -> dict[str, Any]:
        response = self._cloud.dispatch(Request("POST", "/", signed_query(action, arguments, key=by)))
        assert isinstance(response, Response)
        found: dict[str, Any] = json.loads(response.body)
        found.pop("RequestId")
        return found

    def create(self, name: str, by: tuple[str, str] = ALL) -> str:
        answer = self.call("CreateConsumerGroup", by, GroupName=name)
        assert answer["Success"], answer
        return str(answer["GroupId"])


@pytest.fixture
def cloud() -> CloudOf:
    return CloudOf()


def test_a_group_is_made_found_renamed_and_deleted(cloud: CloudOf) -> None:
    group = cloud.create("charging")
    shown = {"GroupId": group, "GroupName": "charging", "CreateTime": "2026-11-22T07:45:08.123Z"}
    assert cloud.call("QueryConsumerGroupByGroupId", GroupId=group) == {"Success": True, "Data": shown}
    assert cloud.call("UpdateConsumerGroup", GroupId=group, NewGroupName="charging_2") == {"Success": True}
    found = cloud.call("QueryConsumerGroupList", CurrentPage=1, PageSize=10)
    assert [entry["GroupName"] for entry in found["Data"]["ConsumerGroupDTO"]] == [
        "DEFAULT_GROUP",
        "files",
        "charging_2",
    ]
    assert {name: found[name] for name in ("Total", "PageCount", "CurrentPage", "PageSize")} == {
        "Total": 3,
        "PageCount": 1,
        "CurrentPage": 1,
        "PageSize": 10,
    }
    assert cloud.call("DeleteConsumerGroup", GroupId=group) == {"Success": True}
    gone = cloud.call("QueryConsumerGroupByGroupId", GroupId=group)
    assert gone["Code"] == "iot.consumergroup.NotExistedConsumerGroup"


def test_groups_are_listed_page_by_page_and_by_their_names(cloud: CloudOf) -> None:
    for number in range(5):
        cloud.create(f"group_{number}")
    pages = [cloud.call("QueryConsumerGroupList", CurrentPage=page, PageSize=3) for page in (1, 2, 3, 4)]
    names = [[entry["GroupName"] for entry in page["Data"]["ConsumerGroupDTO"]] for page in pages]
    assert names == [["DEFAULT_GROUP", "files", "group_0"], ["group_1", "group_2", "group_3"], ["group_4"], []]

    def named(**how: Any) -> list[str]:
        found = cloud.call("QueryConsumerGroupList", CurrentPage=1, PageSize=10, **how)
        return [entry["GroupName"] for entry in found["Data"]["ConsumerGroupDTO"]]

    assert named(GroupName="group_1") == ["group_1"]
    assert named(GroupName="group_") == []
    assert named(GroupName="p_1", Fuzzy="true") == ["group_1"]


@pytest.mark.parametrize(("page", "size"), [(0, 10), (1, 0), (1, 1001)])
def test_a_page_that_is_none_is_refused(cloud: CloudOf, page: int, size: int) -> None:
    found = cloud.call("QueryConsumerGroupList", CurrentPage=page, PageSize=size)
    assert found["Code"] == "iot.common.InvalidPageParams"


@pytest.mark.parametrize("name", ["abc", "x" * 31, "a b c d", "充" * 16, "DROP;--"])
def test_a_name_that_is_none_is_refused(cloud: CloudOf, name: str) -> None:
    assert cloud.call("CreateConsumerGroup", GroupName=name)["Code"] == "iot.consumergroup.InvalidGroupName"


def test_a_name_is_given_once_in_an_account(cloud: CloudOf) -> None:
    cloud.create("充电站")
    assert cloud.call("CreateConsumerGroup", GroupName="充电站")["Code"] == "iot.consumergroup.InvalidGroupName"
    cloud.create("充电站", OURS)


@pytest.mark.parametrize(
    ("action", "arguments"),
    [("UpdateConsumerGroup", {"NewGroupName": "another"}), ("DeleteConsumerGroup", {})],
)
def test_the_default_group_stays(cloud: CloudOf, action: str, arguments: dict[str, str]) -> None:
    found = cloud.call(action, GroupId="DEFAULT_GROUP", **arguments)
    assert found["Code"] == "iot.consumergroup.ConsumerGroupInUse"


def test_how_a_group_stands(cloud: CloudOf) -> None:
    client = ClientStatus("client-1", "192.0.2.1:5555", NOW_MS, 3, 2)
    cloud.queues.found = QueueStatus(7, 3, 2, NOW_MS, (client,))
    assert cloud.call("QueryConsumerGroupStatus", GroupId="DEFAULT_GROUP") == {
        "Success": True,
        "AccumulationCount": 7,
        "ConsumerSpeed": 5,
        "RealTimeConsumeCountPerMinute": 3,
        "AccumulatedConsumeCountPerMinute": 2,
        "LastConsumerTime": "2026-11-22T07:45:08.123Z",
        "ClientConnectionStatusList": {
            "ConsumerGroupClientConnectionInfo": [
                {
                    "ClientId": "client-1",
                    "ClientIpPort": "192.0.2.1:5555",
                    "OnlineTime": NOW_MS,
                    "RealTimeConsumeCountPerMinute": 3,
                    "AccumulatedConsumeCountPerMinute": 2,
                }
            ]
        },
    }
    assert cloud.call("ResetConsumerGroupPosition", GroupId="DEFAULT_GROUP") == {"Success": True}
    assert cloud.queues.cleared == ["DEFAULT_GROUP"]


def test_a_relation_is_made_read_changed_and_deleted(cloud: CloudOf) -> None:
    group = cloud.create("charging")
    about = {"ProductKey": PK, "Type": "AMQP"}
    unknown = cloud.call("QuerySubscribeRelation", **about)
    assert unknown["Code"] == "iot.subscribe.NotExistedSubscribeRelation"
    wanted = {"DeviceDataFlag": "true", "DeviceTagFlag": "true", "OtaEventFlag": "false"}
    made = cloud.call("CreateSubscribeRelation", **about, **wanted, **{"ConsumerGroupIds.1": group})
    assert made == {"Success": True}
    again = cloud.call("CreateSubscribeRelation", **about, **wanted, **{"ConsumerGroupIds.1": group})
    assert again["Code"] == "iot.subscribe.AlreadyExistedSubscribeRelation"
    expected = {"Success": True, **about, **FLAGS, "DeviceDataFlag": True, "DeviceTagFlag": True}
    assert cloud.call("QuerySubscribeRelation", **about) == {**expected, "ConsumerGroupIds": [group]}
    more = {"ProductKey": PK, "ConsumerGroupId": "DEFAULT_GROUP"}
    assert cloud.call("CreateConsumerGroupSubscribeRelation", **more) == {"Success": True}
    assert cloud.call("QuerySubscribeRelation", **about)["ConsumerGroupIds"] == [group, "DEFAULT_GROUP"]
    assert cloud.call("DeleteConsumerGroup", GroupId=group)["Code"] == "iot.consumergroup.ConsumerGroupInUse"
    less = {"ProductKey": PK, "ConsumerGroupId": group}
    assert cloud.call("DeleteConsumerGroupSubscribeRelation", **less) == {"Success": True}
    assert cloud.call("DeleteConsumerGroupSubscribeRelation", **less)["Code"] == (
        "iot.consumergroup.NotExistedConsumerGroup"
    )
    last = cloud.call("DeleteConsumerGroupSubscribeRelation", **more)
    assert last["Code"] == "iot.consumergroup.ConsumerGroupInUse"
    changed = {"DeviceStatusChangeFlag": "true", "ConsumerGroupIds.1": group}
    assert cloud.call("UpdateSubscribeRelation", **about, **changed) == {"Success": True}
    found = cloud.call("QuerySubscribeRelation", **about)
    assert found == {"Success": True, **about, **FLAGS, "DeviceStatusChangeFlag": True, "ConsumerGroupIds": [group]}
    assert cloud.call("DeleteSubscribeRelation", **about) == {"Success": True}
    assert cloud.call("DeleteSubscribeRelation", **about)["Code"] == "iot.subscribe.NotExistedSubscribeRelation"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"Type": "MNS"}, "InvalidParameter"),
        ({"Type": ""}, "MissingParameter"),
        ({"ProductKey": "a1nobody000"}, "iot.prod.NotExistedProduct"),
        ({"DeviceDataFlag": "yes"}, "InvalidParameter"),
        ({"ConsumerGroupIds.1": "nobody"}, "iot.consumergroup.NotExistedConsumerGroup"),
        ({"ConsumerGroupIds.1": None}, "iot.consumergroup.TooManyConsumerGroups"),
    ],
)
def test_a_relation_that_cannot_be(cloud: CloudOf, arguments: dict[str, Any], code: str) -> None:
    usual = {"ProductKey": PK, "Type": "AMQP", "DeviceDataFlag": "true", "ConsumerGroupIds.1": "DEFAULT_GROUP"}
    asked = {name: value for name, value in {**usual, **arguments}.items() if value is not None}
    assert cloud.call("CreateSubscribeRelation", **asked)["Code"] == code


def test_a_product_goes_to_so_many_groups(cloud: CloudOf) -> None:
    groups = {f"ConsumerGroupIds.{n + 1}": cloud.create(f"group_{n}") for n in range(MOST_GROUPS_OF_PRODUCT)}
    about = {"ProductKey": PK, "Type": "AMQP"}
    assert cloud.call("CreateSubscribeRelation", **about, **groups)["Success"]
    more = cloud.call("CreateConsumerGroupSubscribeRelation", ProductKey=PK, ConsumerGroupId="DEFAULT_GROUP")
    assert more["Code"] == "iot.consumergroup.TooManyConsumerGroups"


def test_what_belongs_to_others_does_not_exist(cloud: CloudOf) -> None:
    theirs = cloud.create("theirs", THEIRS)
    about = {"ProductKey": PK, "Type": "AMQP"}
    for action in (
        "QueryConsumerGroupByGroupId",
        "QueryConsumerGroupStatus",
        "ResetConsumerGroupPosition",
        "DeleteConsumerGroup",
    ):
        assert cloud.call(action, OURS, GroupId=theirs)["Code"] == "iot.consumergroup.NotExistedConsumerGroup"
    listed = cloud.call("QueryConsumerGroupList", OURS, CurrentPage=1, PageSize=10)["Data"]["ConsumerGroupDTO"]
    assert [entry["GroupId"] for entry in listed] == ["DEFAULT_GROUP"]
    made = cloud.call("CreateSubscribeRelation", OURS, **about, **{"ConsumerGroupIds.1": theirs})
    assert made["Code"] == "iot.consumergroup.NotExistedConsumerGroup"
    foreign = cloud.call("QuerySubscribeRelation", OURS, ProductKey=OTHER, Type="AMQP")
    assert foreign["Code"] == "iot.prod.NotExistedProduct"
    # What the operator has subscribed is not theirs to see either, and theirs is the operator's.
    cloud.call("CreateSubscribeRelation", **about, **{"ConsumerGroupIds.1": cloud.create("operators")})
    hidden = cloud.call("QuerySubscribeRelation", OURS, **about)
    assert hidden["Code"] == "iot.subscribe.NotExistedSubscribeRelation"
    assert cloud.call("QueryConsumerGroupByGroupId", GroupId=theirs)["Success"]


def test_two_accounts_of_one_product_subscribe_each_for_themselves(cloud: CloudOf) -> None:
    about = {"ProductKey": PK, "Type": "AMQP", "ConsumerGroupIds.1": "DEFAULT_GROUP"}
    assert cloud.call("CreateSubscribeRelation", OURS, **about, DeviceDataFlag="true")["Success"]
    part = cloud.platform.parts.subscriptions
    assert part.groups_for(PK, "device_data") == ("DEFAULT_GROUP@ours",)
    assert part.groups_for(PK, "status") == ()


def test_an_account_that_sees_a_product_no_more_gets_nothing_of_it(cloud: CloudOf) -> None:
    about = {"ProductKey": PK, "Type": "AMQP", "ConsumerGroupIds.1": "DEFAULT_GROUP"}
    cloud.call("CreateSubscribeRelation", OURS, **about, DeviceDataFlag="true")
    part, registry = cloud.platform.parts.subscriptions, cloud.platform.registry
    assert part.groups_for(PK, "device_data")
    registry.access_keys[OURS[0]] = AccessKey(*OURS, frozenset())
    cloud.platform.parts.out.products_changed()
    assert part.groups_for(PK, "device_data") == ()


def test_groups_and_relations_outlive_the_process(tmp_path: Path) -> None:
    before = CloudOf(tmp_path)
    group = before.create("charging")
    gone = before.create("gone_tomorrow")
    before.call("DeleteConsumerGroup", GroupId=gone)
    about = {"ProductKey": PK, "Type": "AMQP"}
    before.call("CreateSubscribeRelation", **about, DeviceDataFlag="true", **{"ConsumerGroupIds.1": group})
    before.call("UpdateConsumerGroup", GroupId=group, NewGroupName="charging_2")
    after = CloudOf(tmp_path)
    assert after.call("QueryConsumerGroupByGroupId", GroupId=group)["Data"]["GroupName"] == "charging_2"
    assert not after.call("QueryConsumerGroupByGroupId", GroupId=gone)["Success"]
    assert after.call("QuerySubscribeRelation", **about)["ConsumerGroupIds"] == [group]
    after.call("DeleteSubscribeRelation", **about)
    assert not CloudOf(tmp_path).call("QuerySubscribeRelation", **about)["Success"]
