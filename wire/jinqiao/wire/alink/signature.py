"""What is signed by whom: the platform's HMACs over names and values without separators (hex, any case).

Direct devices sign in CONNECT, sub-devices in topology and login messages, both with the device's secret; dynamic
registration and a gateway's product registration sign with the product's secret.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "METHODS",
    "client_content",
    "fleet_device_secret",
    "registration_content",
    "same_signature",
    "sign",
]

#: `signmethod`, in lower case; `sha256` is an older spelling of `hmacsha256`.
METHODS: Mapping[str, Callable[..., Any]] = {
    "hmacmd5": hashlib.md5,
    "hmacsha1": hashlib.sha1,
    "hmacsha256": hashlib.sha256,
    "sha256": hashlib.sha256,
}


def fleet_device_secret(fleet_secret: str, device_name: str) -> str:
    """The secret of a simulated vehicle, 32 hex digits as the platform's have; both ends derive it from one."""
    return hmac.new(fleet_secret.encode(), device_name.encode(), hashlib.sha256).hexdigest()[:32]


def client_content(client_id: str, device_name: str, product_key: str, timestamp: str | None = None) -> str:
    """What a direct device or a sub-device signs. `client_id` is the part before the first `|` for direct devices.

    Sub-devices of the Python SDK sign the whole client id with its `|…|`, those of other SDKs have none: accept either.
    """
    content = f"clientId{client_id}deviceName{device_name}productKey{product_key}"
    return content if timestamp is None else f"{content}timestamp{timestamp}"


def registration_content(device_name: str, product_key: str, random: str) -> str:
    """What is signed with the product's secret for dynamic registration."""
    return f"deviceName{device_name}productKey{product_key}random{random}"


def sign(method: str, secret: str, content: str) -> str:
    """Lower-case hex HMAC; KeyError for a method that is not in METHODS (any case)."""
    return hmac.new(secret.encode(), content.encode("utf-8", "replace"), METHODS[method.lower()]).hexdigest()


def same_signature(expected: str, given: bytes | str) -> bool:
    """Compare hex digests in constant time; C SDKs send upper case, the others lower."""
    raw = given.encode("utf-8", "replace") if isinstance(given, str) else given
    return hmac.compare_digest(expected.lower().encode(), raw.lower())
