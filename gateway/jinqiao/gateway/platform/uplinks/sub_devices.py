"""A gateway's sub-devices: registering them, binding them, telling of those it found (`thing/sub`, `thing/topo`).

All entries of a message are judged before any is acted upon: one bad entry refuses the message. A sub-device that
another gateway binds with a valid signature moves there.
"""

from __future__ import annotations

from typing import Any

from jinqiao.base.errors import PlatformError
from jinqiao.gateway.platform.auth.vouching import check_vouched
from jinqiao.gateway.platform.devices.topology import MOST_BOUND
from jinqiao.gateway.platform.events import SubDevicesFound
from jinqiao.gateway.platform.notices import names_of
from jinqiao.gateway.platform.parts import Parts
from jinqiao.gateway.platform.provisioning import DEVICE_NAME
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device, Product
from jinqiao.wire.alink.json_values import as_name
from jinqiao.wire.alink.signature import METHODS, client_content, registration_content, same_signature, sign

from .uplink import Outcome, Uplink, answered

__all__ = [
    "add_topology",
    "delete_topology",
    "find_list",
    "get_topology",
    "named_device",
    "product_register",
    "register_sub_devices",
    "signed",
    "unregister_sub_devices",
]

#: Products whose devices a gateway may register: those that do not say what theirs are, too.
_MAY_BE_SUB_DEVICES = frozenset({"sub_device", "unstated"})

#: Sub-devices in one message.
MOST_REGISTERED = 30


def named_device(parts: Parts, entry: Any) -> Device | int:
    """The device that an entry names, or the code why there is none."""
    if type(entry) is not dict:
        return 460
    product_key, device_name = as_name(entry.get("productKey")), as_name(entry.get("deviceName"))
    if product_key is None or device_name is None:
        return 460
    return parts.registry.device(product_key, device_name) or 6100


def signed(device: Device, entry: dict[str, Any], *, method: Any) -> bool | None:
    """Whether an entry is signed with the sub-device's secret; None when what is needed for that is missing.

    The Python SDK signs the whole client id with its `|…|`, others only what stands before.
    """
    client_id, timestamp, signature = entry.get("clientId"), entry.get("timestamp"), entry.get("sign")
    if type(client_id) is not str or type(signature) is not str or type(method) is not str:
        return None
    if timestamp is not None and type(timestamp) not in (str, int):
        return None
    stamp = None if timestamp is None else str(timestamp)
    return any(
        same_signature(
            sign(method, device.secret, client_content(name, device.name, device.product.key, stamp)), signature
        )
        for name in {client_id, client_id.partition("|")[0]}
    )


# Registration.


@answered
def register_sub_devices(uplink: Uplink, params: Any) -> Outcome:
    """`thing.sub.register`: secrets of sub-devices, new or never online, whose products are for sub-devices.

    All or none. Nobody proves anything here, so the secrets of devices with a connection of their own are not given:
    neither those of products that say so, unless bound to this gateway, nor that of a device that has been online.
    """
    if type(params) is not list or not 0 < len(params) <= MOST_REGISTERED:
        return Outcome(460)
    wanted: list[tuple[Product, str]] = []
    for entry in params:
        found = _registrable(uplink, entry)
        if isinstance(found, int):
            return Outcome(found)
        product, name = found
        if product.node_type not in _MAY_BE_SUB_DEVICES and not _is_own(uplink, product, name):
            return Outcome(6288)
        wanted.append(found)
    try:
        devices = uplink.parts.provisioning.register_sub_devices(wanted, uplink.device.identity)
    except PlatformError as refused:
        return Outcome(refused.code)
    return Outcome(data=[_credentials(device) for device in devices])


def _registrable(uplink: Uplink, entry: Any) -> tuple[Product, str] | int:
    if type(entry) is not dict:
        return 460
    product_key, device_name = as_name(entry.get("productKey")), as_name(entry.get("deviceName"))
    if product_key is None or device_name is None:
        return 460
    product = uplink.parts.registry.product(product_key)
    if product is None:
        return 5005
    if f"{product_key}/{device_name}" == uplink.device.identity:
        return 6402
    if not product.dynamic_registration:
        return 6288
    if uplink.parts.topology.gateway_of(f"{product_key}/{device_name}") not in (None, uplink.device.identity):
        return 6619
    known = uplink.parts.registry.device(product_key, device_name)
    if known is not None and uplink.parts.records.of(known).activated_ms and not _is_own(uplink, product, device_name):
        return 6289
    return product, device_name


def _is_own(uplink: Uplink, product: Product, device_name: str) -> bool:
    return uplink.parts.topology.gateway_of(f"{product.key}/{device_name}") == uplink.device.identity


def _credentials(device: Device) -> dict[str, str]:
    return {
        "iotId": iot_id(device.product.key, device.name),
        "productKey": device.product.key,
        "deviceName": device.name,
        "deviceSecret": device.secret,
    }


