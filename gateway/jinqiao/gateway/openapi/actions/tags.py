"""Actions on tags of devices, and devices that are found by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from jinqiao.gateway.platform.operations.tags import MOST_TAGS
from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Product

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pages import Page

__all__ = [
    "delete_device_prop",
    "query_device_by_tags",
    "query_device_prop",
    "save_device_prop",
    "simple_device",
    "wanted_tags",
]

#: Bytes of all tags in one call (5 KB), tags in one search, rows of a page.
_MOST_BYTES, _MOST_SEARCHED, MOST_ROWS = 5_120, 10, 50


@action(
    "SaveDeviceProp",
    "device! Props!",
    "",
)
def save_device_prop(args: Arguments) -> dict[str, Any]:
    device = args.device()
    args.operations.tags.save(args.account, device, _tags(args.text("Props")))
    return {}


@action(
    "DeleteDeviceProp",
    "device! PropKey!",
    "",
)
def delete_device_prop(args: Arguments) -> dict[str, Any]:
    args.operations.tags.delete(args.account, args.device(), args.text("PropKey"))
    return {}


@action(
    "QueryDeviceProp",
    "device!",
    "Props",
)
def query_device_prop(args: Arguments) -> dict[str, Any]:
    tags = args.operations.tags.of(args.account, args.device())
    return {"Props": as_text(dict(tags))}


@action(
    "QueryDeviceByTags",
    "Tag.N.TagKey! Tag.N.TagValue! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{SimpleDeviceInfo[ProductName ProductKey DeviceName IotId]}",
)
def query_device_by_tags(args: Arguments) -> dict[str, Any]:
    page = Page.of(args, MOST_ROWS)
    found = args.operations.tags.find(args.account, wanted_tags(args))
    rows = [simple_device(product, name) for product, name in found.names(page.first, page.size)]
    return {**page.members(len(found), "Page"), "Data": {"SimpleDeviceInfo": rows}}


def simple_device(product: Product, name: str) -> dict[str, str]:
    """A device in a list."""
    return {
        "ProductName": product.name,
        "ProductKey": product.key,
        "DeviceName": name,
        "IotId": iot_id(product.key, name),
    }


def wanted_tags(args: Arguments) -> Mapping[str, str]:
    """What `Tag.N` asks for: one to ten tags, of which several of one key are none."""
    tags = args.structures("Tag", "TagKey", "TagValue")
    if not tags or any(len(tag) < 2 for tag in tags):
        raise ApiError("MissingParameter", "Tag.N.TagKey and Tag.N.TagValue are mandatory for this action.")
    wanted = {tag["TagKey"]: tag["TagValue"] for tag in tags}
    if len(tags) > _MOST_SEARCHED or len(wanted) < len(tags):
        raise ApiError("InvalidParameter", f"Tag.N must be at most {_MOST_SEARCHED} tags, each key once.")
    return wanted


def _tags(text: str) -> dict[str, str]:
    """`{"key": "value"}`; values that are no texts are taken as JSON."""
    if len(text.encode()) > _MOST_BYTES:
        raise ApiError("iot.device.LongDevicePropertiesString")
    try:
        tags = orjson.loads(text)
    except orjson.JSONDecodeError:
        tags = None
    if type(tags) is not dict:
        raise ApiError("iot.device.InvalidFormattedDevicePropertiesString")
    if not tags:
        raise ApiError("iot.device.NoneDeviceProperties")
    if len(tags) > MOST_TAGS:
        raise ApiError("iot.device.TooManyDevicePropertiesPerTime")
    return {key: as_text(value) for key, value in tags.items()}
