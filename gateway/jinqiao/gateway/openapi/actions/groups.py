"""Actions on groups of devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from jinqiao.gateway.platform.devices.group import DeviceGroup
from jinqiao.gateway.platform.operations.groups import Related

from ..action import action
from ..arguments import Arguments, utc_time
from ..errors import ApiError
from ..pages import Page
from .tags import simple_device, wanted_tags

__all__ = [
    "add_to_group",
    "create_device_group",
    "delete_device_group",
    "query_device_group_by_device",
    "query_device_group_by_tags",
    "query_device_group_info",
    "query_device_group_list",
    "query_device_group_tag_list",
    "query_device_list_by_device_group",
    "query_super_device_group",
    "remove_from_group",
    "set_device_group_tags",
    "update_device_group",
]

#: Rows of a page: groups, devices, groups found by tags. Devices in one call.
_GROUPS, _DEVICES, _BY_TAGS, _AT_ONCE = 200, 50, 10, 200
#: All groups are made of listed devices; the platform knows dynamic ones, too.
_TYPE = "LINK_PLATFORM"


@action(
    "CreateDeviceGroup",
    "GroupName! GroupDesc SuperGroupId",
    "Data{GroupId GroupName GroupDesc UtcCreate}",
)
def create_device_group(args: Arguments) -> dict[str, Any]:
    name, description, above = args.text("GroupName"), args.text("GroupDesc", ""), args.text("SuperGroupId", "")
    return {"Data": _shown(args.operations.groups.create(args.account, name, description, above))}


@action(
    "UpdateDeviceGroup",
    "GroupId! GroupDesc",
    "",
)
def update_device_group(args: Arguments) -> dict[str, Any]:
    args.operations.groups.describe(args.account, args.text("GroupId"), args.text("GroupDesc", ""))
    return {}


@action(
    "DeleteDeviceGroup",
    "GroupId!",
    "",
)
def delete_device_group(args: Arguments) -> dict[str, Any]:
    args.operations.groups.delete(args.account, args.text("GroupId"))
    return {}


@action(
    "QueryDeviceGroupInfo",
    "GroupId!",
    "Data{GroupId GroupName GroupDesc UtcCreate DeviceCount DeviceActive DeviceOnline}",
)
def query_device_group_info(args: Arguments) -> dict[str, Any]:
    group = args.operations.groups.find(args.account, args.text("GroupId"))
    every, active, online = args.operations.groups.count(args.account, group.id)
    return {"Data": {**_shown(group), "DeviceCount": every, "DeviceActive": active, "DeviceOnline": online}}


@action(
    "QueryDeviceGroupList",
    "SuperGroupId GroupName GroupTypes.N CurrentPage PageSize",
    "Total PageCount CurrentPage PageSize Data{GroupInfo[GroupId GroupName GroupDesc GroupType UtcCreate]}",
)
def query_device_group_list(args: Arguments) -> dict[str, Any]:
    """All groups, or those in one; with names that begin with `GroupName`, or have it in them."""
    page, above, part = Page.of(args, _GROUPS), args.text("SuperGroupId", ""), args.text("GroupName", "")
    if above:
        args.operations.groups.find(args.account, above)
    kinds = args.list("GroupTypes")
    groups = [
        group
        for group in args.operations.groups.all(args.account)
        if (not above or group.super_id == above) and part in group.name and (not kinds or _TYPE in kinds)
    ]
    return {**page.members(len(groups)), "Data": {"GroupInfo": [_listed(group) for group in page.rows(groups)]}}


@action(
    "QuerySuperDeviceGroup",
    "GroupId!",
    "Data{GroupInfo[GroupId GroupName GroupDesc]}",
)
def query_super_device_group(args: Arguments) -> dict[str, Any]:
    """The group that this one is in, if it is in one."""
    above = args.operations.groups.above(args.account, args.text("GroupId"))
    rows = [above] if above is not None else []
    shown = [{"GroupId": row.id, "GroupName": row.name, "GroupDesc": row.description} for row in rows]
    return {"Data": {"GroupInfo": shown}}


# Devices of a group.


@action(
    "BatchAddDeviceGroupRelations",
    "GroupId! Device.N.ProductKey! Device.N.DeviceName!",
    "ValidDeviceCount SuccessAddedDeviceCount AlreadyRelatedGroupDeviceCount ExceedTenGroupDeviceCount",
)
def add_to_group(args: Arguments) -> dict[str, Any]:
    group = args.operations.groups.find(args.account, args.text("GroupId"))
    added = args.operations.groups.add(args.account, group.id, _named(args))
    return {
        **_counted(added),
        "SuccessAddedDeviceCount": added.done,
        "ExceedTenGroupDeviceCount": added.exceeding,
    }


@action(
    "BatchDeleteDeviceGroupRelations",
    "GroupId! Device.N.ProductKey! Device.N.DeviceName!",
    "ValidDeviceCount SuccessDeviceCount AlreadyRelatedGroupDeviceCount",
)
def remove_from_group(args: Arguments) -> dict[str, Any]:
    group = args.operations.groups.find(args.account, args.text("GroupId"))
    removed = args.operations.groups.remove(args.account, group.id, _named(args))
    return {**_counted(removed), "SuccessDeviceCount": removed.done}


@action(
    "QueryDeviceListByDeviceGroup",
    "GroupId! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{SimpleDeviceInfo[ProductName ProductKey DeviceName IotId]}",
)
def query_device_list_by_device_group(args: Arguments) -> dict[str, Any]:
    groups, page = args.operations.groups, Page.of(args, _DEVICES)
    identities = groups.identities(args.account, args.text("GroupId"))
    rows = [simple_device(product, name) for product, name in groups.named(page.rows(identities))]
    return {**page.members(len(identities), "Page"), "Data": {"SimpleDeviceInfo": rows}}


@action(
    "QueryDeviceGroupByDevice",
    "ProductKey! DeviceName!",
    "GroupInfos{GroupInfo[GroupId GroupName GroupDesc GroupType UtcCreate]}",
)
def query_device_group_by_device(args: Arguments) -> dict[str, Any]:
    groups = args.operations.groups.of_device(args.account, args.device_named(args.product(), args.text("DeviceName")))
    return {"GroupInfos": {"GroupInfo": [_listed(group) for group in groups]}}


# Tags of a group.


@action(
    "SetDeviceGroupTags",
    "GroupId! TagString",
    "",
)
def set_device_group_tags(args: Arguments) -> dict[str, Any]:
    """`[{"tagKey": …, "tagValue": …}]` are the group's tags from now on, and no others."""
    group = args.operations.groups.find(args.account, args.text("GroupId"))
    args.operations.groups.tag(args.account, group.id, _tags(args.text("TagString", "[]")))
    return {}


