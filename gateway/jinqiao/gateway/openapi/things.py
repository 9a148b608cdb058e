"""Actions on what a device is and does: properties, desired properties, services, shadow, thing model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import orjson

from jinqiao.gateway.platform.converters.base import ConverterError
from jinqiao.gateway.platform.devices.desired import VersionConflict
from jinqiao.gateway.platform.downlinks import DOWN_RAW, read_answer, request_downlink
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.thing_model import PropertyModel, refused_parameters

from .arguments import Arguments
from .errors import ApiError
from .messages import ask_device
from .pending import Pending

__all__ = [
    "get_device_shadow",
    "get_thing_model_tsl",
    "invoke_thing_service",
    "query_device_desired_property",
    "query_device_property_status",
    "set_device_desired_property",
    "set_device_property",
    "update_device_shadow",
]

#: Seconds a device has to answer a synchronous service.
SERVICE_TIMEOUT_S = 8.0
_SET = "thing/service/property/set"
_NOT_INVOKED = "iot.device.InvokeThingServiceFailed"
#: Alink ids are numbers below 2³² as text.
_ID_RANGE = 2**31


def set_device_property(args: Arguments) -> dict[str, Any]:
    """Delivered on push: several official SDKs never answer a set."""
    device = _active(args, _SET)
    items = _settable(device, args.object("Items"))
    message_id = alink_id(args)
    request = alink_request("thing.service.property.set", message_id, items)
    _send(args, device, _SET, request, "iot.device.SetDevicePropertyFailed")
    return {"Data": {"MessageId": message_id}}


def invoke_thing_service(args: Arguments) -> dict[str, Any] | Pending:
    """Asynchronous services are answered at once, synchronous ones by the device's output."""
    device = _active(args, f"thing/service/{args.text('Identifier', '')}")
    identifier = args.text("Identifier")
    service = device.product.thing_model.services.get(identifier)
    if service is None:
        raise ApiError(_NOT_INVOKED, f"{TEXT[6206]}: {identifier}")
    values = args.object("Args", "{}")
    _check(refused_parameters(service.input, values), _NOT_INVOKED)
    if missing := [name for name in service.input if name not in values]:
        raise ApiError(_NOT_INVOKED, f"{TEXT[6302]}: {', '.join(missing)}")
    message_id, path = alink_id(args), f"thing/service/{identifier}"
    request = alink_request(f"thing.service.{identifier}", message_id, values)
    note = partial(args.platform.take_service, device, identifier, message_id)
    note(_text(values), "")
    if service.call_type == "async":
        _send(args, device, path, request, _NOT_INVOKED)
        return {"Data": {"MessageId": message_id}}
    if not args.platform.is_online(device):
        raise ApiError("iot.messagebroker.OFFLINE")
    call = args.platform.calls.open(device.identity)
    try:
        ask_device(args.platform, device, path, request, call)
    except ConverterError as error:
        args.platform.calls.close(call)
        raise _not_converted(args, device, path, error, _NOT_INVOKED) from error

    def finish() -> Mapping[str, Any]:
        if call.answer is None:
            raise ApiError("iot.messagebroker.TIMEOUT")
        try:
            answer = read_answer(device, call.answer)
        except ConverterError as error:
            raise _not_converted(args, device, f"{DOWN_RAW}_reply", error, _NOT_INVOKED) from error
        try:
            output = _service_output(answer)
            _check(refused_parameters(service.output, output), _NOT_INVOKED)
        except ApiError as error:
            topic = f"/sys/{device.identity}/{path}_reply"
            args.platform.record(device.product.key, device.name, topic, 6205, error.message)
            raise
        note("", _text(output))
        return {"Data": {"Result": _text(output), "MessageId": message_id}}

    return Pending(call, SERVICE_TIMEOUT_S, finish)


def _service_output(answer: bytes) -> dict[str, Any]:
    """`data` of a device's reply; raises ApiError when the reply is none or carries an error's code."""
    try:
        reply = orjson.loads(answer)
    except orjson.JSONDecodeError:
        reply = None
    if type(reply) is not dict:
        raise ApiError(_NOT_INVOKED, f"the device's reply: {TEXT[6207]}")
    if reply.get("code") != 200:
        message = str(reply.get("message") or "")[:256]
        raise ApiError(_NOT_INVOKED, f"{reply.get('code')!r:.20} {message}".strip())
    data = reply.get("data")
    return data if type(data) is dict else {}


def query_device_property_status(args: Arguments) -> dict[str, Any]:
    """Every property of a module with its last value; without `FunctionBlockId` the default module and all others."""
    device = args.device()
    block = args.text("FunctionBlockId", "")
    last = args.platform.last_values(device)
    rows = []
    for address, model in device.product.thing_model.properties.items():
        if block and address.partition(":")[0] != block:
            continue
        known = last.get(address)
        row = _described(model)
        if known is not None:
            row |= {"Value": _text(known.value), "Time": str(known.time_ms)}
        rows.append(row)
    return {"Data": {"List": {"PropertyStatusInfo": rows}}}


