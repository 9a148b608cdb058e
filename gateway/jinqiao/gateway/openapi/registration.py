"""HTTPS registration and pre-authentication of devices: `/auth/register/device` and `/auth/devicename`.

Document 132111. Forms in, JSON out; a refusal is HTTP 200 with the platform's device-side code.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from jinqiao.base.errors import PlatformError
from jinqiao.gateway.platform.auth.token import Token
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.provisioning import check_registration, device_secret
from jinqiao.gateway.platform.registry.records import iot_id
from jinqiao.wire.alink.codes import OK, TEXT
from jinqiao.wire.alink.signature import METHODS, client_content, same_signature, sign

from .http import MAX_BODY, Request, Response

__all__ = ["PATHS", "Registration"]

#: A token is good for seven days.
_TOKEN_MS = 7 * 24 * 3_600_000
Form = Mapping[str, str]


class Registration:
    """Both paths of one platform."""

    def __init__(self, platform: Platform, mqtt_address: tuple[str, int]) -> None:
        self.platform = platform
        self.mqtt_address = mqtt_address

    def dispatch(self, request: Request) -> Response:
        """The answer to a request of one of `PATHS`."""
        if request.method != "POST":
            return _reply(405, 460, {}, "only POST")
        try:
            form = request.parameters() if len(request.body) <= MAX_BODY else {}
        except ValueError:
            form = {}
        try:
            return _reply(200, OK, _HANDLERS[request.path](self, form))
        except PlatformError as refused:
            product_key, device_name = form.get("productKey", ""), form.get("deviceName", "")
            self.platform.record(product_key, device_name, request.path, refused.code, refused.message)
            return _reply(200, refused.code, {})

    def register(self, form: Form) -> dict[str, Any]:
        """The secret of a pre-registered device, for who knows its product's."""
        product = check_registration(
            self.platform,
            form.get("productKey", ""),
            form.get("deviceName", ""),
            form.get("random", ""),
            form.get("signMethod", "hmacmd5"),
            form.get("sign", ""),
        )
        device = device_secret(self.platform, product, form["deviceName"])
        return {"productKey": product.key, "deviceName": device.name, "deviceSecret": device.secret}

    def authenticate(self, form: Form) -> dict[str, Any]:
        """An id and a token to log in with over MQTT, for who knows the device's secret."""
        product_key, device_name = form.get("productKey", ""), form.get("deviceName", "")
        method = form.get("signmethod", form.get("signMethod", "hmacmd5"))
        if not (product_key and device_name and form.get("clientId") and method.lower() in METHODS):
            raise PlatformError(460, TEXT[460])
        device = self.platform.registry.device(product_key, device_name)
        content = client_content(form["clientId"], device_name, product_key, form.get("timestamp"))
        expected = sign(method, device.secret if device is not None else "", content)
        if not same_signature(expected, form.get("sign", "")) or device is None:
            raise PlatformError(401, TEXT[401])
        token = Token(device, secrets.token_hex(16), self.platform.now_ms() + _TOKEN_MS)
        name = iot_id(product_key, device_name)
        self.platform.tokens[name] = token
        host, port = self.mqtt_address
        return {"iotId": name, "iotToken": token.password, "resources": {"mqtt": {"host": host, "port": port}}}


_HANDLERS: Mapping[str, Callable[[Registration, Form], dict[str, Any]]] = MappingProxyType(
    {"/auth/register/device": Registration.register, "/auth/devicename": Registration.authenticate}
)

#: What is answered here.
PATHS = frozenset(_HANDLERS)


def _reply(status: int, code: int, data: Mapping[str, Any], message: str = "") -> Response:
    return Response(status, orjson.dumps({"code": code, "data": data, "message": message or TEXT[code]}))
