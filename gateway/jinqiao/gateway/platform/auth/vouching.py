"""How a device without a login proves whose it is: with its product's secret, or with its own.

Raises PlatformError with the platform's device-side code.
"""

from __future__ import annotations

import secrets

from jinqiao.base.errors import PlatformError
from jinqiao.wire.alink.codes import TEXT
from jinqiao.wire.alink.signature import METHODS, client_content, registration_content, same_signature, sign

from ..parts import Parts
from ..provisioning import refusal
from ..registry.record import iot_id
from ..registry.registry import Device, Product, Registry
from .token import Token

__all__ = [
    "TOKEN_MS",
    "NotVouched",
    "check_registration",
    "check_vouched",
    "device_secret",
    "issue_token",
    "vouched_device",
]

#: A token is good for seven days.
TOKEN_MS = 7 * 24 * 3_600_000


class NotVouched(PlatformError):
    """Who asks has not proved to know the product's secret, and gets 6600 whether or not there is such a product.

    `found` is what is really the matter, for the device log.
    """

    def __init__(self, found: int) -> None:
        super().__init__(6600, TEXT[6600])
        self.found = found


def check_vouched(product: Product | None, content: str, method: str, signature: bytes | str) -> Product:
    """The product, if the content is signed with its secret; raises 6292 for an unknown method, and NotVouched.

    Without a product or a secret the same HMAC is computed.
    """
    if method.lower() not in METHODS:
        raise refusal(6292)
    secret = product.secret if product is not None else None
    agrees = same_signature(sign(method, secret or "", content), signature)
    if product is None or secret is None or not agrees:
        raise NotVouched(6250 if product is None else 6288 if secret is None else 6600)
    return product


def check_registration(
    registry: Registry, product_key: str, device_name: str, random: str, method: str, signature: bytes | str
) -> Product:
    """The product that vouches for a dynamic registration.

    Raises 460 (something is missing), 6292 (method), 6600 (signature, and no such product), 6288 (switched off).
    """
    if not (product_key and device_name and random):
        raise refusal(460)
    content = registration_content(device_name, product_key, random)
    product = check_vouched(registry.product(product_key), content, method, signature)
    if not product.dynamic_registration:
        raise refusal(6288)
    return product


def device_secret(parts: Parts, product: Product, device_name: str) -> Device:
    """A pre-registered device that was never online, to be sent its secret; 6100 unknown, 6289 already activated."""
    device = parts.registry.device(product.key, device_name)
    if device is None:
        raise refusal(6100)
    if parts.records.of(device).activated_ms:
        raise refusal(6289)
    return device


def vouched_device(
    parts: Parts,
    product_key: str,
    device_name: str,
    client_id: str,
    timestamp: str | None,
    method: str,
    signature: str,
) -> Device:
    """The device that is spoken for with its secret; raises 460 or 401, which does not reveal whether there is one."""
    if not (product_key and device_name and client_id and method.lower() in METHODS):
        raise refusal(460)
    device = parts.registry.device(product_key, device_name)
    content = client_content(client_id, device_name, product_key, timestamp)
    expected = sign(method, device.secret if device is not None else "", content)
    if not same_signature(expected, signature) or device is None:
        raise PlatformError(401, TEXT[401])
    return device


def issue_token(
    parts: Parts,
    product_key: str,
    device_name: str,
    client_id: str,
    timestamp: str | None,
    method: str,
    signature: str,
) -> tuple[str, Token]:
    """User name and token to log in with over MQTT, for who knows the device's secret; raises 460 or 401."""
    device = vouched_device(parts, product_key, device_name, client_id, timestamp, method, signature)
    token = Token(device, secrets.token_hex(16), parts.now_ms() + TOKEN_MS)
    name = iot_id(product_key, device_name)
    parts.tokens[name] = token
    return name, token
