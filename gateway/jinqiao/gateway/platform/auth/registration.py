"""Dynamic registration over MQTT (document 132111): a device that knows its product's secret asks for its own.

Its CONNECT says `authType=register` (registered before; gets its secret) or `regnwl` (not registered; gets a token,
with which it logs in as `connwl`). The answer comes on that connection without SUBSCRIBE. Keep-alives are not checked.
"""

from __future__ import annotations

from itertools import count
from typing import Any, NamedTuple

from jinqiao.base.errors import PlatformError
from jinqiao.gateway.broker.policy import Downlink, Login, Principal
from jinqiao.wire.alink.json_values import compact

from ..parts import Parts
from ..provisioning import new_secret
from ..registry.registry import Device, Product
from .identity import BAD_CREDENTIALS, IDENTIFIER_REJECTED, UNAVAILABLE, ClientId, Denied
from .vouching import NotVouched, check_registration, device_secret

__all__ = ["REGISTRATIONS", "Registering", "register_by_mqtt"]

#: Values of `authType` that ask for credentials.
REGISTRATIONS = frozenset({"register", "regnwl"})

#: Seconds; the session has said all it has to say at once.
_KEEP_ALIVE_S = 60

#: CONNACK return codes by device-side code; others are 4, wrong credentials.
_REASONS = {460: IDENTIFIER_REJECTED, 6292: IDENTIFIER_REJECTED, 6288: UNAVAILABLE, 6289: UNAVAILABLE, 403: UNAVAILABLE}

_sessions = count(1)


class Registering(NamedTuple):
    """What a session of dynamic registration is sent."""

    answer: Downlink


def register_by_mqtt(parts: Parts, login: Login, client: ClientId, product_key: str, device_name: str) -> Principal:
    """The principal of a registration, whose device is registered from now on; raises Denied."""
    parameters = client.parameters
    try:
        product = check_registration(
            parts.registry,
            product_key,
            device_name,
            parameters.get("random", ""),
            parameters.get("signmethod", "hmacmd5"),
            login.password or b"",
        )
        answer = _ANSWERS[parameters["authType"]](parts, product, device_name)
    except PlatformError as error:
        reason = _REASONS.get(error.code, BAD_CREDENTIALS)
        why = f"dynamic registration: {error}"
        code = error.found if isinstance(error, NotVouched) else error.code
        raise Denied(reason, code, why, product_key=product_key, device_name=device_name) from error
    return Principal(
        name=f"{device_name}&{product_key} (registering)",
        kind="registering",
        identity=f"registering:{next(_sessions)}",
        keep_alive_s=_KEEP_ALIVE_S,
        max_subscriptions=0,
        subject=Registering(answer),
    )


def _register(parts: Parts, product: Product, device_name: str) -> Downlink:
    device = device_secret(parts, product, device_name)
    return Downlink("/ext/register", compact({**_names(device), "deviceSecret": device.secret}))


def _register_without_list(parts: Parts, product: Product, device_name: str) -> Downlink:
    known = parts.registry.device(product.key, device_name)
    if known is not None and parts.records.of(known).activated_ms:
        raise PlatformError(6289, "device already activated")
    token = new_secret()
    if known is not None:
        parts.records.note(known, token=token)
    device = known or parts.provisioning.register(product, device_name, token=token)
    body: dict[str, Any] = {**_names(device), "clientId": f"{device_name}.{product.key}", "deviceToken": token}
    return Downlink("/ext/regnwl", compact(body))


def _names(device: Device) -> dict[str, str]:
    return {"productKey": device.product.key, "deviceName": device.name}


_ANSWERS = {"register": _register, "regnwl": _register_without_list}
