"""Sessions of sub-devices over their gateway's connection (`/ext/session/{gateway}/combine/…`)."""

from __future__ import annotations

from typing import Any

from jinqiao.gateway.platform.devices.topology import MOST_BOUND
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.json_values import as_name
from jinqiao.wire.alink.signature import METHODS

from .sub_devices import named_device, signed
from .uplink import Outcome, Uplink, answered

__all__ = ["log_in", "log_in_batch", "log_out", "log_out_batch"]

#: Sub-devices in one batch.
MOST_IN_BATCH = 50


@answered
def log_in(uplink: Uplink, params: Any) -> Outcome:
    """`combine.login`: one sub-device, signed with its own secret."""
    if type(params) is not dict:
        return Outcome(460)
    return _log_in(uplink, [params], params.get("signMethod", params.get("signmethod", "hmacMd5")), data={})


@answered
def log_in_batch(uplink: Uplink, params: Any) -> Outcome:
    """`combine.batch_login`: all of them or none; a refusal names the one that it is about."""
    entries = params.get("deviceList") if type(params) is dict else None
    if type(entries) is not list or not 0 < len(entries) <= MOST_IN_BATCH:
        return Outcome(460)
    names = [_named(entry) for entry in entries if type(entry) is dict]
    return _log_in(uplink, entries, params.get("signMethod", "hmacMd5"), data=names)


def _named(entry: Any) -> dict[str, Any]:
    """What an entry calls its device, as far as it does."""
    known = entry if type(entry) is dict else {}
    return {"productKey": as_name(known.get("productKey")), "deviceName": as_name(known.get("deviceName"))}


def _log_in(uplink: Uplink, entries: list[Any], method: Any, *, data: Any) -> Outcome:
    if not uplink.parts.quotas.admits_sub_logins(uplink.device, len(entries)):
        return Outcome(429)
    devices: list[Device] = []
    for entry in entries:
        device = named_device(uplink.parts, entry)
        if isinstance(device, int):
            return Outcome(device, data=[_named(entry)] if data else {})
        if code := _cannot_log_in(uplink, device, entry, method):
            return Outcome(code, data=[_named(entry)] if data else {})
        devices.append(device)
    topology = uplink.parts.topology
    # One that is named twice logs in once.
    fresh = {device.identity: device for device in devices if topology.speaks_for(device.identity) is None}
    if len(tuple(topology.logged_in(uplink.device.identity))) + len(fresh) > MOST_BOUND:
        return Outcome(428)
    with uplink.parts.events.together():
        for device in fresh.values():
            uplink.parts.presence.sub_device_logged_in(uplink.device, device)
    return Outcome(data=data)


def _cannot_log_in(uplink: Uplink, device: Device, entry: dict[str, Any], method: Any) -> int:
    if uplink.parts.topology.gateway_of(device.identity) != uplink.device.identity:
        return 6401
    if uplink.parts.records.is_disabled(device.identity):
        return 522
    if type(method) is not str or method.lower() not in METHODS:
        return 460
    agrees = signed(device, entry, method=method)
    return 460 if agrees is None else 0 if agrees else 6287


@answered
def log_out(uplink: Uplink, params: Any) -> Outcome:
    """`combine.logout`: one sub-device."""
    return _log_out(uplink, [params], single=True)


@answered
def log_out_batch(uplink: Uplink, params: Any) -> Outcome:
    """`combine.batch_logout`: all of them or none."""
    if type(params) is not list or not 0 < len(params) <= MOST_IN_BATCH:
        return Outcome(460)
    return _log_out(uplink, params, single=False)


def _log_out(uplink: Uplink, entries: list[Any], *, single: bool) -> Outcome:
    parts, devices = uplink.parts, list[Device]()
    for entry in entries:
        device = named_device(parts, entry)
        if isinstance(device, int):
            return Outcome(device, data={} if single else [_named(entry)])
        if parts.topology.speaks_for(device.identity) != uplink.device.identity:
            return Outcome(520, data={} if single else [_named(entry)])
        devices.append(device)
    for device in devices:
        parts.presence.sub_device_logged_out(uplink.device, device)
    names = [{"productKey": device.product.key, "deviceName": device.name} for device in devices]
    return Outcome(data=names[0] if single else names)
