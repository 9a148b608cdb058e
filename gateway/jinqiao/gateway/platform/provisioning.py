"""Devices that come and go while the platform runs: registered, disabled, enabled, deleted.

Raises PlatformError with the platform's device-side code; each change is kept before it is acknowledged.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

from jinqiao.base.errors import PlatformError
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.signature import METHODS, registration_content, same_signature, sign

from .registry.devices import ListedDevices
from .registry.registry import Device, Product

if TYPE_CHECKING:
    from .platform import Platform

__all__ = [
    "DEVICE_NAME",
    "check_registration",
    "delete_device",
    "device_secret",
    "disable_device",
    "enable_device",
    "new_secret",
    "register_device",
]

#: The platform's rule for device names.
DEVICE_NAME = re.compile(r"[A-Za-z0-9_.:@-]{1,32}")


def new_secret() -> str:
    """32 hex digits, as the platform's secrets have."""
    return secrets.token_hex(16)


def refusal(code: int) -> PlatformError:
    """The error of a code, in the table's words."""
    return PlatformError(code, TEXT[code])


def register_device(
    platform: Platform, product: Product, device_name: str, *, secret: str | None = None, nickname: str = ""
) -> Device:
    """Register a device; without a secret it gets one. 6280 for a name that is none or is taken, 403 for a fleet's."""
    if not DEVICE_NAME.fullmatch(device_name) or product.devices.secret(device_name) is not None:
        raise refusal(6280)
    if not isinstance(product.devices, ListedDevices):
        raise refusal(403)
    device = Device(product, device_name, secret or new_secret())
    product.devices.add(device_name, device.secret)
    platform.on_change("device", product.key, device_name, {"secret": device.secret})
    platform.note(device, created_ms=platform.now_ms(), nickname=nickname)
    return device


def disable_device(platform: Platform, device: Device) -> None:
    """The device may not connect any more; if it is online, its connection is ended."""
    platform.set_disabled(device, True)


def enable_device(platform: Platform, device: Device) -> None:
    """The device may connect again."""
    platform.set_disabled(device, False)


def delete_device(platform: Platform, device: Device) -> None:
    """Forget the device and everything known about it; 403 for a simulated fleet's."""
    devices = device.product.devices
    if not isinstance(devices, ListedDevices):
        raise refusal(403)
    devices.remove(device.name)
    platform.records.pop(device.identity, None)
    platform.on_change("device", device.product.key, device.name, {"deleted": True})
    platform.forget_device(device)


def check_registration(
    platform: Platform, product_key: str, device_name: str, random: str, method: str, signature: bytes | str
) -> Product:
    """The product that vouches for a dynamic registration.

    Raises 460 (something is missing), 6250 (no such product), 6288 (switched off), 6292 (method), 6600 (signature).
    """
    if not (product_key and device_name and random):
        raise refusal(460)
    product = platform.registry.product(product_key)
    if product is None:
        raise refusal(6250)
    if not product.dynamic_registration or product.secret is None:
        raise refusal(6288)
    if method.lower() not in METHODS:
        raise refusal(6292)
    content = registration_content(device_name, product_key, random)
    if not same_signature(sign(method, product.secret, content), signature):
        raise refusal(6600)
    return product


def device_secret(platform: Platform, product: Product, device_name: str) -> Device:
    """A pre-registered device that was never online, to be told its secret; 6100 unknown, 6289 already activated."""
    device = platform.registry.device(product.key, device_name)
    if device is None:
        raise refusal(6100)
    if platform.record_of(device).activated_ms:
        raise refusal(6289)
    return device
