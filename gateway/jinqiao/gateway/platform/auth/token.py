"""Logins with a token: user name `iotId`, password `iotToken`, as HTTPS pre-authentication gave them for seven days.

A wrong or stale one is answered with CONNACK 3.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NamedTuple

from jinqiao.gateway.broker.policy import Login, Principal

from ..registry.registry import Device, Registry
from .identity import UNAVAILABLE, ClientId, Denied, device_principal, parse_client_id

__all__ = ["Token", "token_login"]


class Token(NamedTuple):
    """A device's token; `until_ms` is UTC."""

    device: Device
    password: str
    until_ms: int


def token_login(login: Login, tokens: Mapping[str, Token], registry: Registry, now_ms: int) -> Principal | None:
    """The device behind a token's user name, None if it is none; raises Denied."""
    token = tokens.get(login.username or "")
    if token is None:
        return None
    device = token.device
    known = registry.device(device.product.key, device.name) is not None
    if not known or not hmac.compare_digest(token.password.encode(), login.password or b"") or now_ms >= token.until_ms:
        names = {"product_key": device.product.key, "device_name": device.name}
        raise Denied(UNAVAILABLE, 401, "wrong or stale token", **names)
    client = parse_client_id(login.client_id) or ClientId(login.client_id, {})
    return device_principal(login, client, device)
