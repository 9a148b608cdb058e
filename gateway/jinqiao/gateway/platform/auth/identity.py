"""Who is connecting: the platform's CONNECT rules, and the credentials of the simulator beside them.

A device's client id is `<id>|k=v,k=v,…|`, its user name `<deviceName>&<productKey>`, its password the hex HMAC of
`clientId<id>deviceName<dn>productKey<pk>[timestamp<ts>]` keyed with the device's secret. Return codes are those of
MQTT 3.1.1 § 3.2.2.3 as the platform uses them: 4 for a wrong triple, 2 for a malformed client id or a keep-alive below
30 s. With `authType=connwl` the password is the token of an earlier registration (see `registration`).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal, NamedTuple

from jinqiao.gateway.broker.policy import Ignored, Login, Principal, Refused
from jinqiao.gateway.platform.registry.registry import Device, Registry
from jinqiao.wire.alink.signature import METHODS, client_content, same_signature, sign

__all__ = [
    "ClientId",
    "Denied",
    "DeviceLogin",
    "SimulatorLogin",
    "TooOften",
    "authenticate",
    "device_principal",
    "named",
    "parse_client_id",
]

#: `authType` of a login by token.
WITH_TOKEN = "connwl"

#: CONNACK return codes.
IDENTIFIER_REJECTED, UNAVAILABLE, BAD_CREDENTIALS = 2, 3, 4

#: Seconds; below the first a login is refused, above the second the second is used.
KEEP_ALIVE_S = (30, 1_200)

#: Longest keep-alive of an ordinary MQTT 5 client, seconds.
PLAIN_KEEP_ALIVE_S = 60

#: Part of the client id before the first `|`, in characters.
LONGEST_CLIENT_ID = 64

_unnamed = count(1)


class SimulatorLogin(NamedTuple):
    """Credentials of our own simulator; its client id may ask for more.

    `lossless=1` asks for back-pressure instead of loss, `_ss=1` for the downlinks of the simulated vehicles.
    """

    username: str
    password: str


class ClientId(NamedTuple):
    """A device's client id: what stands before the first `|`, and the parameters between the bars."""

    name: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeviceLogin:
    """What a device said about itself when it connected."""

    device: Device
    client_id: str
    ext: int
    parameters: Mapping[str, str] = field(repr=False)
    #: Address and port it came from.
    peer: str = ""

    @property
    def takes_custom_rrpc(self) -> bool:
        """Bit 0 of `ext`: synchronous calls come on `/ext/rrpc/{id}/…`."""
        return bool(self.ext & 1)


class Denied(Refused):
    """A refused login with the device-side code that the device log shows, and whom it is about."""

    def __init__(self, reason: int, code: int, why: str, *, product_key: str = "", device_name: str = "") -> None:
        super().__init__(why, reason)
        self.code = code
        self.product_key = product_key
        self.device_name = device_name


class TooOften(Denied, Ignored):
    """A device logs in more often than it may: refused without an answer."""


def parse_client_id(client_id: str) -> ClientId | None:
    """Split `<id>|k=v,…|`; keys and values are trimmed, because one official SDK writes newlines. None if malformed."""
    name, bar, rest = client_id.partition("|")
    inner, end, more = rest.rpartition("|")
    if not bar or not end or more.strip() or "|" in inner or len(name) > LONGEST_CLIENT_ID:
        return None
    parameters: dict[str, str] = {}
    for pair in inner.split(","):
        key, equals, value = pair.partition("=")
        if equals:
            parameters[key.strip()] = value.strip()
        elif pair.strip():
            return None
    return ClientId(name, parameters)


def _no_token(_: Device) -> str:
    return ""


def authenticate(
    login: Login, registry: Registry, simulator: SimulatorLogin | None, token_of: Callable[[Device], str] = _no_token
) -> Principal:
    """The principal behind a CONNECT; raises Denied. `token_of` returns the token that a device logs in with, or ''."""
    if login.username is None:
        if registry.anonymous:
            return _plain("anonymous", login, "anonymous")
        raise Denied(BAD_CREDENTIALS, 401, "no user name")
    if simulator is not None and login.username == simulator.username:
        _check_password(simulator.password, login)
        return _simulator(login)
    application = registry.application(login.username)
    if application is not None:
        _check_password(application.password, login)
        return _plain("application", login, application.username, application)
    device_name, ampersand, product_key = login.username.rpartition("&")
    if not ampersand:
        raise Denied(BAD_CREDENTIALS, 401, "unknown user name")
    return _device(login, registry, product_key, device_name, token_of)


