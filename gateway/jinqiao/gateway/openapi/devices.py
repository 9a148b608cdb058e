"""Actions on devices as such: register, look at, disable, delete; their status and tags."""

from __future__ import annotations

import json
import secrets
from typing import Any

from jinqiao.base.errors import PlatformError
from jinqiao.gateway.platform import provisioning
from jinqiao.gateway.platform.registry.records import iot_id
from jinqiao.gateway.platform.registry.registry import Device, NodeType
from jinqiao.wire.alink.limits import DEFAULT_MODULE

from .arguments import Arguments, gmt_time, utc_time
from .errors import ApiError

__all__ = [
    "batch_get_device_state",
    "delete_device",
    "disable_thing",
    "enable_thing",
    "get_device_status",
    "query_device_detail",
    "query_device_prop",
    "register_device",
]

#: `DeviceStatus.state` → the cloud side's word.
STATUS = {"online": "ONLINE", "offline": "OFFLINE", "inactive": "UNACTIVE", "disabled": "DISABLE"}
NODE_TYPE: dict[NodeType, int] = {"device": 0, "sub_device": 0, "gateway": 1}
#: Devices asked for in one BatchGetDeviceState.
MOST_DEVICES = 100
_REGION = "cn-shanghai"


def register_device(args: Arguments) -> dict[str, Any]:
    product = args.product()
    name = args.text("DeviceName", "") or secrets.token_hex(10)
    if product.devices.secret(name) is not None:
        raise ApiError("iot.device.AlreadyExistedDeviceName")
    try:
        device = provisioning.register_device(args.platform, product, name, nickname=args.text("Nickname", ""))
    except PlatformError as refused:
        code = "iot.device.InvalidFormattedDeviceName" if refused.code == 6280 else "iot.device.CreateDeviceFailed"
        raise ApiError(code) from refused
    record = args.platform.record_of(device)
    return {"Data": {**_names(device), "DeviceSecret": device.secret, "Nickname": record.nickname}}


def query_device_detail(args: Arguments) -> dict[str, Any]:
    device, platform = args.device(), args.platform
    record = platform.record_of(device)
    versions = platform.versions(device)
    return {
        "Data": {
            **_names(device),
            "ProductName": device.product.name,
            "Nickname": record.nickname,
            "DeviceSecret": device.secret,
            "GmtCreate": gmt_time(record.created_ms),
            "UtcCreate": utc_time(record.created_ms),
            "GmtActive": gmt_time(record.activated_ms),
            "UtcActive": utc_time(record.activated_ms),
            "GmtOnline": gmt_time(record.online_ms),
            "UtcOnline": utc_time(record.online_ms),
            "Status": _status(args, device),
            "IpAddress": record.address,
            "FirmwareVersion": versions.get(DEFAULT_MODULE, ""),
            "NodeType": NODE_TYPE[device.product.node_type],
            "Region": _REGION,
            "Owner": True,
        }
    }


def get_device_status(args: Arguments) -> dict[str, Any]:
    device = args.device()
    return {"Data": {"Status": _status(args, device), "Timestamp": _since(args, device)}}


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


def query_device_prop(args: Arguments) -> dict[str, Any]:
    device = args.device()
    tags = args.platform.state(device.product.key, device.name).tags
    return {"Props": json.dumps(tags, ensure_ascii=False, separators=(",", ":"))}


def disable_thing(args: Arguments) -> dict[str, Any]:
    provisioning.disable_device(args.platform, args.device())
    return {}


def enable_thing(args: Arguments) -> dict[str, Any]:
    provisioning.enable_device(args.platform, args.device())
    return {}


def delete_device(args: Arguments) -> dict[str, Any]:
    try:
        provisioning.delete_device(args.platform, args.device())
    except PlatformError as refused:
        raise ApiError("iot.device.DeleteDeviceFailed") from refused
    return {}


def _names(device: Device) -> dict[str, str]:
    names = {"ProductKey": device.product.key, "DeviceName": device.name}
    return {"IotId": iot_id(device.product.key, device.name), **names}


def _status(args: Arguments, device: Device) -> str:
    status = args.platform.status(device.product.key, device.name)
    return STATUS[status.state if status is not None else "inactive"]


def _since(args: Arguments, device: Device) -> int:
    status = args.platform.status(device.product.key, device.name)
    return status.since_ms if status is not None else 0


def _state(args: Arguments, device: Device) -> dict[str, Any]:
    own_id = iot_id(device.product.key, device.name)
    record = args.platform.record_of(device)
    return {
        "DeviceId": own_id,
        "IotId": own_id,
        "DeviceName": device.name,
        "Status": _status(args, device),
        "AsAddress": record.address,
        "LastOnlineTime": gmt_time(record.online_ms),
        "Timestamp": _since(args, device),
    }
