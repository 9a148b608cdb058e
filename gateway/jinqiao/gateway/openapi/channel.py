"""The HTTP channel of devices that speak no MQTT: `POST /auth` gives a token, `POST /topic/…` publishes with it.

Document "Connect over HTTPS". Both answer `{"code", "message", "info"}` with HTTP 200 and codes of their own. The
channel goes one way: what the platform replies to a message, and what is sent to the device, does not come back here.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import orjson

from jinqiao.base.errors import PlatformError, ProtocolError
from jinqiao.gateway.platform.auth.token import Token
from jinqiao.gateway.platform.auth.vouching import TOKEN_MS, vouched_device
from jinqiao.gateway.platform.platform import Platform
from jinqiao.gateway.platform.registry.record import iot_id
from jinqiao.gateway.platform.registry.registry import Device
from jinqiao.wire.alink.json_values import object_of
from jinqiao.wire.mqtt.topics import check_name

from .http import UNSIGNED_BYTES, Request, Response

__all__ = ["AUTH", "LARGEST", "TOPIC", "DeviceChannel"]

#: The paths; the second is what a topic stands behind.
AUTH, TOPIC = "/auth", "/topic"
#: Bytes of a message.
LARGEST = 128 * 1024

_OK, _BAD_PARAMETER, _NOT_VOUCHED, _TOO_MANY = 0, 10001, 20000, 40000
_EXPIRED, _NO_TOKEN, _BAD_TOKEN, _NOT_PUBLISHED = 20001, 20002, 20003, 30001
_TEXT: Mapping[int, str] = {
    _OK: "success",
    _BAD_PARAMETER: "param error",
    _NOT_VOUCHED: "auth check error",
    _EXPIRED: "token is expired",
    _NO_TOKEN: "token is null",
    _BAD_TOKEN: "check token error",
    _NOT_PUBLISHED: "publish message error",
    _TOO_MANY: "request too many",
}


class DeviceChannel:
    """Both paths of one platform, without sockets."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        #: By `iotId`, with which a token begins; a new one takes the place of the old.
        self._tokens: dict[str, Token] = {}

    def authenticate(self, request: Request) -> Response:
        """A token for seven days, to who knows a device's secret."""
        given = object_of(request.body) if len(request.body) <= UNSIGNED_BYTES else None
        texts = {name: str(value) for name, value in (given or {}).items() if type(value) in (str, int)}
        product_key, device_name = texts.get("productKey", ""), texts.get("deviceName", "")
        parts = self._platform.parts
        try:
            device = self._vouched(product_key, device_name, texts)
        except PlatformError as refused:
            log = self._platform.log
            log.record(product_key, device_name, AUTH, refused.code, refused.message, stranger=True)
            return _answer(_BAD_PARAMETER if refused.code == 460 else _NOT_VOUCHED)
        if parts.records.is_disabled(device.identity):
            self._platform.log.record(product_key, device_name, AUTH, 6204, "device disabled")
            return _answer(_NOT_VOUCHED)
        if not parts.quotas.admits_login(device):
            return _answer(_TOO_MANY)
        parts.records.note_online(device)
        name = iot_id(product_key, device_name)
        self._tokens[name] = Token(device, secrets.token_hex(16), parts.now_ms() + TOKEN_MS)
        return _answer(_OK, {"token": f"{name}.{self._tokens[name].password}"})

    def _vouched(self, product_key: str, device_name: str, texts: Mapping[str, str]) -> Device:
        method, signature = texts.get("signmethod", "hmacmd5"), texts.get("sign", "")
        said = product_key, device_name, texts.get("clientId", ""), texts.get("timestamp"), method, signature
        try:
            return vouched_device(self._platform.parts, *said)
        except PlatformError:
            if not self._platform.parts.elsewhere.look():
                raise
        return vouched_device(self._platform.parts, *said)

    def publish(self, request: Request) -> Response:
        """Publish the body as the device whose token it is; the topic is the path behind `/topic`."""
        given = request.headers.get("password", "")
        if not given:
            return _answer(_NO_TOKEN)
        name, _, password = given.partition(".")
        token = self._tokens.get(name)
        if token is None or not hmac.compare_digest(token.password.encode(), password.encode()):
            return _answer(_BAD_TOKEN)
        platform, parts, device = self._platform, self._platform.parts, token.device
        if parts.now_ms() >= token.until_ms:
            return _answer(_EXPIRED)
        known = platform.registry.device(device.product.key, device.name)
        if known is None or known.secret != device.secret or parts.records.is_disabled(device.identity):
            del self._tokens[name]
            return _answer(_BAD_TOKEN)
        topic = request.path.removeprefix(TOPIC)
        if not platform.admits_without_mqtt(device, topic, request.body):
            return _answer(_TOO_MANY)
        if len(request.body) > LARGEST or not _is_topic(topic):
            return _answer(_BAD_PARAMETER)
        if not platform.take_without_mqtt(device, topic, request.body):
            return _answer(_NOT_PUBLISHED)
        return _answer(_OK, {"messageId": int(parts.calls.new_id())})


def _is_topic(topic: str) -> bool:
    try:
        check_name(topic)
    except ProtocolError:
        return False
    return True


def _answer(code: int, info: Mapping[str, Any] | None = None) -> Response:
    return Response(200, orjson.dumps({"code": code, "message": _TEXT[code], "info": info or {}}))
