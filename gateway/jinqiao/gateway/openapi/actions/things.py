"""Actions on what a device is and does: properties, desired properties, services, shadow, thing model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinqiao.gateway.platform.operations.awaited import Awaited
from jinqiao.gateway.platform.operations.things import as_text
from jinqiao.wire.alink.thing_model import PropertyModel

from ..action import action
from ..arguments import Arguments
from ..errors import ApiError
from ..pending import Pending
from .devices import MOST_DEVICES

__all__ = [
    "clear_device_desired_property",
    "get_device_shadow",
    "invoke_thing_service",
    "invoke_things_service",
    "query_device_desired_property",
    "query_device_property_status",
    "set_device_desired_property",
    "set_device_property",
    "set_devices_property",
    "update_device_shadow",
]

#: Desired properties that are cleared in one call.
_MOST_CLEARED = 10


@action(
    "SetDeviceProperty",
    "device! Items! Qos",
    "Data{MessageId}",
)
def set_device_property(args: Arguments) -> dict[str, Any] | Pending:
    """Delivered on push: several official SDKs never answer a set."""
    device, items, qos = args.device(), args.object("Items"), args.number("Qos", 1, high=1)
    sent = args.operations.things.set_properties(args.account, device, items, qos)
    return {"Data": {"MessageId": sent}} if isinstance(sent, str) else Pending.of(sent, _message)


@action(
    "SetDevicesProperty",
    "ProductKey! DeviceName.N! Items! Qos",
    "",
)
def set_devices_property(args: Arguments) -> dict[str, Any] | Pending:
    """The same properties of 100 devices at most; who is away misses it."""
    args.product()
    items, qos = args.object("Items"), args.number("Qos", 1, high=1)
    return _sent(args.operations.things.set_of_all(args.account, args.devices(MOST_DEVICES), items, qos))


@action(
    "InvokeThingsService",
    "ProductKey! DeviceName.N! Identifier! Args Qos",
    "",
)
def invoke_things_service(args: Arguments) -> dict[str, Any] | Pending:
    """The same service of 100 devices at most; nobody waits for what they answer."""
    args.product()
    identifier, values, qos = args.text("Identifier"), args.object("Args", "{}"), args.number("Qos", 1, high=1)
    devices = args.devices(MOST_DEVICES)
    return _sent(args.operations.things.invoke_of_all(args.account, devices, identifier, values, qos))


def _sent(awaited: Awaited[object] | None) -> dict[str, Any] | Pending:
    """Nothing to say, at once or when scripts have converted what is sent."""
    return {} if awaited is None else Pending.of(awaited, lambda _: {})


@action(
    "InvokeThingService",
    "device! Identifier! Args Qos",
    "Data{Result MessageId}",
)
def invoke_thing_service(args: Arguments) -> dict[str, Any] | Pending:
    """Asynchronous services are answered at once, synchronous ones by the device's output."""
    device, identifier, values = args.device(), args.text("Identifier"), args.object("Args", "{}")
    qos = args.number("Qos", 1, high=1)
    invoked = args.operations.things.invoke_service(args.account, device, identifier, values, qos)
    if isinstance(invoked, str):
        return {"Data": {"MessageId": invoked}}
    message_id, awaited = invoked

    def members(output: dict[str, Any] | None) -> Mapping[str, Any]:
        result = {} if output is None else {"Result": as_text(output)}
        return {"Data": {**result, "MessageId": message_id}}

    return Pending.of(awaited, members)


def _message(message_id: str) -> Mapping[str, Any]:
    return {"Data": {"MessageId": message_id}}


@action(
    "QueryDevicePropertyStatus",
    "device! FunctionBlockId",
    "Data{List{PropertyStatusInfo[Identifier Name DataType Unit Value Time]}}",
)
def query_device_property_status(args: Arguments) -> dict[str, Any]:
    """Every property of a module with its last value; without `FunctionBlockId` the default module and all others."""
    device = args.device()
    block = args.text("FunctionBlockId", "")
    last = args.operations.things.last_values(args.account, device)
    rows = []
    for address, model in device.product.thing_model.properties.items():
        if block and address.partition(":")[0] != block:
            continue
        known = last.get(address)
        row = _described(model)
        if known is not None:
            row |= {"Value": as_text(known.value), "Time": str(known.time_ms)}
        rows.append(row)
    return {"Data": {"List": {"PropertyStatusInfo": rows}}}


@action(
    "SetDeviceDesiredProperty",
    "device! Items! Versions",
    "Data{MessageId Versions}",
)
def set_device_desired_property(args: Arguments) -> dict[str, Any]:
    """Values with the versions they are based on; an online device is notified at once, another asks once online."""
    device, items, versions = args.device(), args.object("Items"), args.object("Versions", "{}")
    if any(type(version) is not int for version in versions.values()):
        raise ApiError("iot.check.InvalidFormattedParameter", "Versions must hold whole numbers.")
    message_id, fresh = args.operations.things.set_desired(args.account, device, items, versions)
    return {"Data": {"MessageId": message_id, "Versions": as_text(fresh)}}


@action(
    "ClearDeviceDesiredProperty",
    "device! Identifies.N!",
    "Data{Versions}",
)
def clear_device_desired_property(args: Arguments) -> dict[str, Any]:
    """Ten properties at most; they have versions all the same."""
    device, addresses = args.device(), args.list("Identifies")
    if not addresses:
        raise ApiError("MissingParameter", "Identifies.N is mandatory for this action.")
    if len(addresses) > _MOST_CLEARED:
        raise ApiError("InvalidParameter", f"at most {_MOST_CLEARED} properties in one call.")
    left = args.operations.things.clear_desired(args.account, device, addresses)
    return {"Data": {"Versions": as_text(left)}}


@action(
    "QueryDeviceDesiredProperty",
    "device! Identifier.N",
    "Data{List{DesiredPropertyInfo[Identifier Name DataType Unit Value Version Time]}}",
)
def query_device_desired_property(args: Arguments) -> dict[str, Any]:
    device = args.device()
    entries = args.operations.things.desired(args.account, device)
    wanted = args.list("Identifier") or list(entries)
    models = device.product.thing_model.properties
    rows = []
    for address in wanted:
        entry, model = entries.get(address), models.get(address)
        if entry is not None and model is not None:
            known = {"Value": as_text(entry.value), "Version": entry.version, "Time": str(entry.time_ms)}
            rows.append(_described(model) | known)
    return {"Data": {"List": {"DesiredPropertyInfo": rows}}}


@action(
    "GetDeviceShadow",
    "device!",
    "ShadowMessage",
)
def get_device_shadow(args: Arguments) -> dict[str, Any]:
    return {"ShadowMessage": as_text(args.operations.things.shadow(args.account, args.device()))}


@action(
    "UpdateDeviceShadow",
    "device! ShadowMessage! DeltaUpdate",
    "",
)
def update_device_shadow(args: Arguments) -> dict[str, Any]:
    device, message = args.device(), args.text("ShadowMessage")
    args.operations.things.update_shadow(args.account, device, message.encode())
    return {}


def _described(model: PropertyModel) -> dict[str, Any]:
    specs = getattr(model.data_type, "specs", None)
    unit = getattr(specs, "unit", None) or ""
    return {"Identifier": model.address, "Name": model.name, "DataType": model.data_type.type, "Unit": unit}
