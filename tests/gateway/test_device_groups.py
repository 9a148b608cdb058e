"""Groups of devices by cloud calls: made, filled, tagged, looked through; whose they are; what is kept of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jinqiao.gateway.openapi.actions import ACTIONS
from jinqiao.gateway.openapi.http import Request, Response
from jinqiao.gateway.platform.devices.groups import Members
from jinqiao.gateway.platform.events import GroupsChanged
from jinqiao.gateway.platform.operations import groups as rules
from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.gateway.storage.keeper import attach
from jinqiao.gateway.storage.sqlite import Storage
from support.cloud_world import DN, PK, CloudWorld
from support.openapi import signed_query

SUB = "a1subPK0001"
CARS = {
    "Device.1.ProductKey": PK,
    "Device.1.DeviceName": DN,
    "Device.2.ProductKey": SUB,
    "Device.2.DeviceName": "subdev001",
}


@pytest.fixture
def world() -> CloudWorld:
    return CloudWorld()


def ask(world: CloudWorld, action: str, key: tuple[str, str] | None = None, **arguments: Any) -> dict[str, Any]:
    more = {} if key is None else {"key": key}
    response = world.cloud.dispatch(Request("POST", "/", signed_query(action, arguments, **more)))
    assert isinstance(response, Response)
    body: dict[str, Any] = json.loads(response.body)
    return body


def made(world: CloudWorld, name: str, **more: Any) -> str:
    group_id: str = ask(world, "CreateDeviceGroup", GroupName=name, **more)["Data"]["GroupId"]
    return group_id


def devices(world: CloudWorld, group_id: str, **more: Any) -> list[str]:
    answer = ask(world, "QueryDeviceListByDeviceGroup", GroupId=group_id, **more)
    return [row["DeviceName"] for row in answer["Data"]["SimpleDeviceInfo"]]


def test_a_group_from_beginning_to_end(world: CloudWorld) -> None:
    group_id = made(world, "taxis", GroupDesc="all of them")
    added = ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)
    assert (added["ValidDeviceCount"], added["SuccessAddedDeviceCount"]) == (2, 2)
    again = ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)
    assert (again["AlreadyRelatedGroupDeviceCount"], again["SuccessAddedDeviceCount"]) == (2, 0)
    assert devices(world, group_id) == [DN, "subdev001"]
    assert devices(world, group_id, PageSize=1, CurrentPage=2) == ["subdev001"]
    world.connect()
    info = ask(world, "QueryDeviceGroupInfo", GroupId=group_id)["Data"]
    assert (info["DeviceCount"], info["DeviceActive"], info["DeviceOnline"]) == (2, 1, 1)
    assert (info["GroupName"], info["GroupDesc"]) == ("taxis", "all of them")
    (of_device,) = ask(world, "QueryDeviceGroupByDevice", ProductKey=PK, DeviceName=DN)["GroupInfos"]["GroupInfo"]
    assert of_device["GroupId"] == group_id
    removed = ask(world, "BatchDeleteDeviceGroupRelations", GroupId=group_id, **CARS)
    assert (removed["SuccessDeviceCount"], removed["ValidDeviceCount"]) == (2, 2)
    assert devices(world, group_id) == []
    assert ask(world, "DeleteDeviceGroup", GroupId=group_id)["Success"] is True
    assert ask(world, "QueryDeviceGroupInfo", GroupId=group_id)["Code"] == "iot.group.NotExistedGroup"


def test_devices_that_are_not_there_are_not_counted(world: CloudWorld) -> None:
    group_id = made(world, "taxis")
    listed = {**CARS, "Device.3.ProductKey": PK, "Device.3.DeviceName": "nobody"}
    assert ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **listed)["ValidDeviceCount"] == 2


def test_a_deleted_device_leaves_its_groups(world: CloudWorld) -> None:
    group_id = made(world, "taxis")
    ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)
    world.call("DeleteDevice")
    assert devices(world, group_id) == ["subdev001"]
    world.call("RegisterDevice", ProductKey=PK, DeviceName=DN)
    assert devices(world, group_id) == ["subdev001"]


def test_groups_are_in_groups_three_levels_deep(world: CloudWorld) -> None:
    one = made(world, "level1")
    two = made(world, "level2", SuperGroupId=one)
    three = made(world, "level3", SuperGroupId=two)
    assert (
        ask(world, "CreateDeviceGroup", GroupName="level4", SuperGroupId=three)["Code"]
        == "iot.group.GroupCountExceedMax"
    )
    assert ask(world, "CreateDeviceGroup", GroupName="other", SuperGroupId="no")["Code"] == "iot.group.NotExistedGroup"
    (above,) = ask(world, "QuerySuperDeviceGroup", GroupId=three)["Data"]["GroupInfo"]
    assert above == {"GroupId": two, "GroupName": "level2", "GroupDesc": ""}
    assert ask(world, "QuerySuperDeviceGroup", GroupId=one)["Data"]["GroupInfo"] == []
    below = ask(world, "QueryDeviceGroupList", SuperGroupId=one)
    assert [row["GroupId"] for row in below["Data"]["GroupInfo"]] == [two]
    assert ask(world, "QueryDeviceGroupList", GroupName="evel")["Total"] == 3
    assert ask(world, "QueryDeviceGroupList", **{"GroupTypes.1": "LINK_PLATFORM_DYNAMIC"})["Total"] == 0
    assert ask(world, "DeleteDeviceGroup", GroupId=two)["Code"] == "iot.group.HasSubGroup"
    assert ask(world, "DeleteDeviceGroup", GroupId=three)["Success"] is True
    assert ask(world, "DeleteDeviceGroup", GroupId=two)["Success"] is True


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({}, "iot.group.NullGroupName"),
        ({"GroupName": "abc"}, "iot.group.InvalidFormattedGroup"),
        ({"GroupName": "x" * 31}, "iot.group.InvalidFormattedGroup"),
        ({"GroupName": "a b c d"}, "iot.group.InvalidFormattedGroup"),
        ({"GroupName": "taxis"}, "iot.group.AlreadyExistedGroupName"),
        ({"GroupName": "taxis2", "GroupDesc": "x" * 101}, "iot.group.InvalidFormattedGroup"),
    ],
)
def test_groups_that_cannot_be_are_refused(world: CloudWorld, wrong: dict[str, str], expected: str) -> None:
    made(world, "taxis")
    made(world, "出租")
    assert ask(world, "CreateDeviceGroup", **wrong)["Code"] == expected
    assert ask(world, "QueryDeviceGroupList")["Total"] == 2


def test_how_many_there_may_be_is_bounded(world: CloudWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    groups = [made(world, f"group{n}") for n in range(11)]
    for group_id in groups[:10]:
        assert ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)["SuccessAddedDeviceCount"] == 2
    full = ask(world, "BatchAddDeviceGroupRelations", GroupId=groups[10], **CARS)
    assert (full["ExceedTenGroupDeviceCount"], full["SuccessAddedDeviceCount"]) == (2, 0)
    ask(world, "DeleteDeviceGroup", GroupId=groups[0])
    assert ask(world, "BatchAddDeviceGroupRelations", GroupId=groups[10], **CARS)["SuccessAddedDeviceCount"] == 2
    assert list(world.state().groups) == groups[1:]
    monkeypatch.setattr(rules, "MOST_DEVICES", 2)
    more = {"Device.1.ProductKey": PK, "Device.1.DeviceName": "tbox002"}
    assert (
        ask(world, "BatchAddDeviceGroupRelations", GroupId=groups[1], **more)["Code"] == "iot.group.GroupCountExceedMax"
    )
    for limit in ("MOST_GROUPS", "MOST_BELOW"):
        monkeypatch.setattr(rules, limit, 0)
        answer = ask(world, "CreateDeviceGroup", GroupName="another", SuperGroupId=groups[1])
        assert answer["Code"] == "iot.group.GroupCountExceedMax"
    too_many = {f"Device.{n}.{part}": "x" for n in range(201) for part in ("ProductKey", "DeviceName")}
    assert ask(world, "BatchAddDeviceGroupRelations", GroupId=groups[1], **too_many)["Code"] == "InvalidParameter"


def test_tags_of_a_group_replace_the_former_ones(world: CloudWorld) -> None:
    group_id = made(world, "taxis")
    for tags in (
        [{"tagKey": "city", "tagValue": "SH"}, {"tagKey": "h1", "tagValue": "rr"}],
        [{"tagKey": "h1", "tagValue": "x"}],
    ):
        assert ask(world, "SetDeviceGroupTags", GroupId=group_id, TagString=json.dumps(tags))["Success"] is True
        listed = ask(world, "QueryDeviceGroupTagList", GroupId=group_id)["Data"]["GroupTagInfo"]
        assert listed == [{"TagKey": tag["tagKey"], "TagValue": tag["tagValue"]} for tag in tags]
    found = ask(world, "QueryDeviceGroupByTags", **{"Tag.1.TagKey": "h1", "Tag.1.TagValue": "x"})
    assert found["Data"]["DeviceGroup"] == [{"GroupId": group_id, "GroupName": "taxis"}]
    assert ask(world, "QueryDeviceGroupByTags", **{"Tag.1.TagKey": "h1", "Tag.1.TagValue": "rr"})["Total"] == 0


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("{", "iot.check.InvalidFormattedParameter"),
        ("[1]", "iot.check.InvalidFormattedParameter"),
        ('[{"tagKey":"a"}]', "iot.check.InvalidFormattedParameter"),
        ('[{"tagKey":"a b","tagValue":"x"}]', "iot.device.InvalidFormattedDevicePropertyKey"),
        (
            json.dumps([{"tagKey": f"k{n}", "tagValue": "x"} for n in range(101)]),
            "iot.device.TooManyDevicePropertiesPerTime",
        ),
    ],
)
def test_tags_of_a_group_that_cannot_be_are_refused(world: CloudWorld, tags: str, expected: str) -> None:
    assert ask(world, "SetDeviceGroupTags", GroupId=made(world, "taxis"), TagString=tags)["Code"] == expected


def test_a_group_is_its_owners_and_of_who_sees_all(world: CloudWorld) -> None:
    keys = world.platform.registry.access_keys
    for name, products in (("one", {PK}), ("two", {PK, SUB})):
        keys[name] = AccessKey(name, "s", frozenset(products))
    one, two = ("one", "s"), ("two", "s")
    group_id = ask(world, "CreateDeviceGroup", one, GroupName="mine")["Data"]["GroupId"]
    about = {"GroupId": group_id, "TagString": "[]", "SuperGroupId": group_id, "GroupName": "theirs", **CARS}
    about_groups = {
        name
        for name, row in ACTIONS.items()
        if {"GroupId", "SuperGroupId"} & row.known.keys() and "FirmwareId" not in row.known and "Consumer" not in name
    }
    assert len(about_groups) > 10
    for action in sorted(about_groups):
        assert ask(world, action, two, **about)["Code"] == "iot.group.NotExistedGroup", action
    assert ask(world, "QueryDeviceGroupList", two)["Total"] == 0
    assert ask(world, "CreateDeviceGroup", two, GroupName="mine")["Success"] is True
    # What its owner does not see is not added, nor shown when others have added it.
    assert ask(world, "BatchAddDeviceGroupRelations", one, GroupId=group_id, **CARS)["ValidDeviceCount"] == 1
    assert ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)["SuccessAddedDeviceCount"] == 1
    assert devices(world, group_id) == [DN, "subdev001"]
    seen = ask(world, "QueryDeviceListByDeviceGroup", one, GroupId=group_id)
    assert [row["DeviceName"] for row in seen["Data"]["SimpleDeviceInfo"]] == [DN]
    assert ask(world, "QueryDeviceGroupInfo", one, GroupId=group_id)["Data"]["DeviceCount"] == 1
    keys["one"] = replace(keys["one"], products=frozenset())
    assert (
        ask(world, "QueryDeviceGroupByDevice", one, ProductKey=PK, DeviceName=DN)["Code"]
        == "iot.prod.NotExistedProduct"
    )


def test_groups_and_who_is_in_them_are_kept(tmp_path: Path) -> None:
    group_id = ""
    for round_ in range(2):
        world, storage = CloudWorld(), Storage(tmp_path)
        attach(world.platform, storage)
        if not round_:
            group_id = made(world, "taxis")
            gone = made(world, "gone")
            ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)
            ask(world, "SetDeviceGroupTags", GroupId=group_id, TagString='[{"tagKey":"h1","tagValue":"x"}]')
            ask(world, "DeleteDeviceGroup", GroupId=gone)
        assert devices(world, group_id) == [DN, "subdev001"]
        assert ask(world, "QueryDeviceGroupList")["Total"] == 1
        assert ask(world, "QueryDeviceGroupTagList", GroupId=group_id)["Data"]["GroupTagInfo"]
        storage.close()


def test_devices_are_added_together_or_not_at_all(world: CloudWorld) -> None:
    group_id = made(world, "taxis")

    def refuse(event: GroupsChanged) -> None:
        if event.device.name == "subdev001":
            raise OSError

    world.platform.events.subscribe(GroupsChanged, refuse, before_ack=True)
    answer = ask(world, "BatchAddDeviceGroupRelations", GroupId=group_id, **CARS)
    assert answer["Code"] == "iot.system.SystemException"
    assert devices(world, group_id) == []


@given(st.lists(st.tuples(st.sampled_from("xyz"), st.lists(st.sampled_from("abc"), unique=True) | st.none())))
def test_the_index_of_members_is_what_the_devices_say(changes: list[tuple[str, list[str] | None]]) -> None:
    members, groups = Members(), {}
    for identity, value in changes:
        members.put(identity, value)
        groups[identity] = value or []
    for group in "abc":
        assert sorted(members.of(group)) == sorted(i for i, value in groups.items() if group in value)