@action(
    "QueryDeviceGroupTagList",
    "GroupId!",
    "Data{GroupTagInfo[TagKey TagValue]}",
)
def query_device_group_tag_list(args: Arguments) -> dict[str, Any]:
    group = args.operations.groups.find(args.account, args.text("GroupId"))
    return {"Data": {"GroupTagInfo": [{"TagKey": key, "TagValue": value} for key, value in group.tags.items()]}}


@action(
    "QueryDeviceGroupByTags",
    "Tag.N.TagKey! Tag.N.TagValue! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{DeviceGroup[GroupId GroupName]}",
)
def query_device_group_by_tags(args: Arguments) -> dict[str, Any]:
    page, wanted = Page.of(args, _BY_TAGS), wanted_tags(args)
    groups = [group for group in args.operations.groups.all(args.account) if wanted.items() <= group.tags.items()]
    rows = [{"GroupId": group.id, "GroupName": group.name} for group in page.rows(groups)]
    return {**page.members(len(groups), "Page"), "Data": {"DeviceGroup": rows}}


def _shown(group: DeviceGroup) -> dict[str, Any]:
    return {
        "GroupId": group.id,
        "GroupName": group.name,
        "GroupDesc": group.description,
        "UtcCreate": utc_time(group.created_ms),
    }


def _listed(group: DeviceGroup) -> dict[str, Any]:
    return {**_shown(group), "GroupType": _TYPE}


def _counted(related: Related) -> dict[str, int]:
    return {"ValidDeviceCount": related.valid, "AlreadyRelatedGroupDeviceCount": related.already}


def _named(args: Arguments) -> Sequence[tuple[str, str]]:
    """Product keys and names of at most 200 devices."""
    devices = args.structures("Device", "ProductKey", "DeviceName")
    if not devices:
        raise ApiError("iot.device.NoneDeviceNameElement")
    if len(devices) > _AT_ONCE:
        raise ApiError("InvalidParameter", f"at most {_AT_ONCE} devices in one call.")
    for device in devices:
        if len(device) < 2:
            raise ApiError("iot.prod.NullProductKey" if "ProductKey" not in device else "iot.device.NullDeviceName")
    return [(device["ProductKey"], device["DeviceName"]) for device in devices]


def _tags(text: str) -> Mapping[str, str]:
    try:
        rows = orjson.loads(text)
    except orjson.JSONDecodeError:
        rows = None
    if type(rows) is not list or not all(type(row) is dict for row in rows):
        raise ApiError("iot.check.InvalidFormattedParameter", "TagString must be a JSON array of tags.")
    pairs = [(row.get("tagKey"), row.get("tagValue")) for row in rows]
    if not all(type(part) is str for pair in pairs for part in pair):
        raise ApiError("iot.check.InvalidFormattedParameter", "a tag has tagKey and tagValue, both texts.")
    return dict(pairs)
