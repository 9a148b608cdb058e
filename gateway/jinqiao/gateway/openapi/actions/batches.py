"""Actions that register many devices: their names are checked, then they are registered a few at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinqiao.gateway.platform.operations.batches import MOST_AT_ONCE
from jinqiao.gateway.platform.products.batch import Batch
from jinqiao.gateway.platform.registry.registry import Device

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pages import Page
from .devices import device_names

__all__ = [
    "batch_check_device_names",
    "batch_register_device",
    "batch_register_device_with_apply_id",
    "query_batch_register_device_status",
    "query_page_by_apply_id",
]

_LARGEST_ID, _MOST_ROWS = 2**53, 50
_BAD_NAMES = "iot.device.InvalidDeviceNameExisted"


@action(
    "BatchCheckDeviceNames",
    "ProductKey! DeviceName.N DeviceNameList.N{DeviceName,DeviceNickname}",
    "Data{ApplyId InvalidDeviceNameList{InvalidDeviceName[]} RepeatedDeviceNameList{RepeatDevieNameList[]} "
    "InvalidDeviceNicknameList{InvalidDeviceNickname[]} InvalidDetailList{InvalidDetailList[DeviceName NickName "
    "ErrorMsg]}}",
)
def batch_check_device_names(args: Arguments) -> dict[str, Any]:
    """An ApplyId where all can be registered; else which names cannot, and why."""
    product = args.product()
    listed = args.structures("DeviceNameList", "DeviceName", "DeviceNickname")
    named = [(entry.get("DeviceName", ""), entry.get("DeviceNickname", "")) for entry in listed]
    names = args.list("DeviceName") or [name for name, _ in named]
    if not names:
        raise ApiError("iot.device.NoneDeviceNameElement")
    if len(names) > MOST_AT_ONCE:
        raise ApiError("iot.device.DeviceCountExceeded", f"at most {MOST_AT_ONCE:,} devices in one call.")
    nicknames = {name: nickname for name, nickname in named if nickname}
    checked = args.operations.batches.check(args.account, product, names, nicknames)
    if checked.batch is not None:
        return {"Data": {"ApplyId": checked.batch.id}}
    bad = [
        *((name, "the device name is not valid") for name in checked.invalid),
        *((name, "the device name exists already") for name in checked.taken),
    ]
    details = [{"DeviceName": name, "NickName": nicknames.get(name, ""), "ErrorMsg": why} for name, why in bad]
    return {
        "Success": False,
        "Code": _BAD_NAMES,
        "ErrorMessage": ApiError(_BAD_NAMES).message,
        "Data": {
            "InvalidDeviceNameList": {"InvalidDeviceName": list(checked.invalid)},
            # Spelt as every official SDK reads it.
            "RepeatedDeviceNameList": {"RepeatDevieNameList": list(checked.taken)},
            "InvalidDeviceNicknameList": {"InvalidDeviceNickname": list(checked.bad_nicknames)},
            "InvalidDetailList": {"InvalidDetailList": details},
        },
    }


@action(
    "BatchRegisterDeviceWithApplyId",
    "ProductKey! ApplyId!",
    "Data{ApplyId}",
)
def batch_register_device_with_apply_id(args: Arguments) -> dict[str, Any]:
    """Registers devices whose names were checked."""
    batch = args.operations.batches.register(args.account, args.product(), _id(args))
    return {"Data": {"ApplyId": batch.id}}


@action(
    "BatchRegisterDevice",
    "ProductKey! Count!",
    "Data{ApplyId}",
)
def batch_register_device(args: Arguments) -> dict[str, Any]:
    """Registers devices with random names."""
    product = args.product()
    count = args.number("Count", 0, low=1, high=MOST_AT_ONCE, code="iot.device.DeviceCountExceeded")
    return {"Data": {"ApplyId": args.operations.batches.register_random(args.account, product, count).id}}


@action(
    "QueryBatchRegisterDeviceStatus",
    "ProductKey! ApplyId!",
    "Data{Status ValidList{Name[]} InvalidList{Name[]} InvalidDetailList{invalidDetailList[DeviceName NickName "
    "ErrorMsg]}}",
)
def query_batch_register_device_status(args: Arguments) -> dict[str, Any]:
    """`CHECK_SUCCESS` before, `CREATE` while they are registered, `CREATE_SUCCESS` when that is done."""
    batch = args.operations.batches.find(args.account, _id(args), args.product())
    refused = set(batch.refused)
    details = [
        {"DeviceName": name, "NickName": batch.nicknames.get(name, ""), "ErrorMsg": "the device name exists already"}
        for name in batch.refused
    ]
    return {
        "Data": {
            "Status": batch.status,
            "ValidList": {"Name": [name for name in batch.names if name not in refused]},
            "InvalidList": {"Name": list(batch.refused)},
            "InvalidDetailList": {"invalidDetailList": details},
        }
    }


@action(
    "QueryPageByApplyId",
    "ApplyId! CurrentPage PageSize",
    "Total PageCount Page PageSize ApplyDeviceList{ApplyDeviceInfo[DeviceId DeviceName DeviceSecret IotId]}",
)
def query_page_by_apply_id(args: Arguments) -> dict[str, Any]:
    """The devices of a batch that are registered, with their secrets."""
    batch = args.operations.batches.find(args.account, _id(args))
    page = Page.of(args, _MOST_ROWS)
    refused = set(batch.refused)
    names = [name for name in batch.names if name not in refused] if batch.status != "CHECK_SUCCESS" else []
    rows = [_registered(device) for device in _devices(args, batch, page.rows(names))]
    return {**page.members(len(names), "Page"), "ApplyDeviceList": {"ApplyDeviceInfo": rows}}


def _devices(args: Arguments, batch: Batch, names: Sequence[str]) -> list[Device]:
    """Those that are there: some may not be registered yet, others not any more."""
    product = args.operations.devices.product(args.account, batch.product_key)
    found = ((name, product.devices.secret(name)) for name in names)
    return [Device(product, name, secret) for name, secret in found if secret is not None]


def _registered(device: Device) -> dict[str, str]:
    iot_id = device_names(device)["IotId"]
    return {"DeviceId": iot_id, "DeviceName": device.name, "DeviceSecret": device.secret, "IotId": iot_id}


def _id(args: Arguments) -> int:
    return args.number("ApplyId", 0, high=_LARGEST_ID, code="iot.device.DeviceApplyIsNotFound")