def named(login: Login, registry: Registry) -> Principal | None:
    """Who somebody is by user name and client id alone, where another broker has checked the password already."""
    if login.username is None:
        return _plain("anonymous", login, "anonymous") if registry.anonymous else None
    application = registry.application(login.username)
    if application is not None:
        return _plain("application", login, application.username, application)
    device_name, _, product_key = login.username.rpartition("&")
    client, device = parse_client_id(login.client_id), registry.device(product_key, device_name)
    return device_principal(login, client, device) if client is not None and device is not None else None


def _device(
    login: Login, registry: Registry, product_key: str, device_name: str, token_of: Callable[[Device], str]
) -> Principal:
    def denied(reason: int, code: int, why: str) -> Denied:
        return Denied(reason, code, why, product_key=product_key, device_name=device_name)

    client = parse_client_id(login.client_id)
    if client is None:
        raise denied(IDENTIFIER_REJECTED, 460, "client id is not of the form <id>|key=value,…|")
    auth_type = client.parameters.get("authType")
    if auth_type is not None and auth_type != WITH_TOKEN:
        raise denied(UNAVAILABLE, 460, f"authType {auth_type!r} is not known")
    method = client.parameters.get("signmethod", "hmacmd5")
    if method.lower() not in METHODS:
        raise denied(IDENTIFIER_REJECTED, 6292, f"signmethod is none of {', '.join(METHODS)}")
    shortest_s = KEEP_ALIVE_S[0]
    if login.keep_alive_s < shortest_s:
        raise denied(IDENTIFIER_REJECTED, 460, f"keep-alive is below {shortest_s} s")
    device = registry.device(product_key, device_name)
    # An unknown device costs the same HMAC, so that the time taken does not reveal which names exist.
    secret = device.secret if device else ""
    content = client_content(client.name, device_name, product_key, client.parameters.get("timestamp"))
    expected = sign(method, secret, content)
    if auth_type == WITH_TOKEN:
        # A device registered without pre-registration has a token instead of a secret; most devices have none.
        expected = token_of(device) if device else ""
    agrees = expected != "" and same_signature(expected, login.password or b"")
    if device is None:
        known = registry.product(product_key) is not None
        raise denied(BAD_CREDENTIALS, 6100 if known else 6250, "unknown device")
    if not agrees:
        raise denied(BAD_CREDENTIALS, 6287, "wrong password")
    return device_principal(login, client, device)


def device_principal(login: Login, client: ClientId, device: Device) -> Principal:
    """The device as the broker knows it, however it has proved who it is."""
    ext = client.parameters.get("ext", "0")
    return Principal(
        name=f"{device.name}&{device.product.key}",
        kind="device",
        identity=device.identity,
        keep_alive_s=min(login.keep_alive_s, KEEP_ALIVE_S[1]),
        auto_subscribed=client.parameters.get("_ss") == "1",
        retains=login.protocol_level == 5,
        subject=DeviceLogin(device, client.name, _bits(ext), client.parameters, login.peer),
    )


def _plain(kind: Literal["application", "anonymous"], login: Login, name: str, subject: Any = None) -> Principal:
    """An ordinary MQTT client. A client without an id is nobody's second login."""
    own = login.client_id or f"unnamed-{next(_unnamed)}"
    # MQTT 5 has a way to tell the client (Server Keep Alive), 3.1.1 has none.
    keep_alive_s = min(login.keep_alive_s, PLAIN_KEEP_ALIVE_S) if login.protocol_level == 5 else login.keep_alive_s
    return _ordinary(Principal(name, kind, f"{kind}:{name}/{own}", keep_alive_s, subject=subject))


def _simulator(login: Login) -> Principal:
    client = parse_client_id(login.client_id)
    principal = Principal("simulator", "simulator", f"simulator:{login.client_id}", login.keep_alive_s, trusted=True)
    principal.lossless = client is not None and client.parameters.get("lossless") == "1"
    principal.auto_subscribed = client is not None and client.parameters.get("_ss") == "1"
    return _ordinary(principal)


def _ordinary(principal: Principal) -> Principal:
    """Limits of an ordinary client of an ordinary broker: the largest packet MQTT has, no counting of filters."""
    principal.max_qos = 2
    principal.max_filters = 65_535
    principal.max_subscriptions = 1_000_000
    principal.max_payload = 268_435_455
    principal.longest_topic = 65_535
    principal.max_retained = 50_000
    principal.retains = principal.identifiers = True
    return principal


def _check_password(expected: str, login: Login) -> None:
    if not hmac.compare_digest(expected.encode(), login.password or b""):
        raise Denied(BAD_CREDENTIALS, 401, "wrong password")


def _bits(text: str) -> int:
    """`ext` as a bit field; anything that is no small number counts as none wanted."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
