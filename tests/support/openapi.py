"""A caller of the cloud side: signed RPC v1 requests as values, and sent over HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.request
from typing import Any
from urllib.parse import quote

__all__ = ["ACCESS_KEY", "Caller", "clock_ms", "signed_query"]

#: Of the acceptance registry.
ACCESS_KEY = ("testAccessKeyId", "testAccessKeySecret")


def clock_ms() -> int:
    """The time that calls are stamped with; a platform whose own time stands still judges them by it."""
    return time.time_ns() // 1_000_000


def _quote(text: str) -> str:
    return quote(text, safe="~")


def signed_query(action: str, arguments: dict[str, Any], *, key: tuple[str, str] = ACCESS_KEY) -> str:
    """The query string of a POST to `/`, of now unless the arguments say otherwise."""
    fields = {
        "Action": action,
        "Format": "JSON",
        "Version": "2018-01-20",
        "AccessKeyId": key[0],
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "SignatureNonce": secrets.token_hex(16),
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **{name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()},
    }
    query = "&".join(f"{_quote(name)}={_quote(fields[name])}" for name in sorted(fields))
    text = f"POST&%2F&{_quote(query)}"
    mac = hmac.new(f"{key[1]}&".encode(), text.encode(), hashlib.sha1).digest()
    return f"{query}&Signature={_quote(base64.b64encode(mac).decode())}"


class Caller:
    """Calls a running sandbox."""

    def __init__(self, port: int, key: tuple[str, str] = ACCESS_KEY) -> None:
        self._url = f"http://127.0.0.1:{port}/"
        self._key = key

    def __call__(self, action: str, **arguments: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self._url}?{signed_query(action, arguments, key=self._key)}", data=b"", method="POST"
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            body: dict[str, Any] = json.load(answer)
        return body