@answered
def product_register(uplink: Uplink, params: Any) -> Outcome:
    """`thing.proxy.provisioning.product_register`: the same, vouched for with the sub-device's product secret."""
    entries = params.get("proxieds") if type(params) is dict else None
    if type(entries) is not list or not 0 < len(entries) <= MOST_REGISTERED:
        return Outcome(460)
    successes, failures = [], []
    for entry in entries:
        found = _vouched(uplink, entry)
        if isinstance(found, Device):
            successes.append(_credentials(found))
        else:
            names = entry if type(entry) is dict else {}
            failures.append(
                {"productKey": names.get("productKey"), "deviceName": names.get("deviceName"), "code": found}
            )
            uplink.record(found, "product registration of a sub-device refused")
    return Outcome(data={"successes": successes, "failures": failures})


def _vouched(uplink: Uplink, entry: Any) -> Device | int:
    """The device of an entry that is signed with its product's secret, or the code why there is none: what is known of
    product and device is for who knows that secret."""
    if type(entry) is not dict:
        return 460
    product_key, device_name = as_name(entry.get("productKey")), as_name(entry.get("deviceName"))
    random, method, signature = (entry.get(name) for name in ("random", "signMethod", "sign"))
    if product_key is None or device_name is None:
        return 460
    if not (type(random) is str and type(method) is str and type(signature) is str):
        return 460
    content = registration_content(device_name, product_key, random)
    try:
        check_vouched(uplink.parts.registry.product(product_key), content, method, signature)
        found = _registrable(uplink, entry)
        if isinstance(found, int):
            return found
        product, device_name = found
        return uplink.parts.provisioning.register_sub_devices([(product, device_name)], uplink.device.identity)[0]
    except PlatformError as refused:
        return refused.code


@answered
def unregister_sub_devices(uplink: Uplink, params: Any) -> Outcome:
    """`thing.sub.unregister`: the gateway gives its sub-devices up; they stay registered."""
    return _unbind(uplink, params)


# Topology.


@answered
def add_topology(uplink: Uplink, params: Any) -> Outcome:
    """`thing.topo.add`: bind sub-devices, each signed with its own secret; the reply names them."""
    if type(params) is not list or not 0 < len(params) <= MOST_REGISTERED:
        return Outcome(460)
    devices: list[Device] = []
    for entry in params:
        device = named_device(uplink.parts, entry)
        if isinstance(device, int):
            return Outcome(device)
        if code := _cannot_be_bound(uplink, device, entry):
            return Outcome(code)
        devices.append(device)
    parts = uplink.parts
    # One that is named twice is bound once.
    fresh = {d.identity: d for d in devices if parts.topology.gateway_of(d.identity) != uplink.device.identity}
    if parts.topology.count(uplink.device.identity) + len(fresh) > MOST_BOUND:
        return Outcome(6400)
    with parts.events.together():
        for device in fresh.values():
            parts.presence.bind(uplink.device, device)
    return Outcome(data=names_of(devices))


def _cannot_be_bound(uplink: Uplink, device: Device, entry: dict[str, Any]) -> int:
    if device.identity == uplink.device.identity:
        return 6402
    method = entry.get("signmethod", entry.get("signMethod", "hmacMd5"))
    if type(method) is str and method.lower() not in METHODS:
        return 6292
    agrees = signed(device, entry, method=method)
    if agrees is None:
        return 460
    if not agrees:
        return 401
    return 6204 if uplink.parts.records.is_disabled(device.identity) else 0


@answered
def delete_topology(uplink: Uplink, params: Any) -> Outcome:
    """`thing.topo.delete`: unbind sub-devices of this gateway; their sessions end."""
    return _unbind(uplink, params)


def _unbind(uplink: Uplink, params: Any) -> Outcome:
    if type(params) is not list or not 0 < len(params) <= MOST_REGISTERED:
        return Outcome(460)
    devices: list[Device] = []
    for entry in params:
        device = named_device(uplink.parts, entry)
        if isinstance(device, int):
            return Outcome(device)
        if uplink.parts.topology.gateway_of(device.identity) != uplink.device.identity:
            return Outcome(6401)
        devices.append(device)
    with uplink.parts.events.together():
        for device in devices:
            uplink.parts.presence.release(device)
    return Outcome()


@answered
def get_topology(uplink: Uplink, _: Any) -> Outcome:
    """`thing.topo.get`: the gateway's sub-devices; params are ignored (one official SDK sends the text `"{}"`)."""
    return Outcome(data=names_of(uplink.parts.topology.bound_to(uplink.device.identity)))


@answered
def find_list(uplink: Uplink, params: Any) -> Outcome:
    """`thing.list.found`: sub-devices that a gateway has found; it is for the cloud side to bind them."""
    if type(params) is not list or not 0 < len(params) <= MOST_REGISTERED:
        return Outcome(460)
    for entry in params:
        if type(entry) is not dict:
            return Outcome(460)
        if not DEVICE_NAME.fullmatch(as_name(entry.get("deviceName")) or ""):
            return Outcome(6280)
        product_key = as_name(entry.get("productKey"))
        if product_key is None or uplink.parts.registry.product(product_key) is None:
            return Outcome(6250)
    names = [(entry["productKey"], entry["deviceName"]) for entry in params]
    uplink.parts.events.change(SubDevicesFound, uplink.device, names, uplink.parts.now_ms()).done()
    return Outcome()
