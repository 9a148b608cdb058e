"""HTTPS registration and pre-authentication of devices: `/auth/register/device` and `/auth/devicename`.

Document 132111. Forms in, JSON out; a refusal is HTTP 200 with the platform's device-side code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import orjson

from jinqiao.base.errors import PlatformError
from jinqiao.gateway.platform.auth.vouching import NotVouched, check_registration, device_secret, issue_token
from jinqiao.gateway.platform.platform import Platform
from jinqiao.wire.alink.codes import OK, TEXT

from .http import UNSIGNED_BYTES, Request, Response

__all__ = ["PATHS", "Registration"]

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
            form = request.parameters() if len(request.body) <= UNSIGNED_BYTES else {}
        except ValueError:
            form = {}
        try:
            return _reply(200, OK, self._done(request.path, form))
        except PlatformError as refused:
            product_key, device_name = form.get("productKey", ""), form.get("deviceName", "")
            log = self.platform.log
            code = refused.found if isinstance(refused, NotVouched) else refused.code
            log.record(product_key, device_name, request.path, code, TEXT.get(code, refused.message), stranger=True)
            return _reply(200, refused.code, {})

    def _done(self, path: str, form: Form) -> dict[str, Any]:
        try:
            return _HANDLERS[path](self, form)
        except PlatformError:
            if not self.platform.parts.elsewhere.look():
                raise
        return _HANDLERS[path](self, form)

    def register(self, form: Form) -> dict[str, Any]:
        """The secret of a pre-registered device, for who knows its product's."""
        product = check_registration(
            self.platform.registry,
            form.get("productKey", ""),
            form.get("deviceName", ""),
            form.get("random", ""),
            form.get("signMethod", "hmacmd5"),
            form.get("sign", ""),
        )
        device = device_secret(self.platform.parts, product, form["deviceName"])
        return {"productKey": product.key, "deviceName": device.name, "deviceSecret": device.secret}

    def authenticate(self, form: Form) -> dict[str, Any]:
        """An id and a token to log in with over MQTT, for who knows the device's secret."""
        name, token = issue_token(
            self.platform.parts,
            form.get("productKey", ""),
            form.get("deviceName", ""),
            form.get("clientId", ""),
            form.get("timestamp"),
            form.get("signmethod", form.get("signMethod", "hmacmd5")),
            form.get("sign", ""),
        )
        host, port = self.mqtt_address
        return {"iotId": name, "iotToken": token.password, "resources": {"mqtt": {"host": host, "port": port}}}


_HANDLERS: Mapping[str, Callable[[Registration, Form], dict[str, Any]]] = MappingProxyType(
    {"/auth/register/device": Registration.register, "/auth/devicename": Registration.authenticate}
)

#: What is answered here.
PATHS = frozenset(_HANDLERS)


def _reply(status: int, code: int, data: Mapping[str, Any], message: str = "") -> Response:
    return Response(status, orjson.dumps({"code": code, "data": data, "message": message or TEXT[code]}))
