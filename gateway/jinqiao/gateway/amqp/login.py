"""Who consumes: the platform's `aksign` login in a PLAIN response (document 142489).

    user name   {clientId}|authMode=aksign,signMethod=hmacsha1,timestamp=…,authId=…,consumerGroupId=…|
    password    base64(HMAC(AccessKeySecret, "authId={authId}&timestamp={timestamp}"))

Keys come in any order. The timestamp is signed and not judged: clients sign once and reconnect for days.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from jinqiao.gateway.platform.registry.accounts import AccessKey
from jinqiao.wire.amqp.sasl import Plain

__all__ = ["BadLogin", "Login", "login_of", "verified"]

#: What `signMethod` may say.
_METHODS = MappingProxyType({"hmacmd5": hashlib.md5, "hmacsha1": hashlib.sha1, "hmacsha256": hashlib.sha256})
#: Characters of a client id, and of a user name in all.
_LONGEST_ID, _LONGEST = 128, 1024


class BadLogin(Exception):
    """The text is for the log; the client hears only that it is not let in."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a user name says. `base64`: bodies are to come as text."""

    client_id: str
    group_id: str
    key_id: str
    timestamp: str
    sign_method: str
    base64: bool = False


def login_of(plain: Plain) -> Login:
    """Read a user name; raises BadLogin."""
    name = plain.user_name
    client_id, bar, rest = name.partition("|")
    if len(name) > _LONGEST or not bar or not rest.endswith("|"):
        raise BadLogin("the user name is not clientId|key=value,…|")
    if not 0 < len(client_id) <= _LONGEST_ID:
        raise BadLogin("the user name has no client id, or one of more than 128 characters")
    given = {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in rest[:-1].split(","))}
    if given.get("authMode") != "aksign":
        raise BadLogin(f"authMode {given.get('authMode')!r:.40}, expected aksign")
    method = given.get("signMethod", "")
    if method.lower() not in _METHODS:
        raise BadLogin(f"signMethod {method!r:.40}, expected one of {', '.join(_METHODS)}")
    missing = [key for key in ("authId", "timestamp", "consumerGroupId") if not given.get(key)]
    if missing:
        raise BadLogin(f"the user name has no {', '.join(missing)}")
    as_text = given.get("encode", "").lower() == "base64"
    return Login(client_id, given["consumerGroupId"], given["authId"], given["timestamp"], method.lower(), as_text)


def verified(login: Login, plain: Plain, keys: Mapping[str, AccessKey]) -> AccessKey:
    """The key that signed; raises BadLogin."""
    key = keys.get(login.key_id)
    if key is None:
        raise BadLogin(f"unknown access key {login.key_id!r:.60}")
    content = f"authId={login.key_id}&timestamp={login.timestamp}"
    mac = hmac.new(key.secret.encode(), content.encode(), _METHODS[login.sign_method]).digest()
    if not hmac.compare_digest(base64.b64encode(mac), plain.password.encode()):
        raise BadLogin(f"access key {login.key_id!r:.60}: wrong signature")
    return key