def set_device_desired_property(args: Arguments) -> dict[str, Any]:
    """Values with the versions they are based on; an online device is told at once, another asks when it is back."""
    device = args.device()
    items = _settable(device, args.object("Items"))
    versions = args.object("Versions", "{}")
    if any(type(version) is not int for version in versions.values()):
        raise ApiError("InvalidParameter", "Versions must hold whole numbers.")
    state = args.platform.state(device.product.key, device.name)
    try:
        fresh = state.desired.set(items, versions, args.platform.now_ms())
    except VersionConflict as conflict:
        raise ApiError("iot.device.SetDevicePropertyFailed", str(conflict)) from conflict
    args.platform.keep(device, "desired")
    message_id = alink_id(args)
    if args.platform.is_online(device):
        request = alink_request("thing.service.property.set", message_id, items)
        # Wished for all the same: a device that could not be told now asks when it is back.
        with suppress(ApiError):
            _send(args, device, _SET, request, "iot.device.SetDevicePropertyFailed")
    return {"Data": {"MessageId": message_id, "Versions": _text(fresh)}}


def query_device_desired_property(args: Arguments) -> dict[str, Any]:
    device = args.device()
    entries = args.platform.state(device.product.key, device.name).desired.entries
    wanted = args.list("Identifier") or list(entries)
    models = device.product.thing_model.properties
    rows = []
    for address in wanted:
        entry, model = entries.get(address), models.get(address)
        if entry is not None and model is not None:
            known = {"Value": _text(entry.value), "Version": entry.version, "Time": str(entry.time_ms)}
            rows.append(_described(model) | known)
    return {"Data": {"List": {"DesiredPropertyInfo": rows}}}


def get_device_shadow(args: Arguments) -> dict[str, Any]:
    reply = args.platform.update_shadow(args.device(), b'{"method":"get"}')
    return {"ShadowMessage": _text(reply)}


def update_device_shadow(args: Arguments) -> dict[str, Any]:
    device, message = args.device(), args.text("ShadowMessage", "")
    if not message:
        raise ApiError("iot.messagebroker.NullShadowMessage")
    payload = args.platform.update_shadow(device, message.encode()).get("payload", {})
    if payload.get("status") != "success":
        content = payload.get("content", {})
        why = f"{content.get('errorcode')} {content.get('errormessage')}"
        raise ApiError("iot.messagebroker.UpdateDeviceShadowMessageFailed", why)
    return {}


def get_thing_model_tsl(args: Arguments) -> dict[str, Any]:
    """The whole document, or one module of it."""
    model = args.product().thing_model
    block = args.text("FunctionBlockId", "")
    if not block:
        return {"Data": {"TslStr": model.tsl_json.decode(), "TslUri": ""}}
    for module in model.tsl.get("functionBlocks", ()):
        if module.get("functionBlockId") == block:
            return {"Data": {"TslStr": _text(module), "TslUri": ""}}
    raise ApiError("InvalidParameter", f"no module {block!r} in the thing model.")


def alink_id(args: Arguments) -> str:
    """An id as devices can read it: one official SDK keeps 32 bits of it."""
    return str(int(args.platform.calls.new_id()) % _ID_RANGE)


def alink_request(method: str, message_id: str, params: Any) -> bytes:
    """A downlink request, compact, as the smallest official parser needs it."""
    return orjson.dumps({"method": method, "id": message_id, "params": params, "version": "1.0.0"})


def _active(args: Arguments, path: str) -> Device:
    device = args.device()
    status = args.platform.status(device.product.key, device.name)
    if status is not None and status.state == "inactive":
        args.platform.record(device.product.key, device.name, f"/sys/{device.identity}/{path}", 9200, TEXT[9200])
        raise ApiError("iot.device.InactiveDevice")
    return device


def _send(args: Arguments, device: Device, path: str, request: bytes, failed: str) -> None:
    """Publish at QoS 1; who is not there does not get it, and the device log says so.

    For a product that speaks bytes of its own it is converted; raises ApiError `failed` where that cannot be done.
    """
    if not args.platform.is_online(device):
        disabled = args.platform.is_disabled(device.identity)
        code = 6208 if disabled else 9201
        args.platform.record(device.product.key, device.name, f"/sys/{device.identity}/{path}", code, TEXT[code])
    try:
        args.platform.send(request_downlink(args.platform.calls, device, path, request, qos=1))
    except ConverterError as error:
        raise _not_converted(args, device, path, error, failed) from error


def _not_converted(args: Arguments, device: Device, path: str, error: ConverterError, failed: str) -> ApiError:
    args.platform.record(device.product.key, device.name, f"/sys/{device.identity}/{path}", error.code, str(error))
    return ApiError(failed, f"{error.code} {error}")


def _settable(device: Device, items: Mapping[str, Any]) -> dict[str, Any]:
    """The values, if every one is of a property that may be written, and fits it."""
    failed = "iot.device.SetDevicePropertyFailed"
    model = device.product.thing_model
    refused = {}
    for address, value in items.items():
        known = model.properties.get(address)
        if known is None:
            refused[address] = 6320
        elif known.access == "r":
            raise ApiError(failed, f"{address}: the property is read-only")
        elif code := known.check(value):
            refused[address] = code
    _check(refused, failed)
    if not items:
        raise ApiError(failed, "no property to set")
    return dict(items)


def _check(refused: Mapping[str, int], code: str) -> None:
    if refused:
        raise ApiError(code, "; ".join(f"{name}: {TEXT[reason]}" for name, reason in list(refused.items())[:5]))


def _described(model: PropertyModel) -> dict[str, Any]:
    specs = getattr(model.data_type, "specs", None)
    unit = getattr(specs, "unit", None) or ""
    return {"Identifier": model.address, "Name": model.name, "DataType": model.data_type.type, "Unit": unit}


def _text(value: Any) -> str:
    """Values are texts on the cloud side: a text as it is, everything else as JSON."""
    return value if type(value) is str else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
