"""What a gateway sends to bind its sub-devices, or to log them in."""

from __future__ import annotations

from typing import Any

from jinqiao.wire.alink.signature import client_content, sign
from support.alink_house import SUB_DN, SUB_PK

__all__ = ["signed"]


def signed(
    product_key: str = SUB_PK, device_name: str = SUB_DN, secret: str = "subsecret", **more: Any
) -> dict[str, Any]:
    entry = {"productKey": product_key, "deviceName": device_name, "clientId": "c", "timestamp": "1"}
    signature = sign("hmacsha1", secret, client_content("c", device_name, product_key, "1"))
    return {**entry, "signMethod": "hmacSha1", "sign": signature, **more}
