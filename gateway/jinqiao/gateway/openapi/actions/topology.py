"""Actions on gateways and their sub-devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from jinqiao.gateway.platform.registry.registry import Device

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pages import Page
from .devices import device_detail, device_names

__all__ = ["get_gateway_by_sub_device", "get_thing_topo", "notify_add_thing_topo", "remove_thing_topo"]

#: Rows of a page, sub-devices in one notice.
_ROWS, _MOST_ADDED = 50, 30
#: What is spelled differently from QueryDeviceDetail, and what is not there.
_SPELLED = {"IotId": "iotId", "Region": "region"}
_HIDDEN = {"Nickname", "Owner"}


@action(
    "GetThingTopo",
    "device! PageNo! PageSize!",
    "Data{Total PageSize PageCount CurrentPage List{deviceInfo[ProductKey DeviceName IotId]}}",
)
def get_thing_topo(args: Arguments) -> dict[str, Any]:
    """A gateway's sub-devices."""
    gateway, page = args.device(), Page.of(args, _ROWS, "PageNo")
    bound = args.operations.topologies.sub_devices(args.account, gateway)
    rows = [device_names(device) for device in page.rows(bound)]
    members = {"CurrentPage" if name == "PageNo" else name: n for name, n in page.members(len(bound), "PageNo").items()}
    return {"Data": {**members, "List": {"deviceInfo": rows}}}


@action(
    "NotifyAddThingTopo",
    "GwIotId GwProductKey GwDeviceName DeviceListStr!",
    "Data{MessageId}",
)
def notify_add_thing_topo(args: Arguments) -> dict[str, Any]:
    """The gateway is asked to bind `[{"productKey": …, "deviceName": …}]`, which it does by itself."""
    gateway, devices = _gateway(args), _listed(args)
    return {"Data": {"MessageId": args.operations.topologies.ask_to_add(args.account, gateway, devices)}}


@action(
    "RemoveThingTopo",
    "device!",
    "Data",
)
def remove_thing_topo(args: Arguments) -> dict[str, Any]:
    """A sub-device leaves its gateway; of a gateway all do."""
    args.operations.topologies.remove(args.account, args.device())
    return {"Data": True}


@action(
    "GetGatewayBySubDevice",
    "device!",
    "Data{iotId ProductKey DeviceName ProductName DeviceSecret GmtCreate UtcCreate GmtActive UtcActive GmtOnline "
    "UtcOnline Status IpAddress FirmwareVersion NodeType region}",
)
def get_gateway_by_sub_device(args: Arguments) -> dict[str, Any]:
    detail = device_detail(args, args.operations.topologies.gateway_of(args.account, args.device()))
    shown = {_SPELLED.get(name, name): value for name, value in detail.items() if name not in _HIDDEN}
    return {"Data": {**shown, "NodeType": str(shown["NodeType"])}}


def _gateway(args: Arguments) -> Device:
    if gateway_id := args.text("GwIotId", ""):
        return args.device_of_id(gateway_id)
    product = args.operations.devices.product(args.account, args.text("GwProductKey"))
    return args.device_named(product, args.text("GwDeviceName"))


def _listed(args: Arguments) -> Sequence[Device]:
    try:
        entries = orjson.loads(args.text("DeviceListStr"))
    except orjson.JSONDecodeError:
        entries = None
    if type(entries) is not list or not entries:
        raise ApiError("iot.check.InvalidFormattedParameter", "DeviceListStr must be a JSON array of devices.")
    if len(entries) > _MOST_ADDED:
        raise ApiError("InvalidParameter", f"at most {_MOST_ADDED} devices in one call.")
    return [_named(args, entry) for entry in entries]


def _named(args: Arguments, entry: Any) -> Device:
    """One of DeviceListStr, by its id or its names."""
    names = entry if type(entry) is dict else {}
    known = {name.lower(): value for name, value in names.items()}
    own_id, key, name = (known.get(member) for member in ("iotid", "productkey", "devicename"))
    if type(own_id) is str and own_id:
        return args.device_of_id(own_id)
    if type(key) is not str or type(name) is not str:
        raise ApiError("iot.check.InvalidFormattedParameter", "a device has productKey and deviceName.")
    return args.operations.devices.find(args.account, key, name)
