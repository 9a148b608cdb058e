"""Actions on devices as such: register, look at, disable, delete; their status."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device, NodeType
from jinqiao.wire.alink.limits import DEFAULT_MODULE

from ..action import action
from ..arguments import Arguments, gmt_time, utc_time
from ..errors import ApiError, missing

__all__ = [
    "batch_get_device_state",
    "batch_update_device_nickname",
    "delete_device",
    "device_detail",
    "device_names",
    "disable_thing",
    "enable_thing",
    "get_device_status",
    "query_device_detail",
    "register_device",
    "reset_thing",
    "status_of",
]

#: `DeviceStatus.state` → the cloud side's word.
STATUS = {"online": "ONLINE", "offline": "OFFLINE", "inactive": "UNACTIVE", "disabled": "DISABLE"}
NODE_TYPE: dict[NodeType, int] = {"unstated": 0, "device": 0, "sub_device": 0, "gateway": 1}
#: Devices asked for in one BatchGetDeviceState.
MOST_DEVICES = 100
_REGION = "cn-shanghai"


@action(
    "RegisterDevice",
    "ProductKey! DeviceName Nickname",
    "Data{IotId ProductKey DeviceName DeviceSecret Nickname}",
)
def register_device(args: Arguments) -> dict[str, Any]:
    product = args.product()
    name = args.text("DeviceName", "") or secrets.token_hex(10)
    device = args.operations.devices.register(args.account, product, name, args.text("Nickname", ""))
    record = args.operations.devices.record(args.account, device)
    return {"Data": {**device_names(device), "DeviceSecret": device.secret, "Nickname": record.nickname}}


@action(
    "QueryDeviceDetail",
    "device!",
    "Data{IotId ProductKey DeviceName ProductName Nickname DeviceSecret GmtCreate UtcCreate "
    "GmtActive UtcActive GmtOnline UtcOnline Status IpAddress FirmwareVersion NodeType Region "
    "Owner}",
)
def query_device_detail(args: Arguments) -> dict[str, Any]:
    return {"Data": device_detail(args, args.device())}


@action(
    "GetDeviceStatus",
    "device!",
    "Data{Status Timestamp}",
)
def get_device_status(args: Arguments) -> dict[str, Any]:
    device = args.device()
    return {"Data": {"Status": status_of(args, device), "Timestamp": _since(args, device)}}


@action(
    "BatchGetDeviceState",
    "ProductKey DeviceName.N IotId.N",
    "DeviceStatusList{DeviceStatus[DeviceId IotId DeviceName Status AsAddress LastOnlineTime Timestamp]}",
)
def batch_get_device_state(args: Arguments) -> dict[str, Any]:
    if ids := args.list("IotId"):
        devices = [args.device_of_id(wanted) for wanted in ids[: MOST_DEVICES + 1]]
    else:
        product = args.product()
        devices = [args.device_named(product, name) for name in args.list("DeviceName")[: MOST_DEVICES + 1]]
    if not devices:
        raise ApiError("iot.device.NoneDeviceNameElement")
    if len(devices) > MOST_DEVICES:
        raise ApiError("InvalidParameter", f"at most {MOST_DEVICES} devices in one call.")
    return {"DeviceStatusList": {"DeviceStatus": [_state(args, device) for device in devices]}}


@action(
    "DisableThing",
    "device!",
    "",
)
def disable_thing(args: Arguments) -> dict[str, Any]:
    args.operations.devices.set_disabled(args.account, args.device(), True)
    return {}


@action(
    "EnableThing",
    "device!",
    "",
)
def enable_thing(args: Arguments) -> dict[str, Any]:
    args.operations.devices.set_disabled(args.account, args.device(), False)
    return {}


@action(
    "DeleteDevice",
    "device!",
    "",
)
def delete_device(args: Arguments) -> dict[str, Any]:
    args.operations.devices.delete(args.account, args.device())
    return {}


@action(
    "ResetThing",
    "device!",
    "JobId",
)
def reset_thing(args: Arguments) -> dict[str, Any]:
    """As if it had never come: it may be given its secret again by dynamic registration."""
    args.operations.devices.reset(args.account, args.device())
    return {"JobId": ""}


@action(
    "BatchUpdateDeviceNickname",
    "DeviceNicknameInfo.N{IotId,ProductKey,DeviceName,Nickname}!",
    "",
)
def batch_update_device_nickname(args: Arguments) -> dict[str, Any]:
    """All of them or none; without `Nickname` a device has none any more."""
    listed = args.structures("DeviceNicknameInfo", "IotId", "ProductKey", "DeviceName", "Nickname")
    if not listed:
        raise missing("DeviceNicknameInfo")
    if len(listed) > MOST_DEVICES:
        raise ApiError("InvalidParameter", f"at most {MOST_DEVICES} devices in one call.")
    args.operations.devices.rename(args.account, [(_named(args, entry), entry.get("Nickname", "")) for entry in listed])
    return {}


def _named(args: Arguments, entry: Mapping[str, str]) -> Device:
    """The device of an entry's IotId, which wins, or of its names."""
    if "IotId" in entry:
        return args.device_of_id(entry["IotId"])
    for name in ("ProductKey", "DeviceName"):
        if name not in entry:
            raise missing(name)
    return args.operations.devices.find(args.account, entry["ProductKey"], entry["DeviceName"])


def device_detail(args: Arguments, device: Device) -> dict[str, Any]:
    """Everything that is known of a device as such."""
    record = args.operations.devices.record(args.account, device)
    versions = args.operations.devices.versions(args.account, device)
    return {
        **device_names(device),
        "ProductName": device.product.name,
        "Nickname": record.nickname,
        "DeviceSecret": device.secret,
        "GmtCreate": gmt_time(record.created_ms),
        "UtcCreate": utc_time(record.created_ms),
        "GmtActive": gmt_time(record.activated_ms),
        "UtcActive": utc_time(record.activated_ms),
        "GmtOnline": gmt_time(record.online_ms),
        "UtcOnline": utc_time(record.online_ms),
        "Status": status_of(args, device),
        "IpAddress": record.address,
        "FirmwareVersion": versions.get(DEFAULT_MODULE, ""),
        "NodeType": NODE_TYPE[device.product.node_type],
        "Region": _REGION,
        "Owner": True,
    }


def device_names(device: Device) -> dict[str, str]:
    names = {"ProductKey": device.product.key, "DeviceName": device.name}
    return {"IotId": iot_id(device.product.key, device.name), **names}


def status_of(args: Arguments, device: Device) -> str:
    return STATUS[args.operations.devices.status(args.account, device).state]


def _since(args: Arguments, device: Device) -> int:
    return args.operations.devices.status(args.account, device).since_ms


def _state(args: Arguments, device: Device) -> dict[str, Any]:
    own_id = iot_id(device.product.key, device.name)
    record = args.operations.devices.record(args.account, device)
    return {
        "DeviceId": own_id,
        "IotId": own_id,
        "DeviceName": device.name,
        "Status": status_of(args, device),
        "AsAddress": record.address,
        "LastOnlineTime": gmt_time(record.online_ms),
        "Timestamp": _since(args, device),
    }
