"""Actions that list and count the devices that there are, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinqiao.gateway.platform.devices.census import State
from jinqiao.gateway.platform.registry.registry import Device, Product

from ..action import action
from ..arguments import Arguments, gmt_time, utc_time
from ..errors import ApiError
from ..pages import Page
from .devices import MOST_DEVICES, device_detail, device_names, status_of

__all__ = [
    "batch_query_device_detail",
    "query_device",
    "query_device_by_status",
    "query_device_info",
    "query_device_statistics",
]

#: Rows of a page.
_MOST_ROWS = 50
#: `Status` of a call → the platform's word.
_STATES: dict[int, State] = {0: "inactive", 1: "online", 3: "offline", 8: "disabled"}


@action(
    "QueryDevice",
    "ProductKey! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{DeviceInfo[DeviceId IotId ProductKey DeviceName Nickname DeviceSecret "
    "DeviceStatus DeviceType GmtCreate GmtModified UtcCreate UtcModified]}",
)
def query_device(args: Arguments) -> dict[str, Any]:
    product = args.product()
    page, total = Page.of(args, _MOST_ROWS), len(product.devices)
    rows = [_device(args, device) for device in _some(args, product, page.first, page.size)]
    return {**page.members(total, "Page"), "Data": {"DeviceInfo": rows}}


@action(
    "QueryDeviceByStatus",
    "ProductKey! Status! CurrentPage PageSize",
    "Total PageCount Page PageSize Data{SimpleDeviceInfo[IotId ProductKey DeviceName Nickname DeviceSecret Status "
    "GmtCreate GmtModified UtcCreate UtcModified]}",
)
def query_device_by_status(args: Arguments) -> dict[str, Any]:
    """`Status` 0 was never online, 1 is online, 3 is offline, 8 is disabled."""
    product, page = args.product(), Page.of(args, _MOST_ROWS)
    state = _STATES.get(args.number("Status", 0))
    if state is None:
        raise ApiError("InvalidParameter", f"Status must be one of {', '.join(map(str, _STATES))}.")
    total, devices = args.operations.devices.in_state(args.account, product, state, page.first, page.size)
    left_out = {"DeviceId", "DeviceType", "DeviceStatus"}
    rows = [
        {**{name: value for name, value in row.items() if name not in left_out}, "Status": row["DeviceStatus"]}
        for row in (_device(args, device) for device in devices)
    ]
    return {**page.members(total, "Page"), "Data": {"SimpleDeviceInfo": rows}}


@action(
    "QueryDeviceInfo",
    "device!",
    "Data{IotId ProductKey DeviceName DeviceSecret Nickname}",
)
def query_device_info(args: Arguments) -> dict[str, Any]:
    device = args.device()
    nickname = args.operations.devices.record(args.account, device).nickname
    return {"Data": {**device_names(device), "DeviceSecret": device.secret, "Nickname": nickname}}


@action(
    "QueryDeviceStatistics",
    "ProductKey GroupId",
    "Data{deviceCount activeCount onlineCount}",
)
def query_device_statistics(args: Arguments) -> dict[str, Any]:
    """Devices of a product, of a group, of a product in a group; of all that the key sees if neither is named."""
    product = args.product() if args.text("ProductKey", "") else None
    if group_id := args.text("GroupId", ""):
        counted = args.operations.groups.count(args.account, group_id, product)
    else:
        counted = args.operations.devices.count(args.account, product)
    total, active, online = counted
    return {"Data": {"deviceCount": total, "activeCount": active, "onlineCount": online}}


@action(
    "BatchQueryDeviceDetail",
    "ProductKey! DeviceName.N!",
    "Data{Data[IotId ProductKey DeviceName ProductName Nickname DeviceSecret GmtCreate UtcCreate GmtActive UtcActive "
    "Status FirmwareVersion NodeType Region]}",
)
def batch_query_device_detail(args: Arguments) -> dict[str, Any]:
    product = args.product()
    names = args.list("DeviceName")
    if not names:
        raise ApiError("iot.device.NoneDeviceNameElement")
    if len(names) > MOST_DEVICES:
        raise ApiError("InvalidParameter", f"at most {MOST_DEVICES} devices in one call.")
    details = [device_detail(args, args.device_named(product, name)) for name in names]
    hidden = {"GmtOnline", "UtcOnline", "IpAddress", "Owner"}
    return {"Data": {"Data": [{k: v for k, v in detail.items() if k not in hidden} for detail in details]}}


def _some(args: Arguments, product: Product, first: int, count: int) -> Iterator[Device]:
    """Devices of a product from this one on, in their order."""
    for name in product.devices.some(first, count):
        yield args.device_named(product, name)


def _device(args: Arguments, device: Device) -> dict[str, Any]:
    names = device_names(device)
    record = args.operations.devices.record(args.account, device)
    return {
        "DeviceId": names["IotId"],
        **names,
        "Nickname": record.nickname,
        "DeviceSecret": device.secret,
        "DeviceStatus": status_of(args, device),
        "DeviceType": device.product.key,
        "GmtCreate": gmt_time(record.created_ms),
        "GmtModified": gmt_time(record.created_ms),
        "UtcCreate": utc_time(record.created_ms),
        "UtcModified": utc_time(record.created_ms),
    }
