"""A caller of the platform's cloud side, as a customer's back end is: RPC v1, signed with an access key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from jinqiao.base.errors import EnvironmentFault
from jinqiao.gateway.openapi.signature import rpc_string_to_sign

__all__ = ["CloudCalls"]

_PATIENCE_S = 15.0


class CloudCalls:
    """Calls the platform at `host`:`port` with an access key (ID, secret)."""

    def __init__(self, host: str, port: int, key: tuple[str, str]) -> None:
        self._where, self._key = f"{host}:{port}", key

    def __call__(self, action: str, **parameters: str) -> dict[str, Any]:
        """The answer. Raises EnvironmentFault where nobody listens, and for whatever is refused."""
        request = urllib.request.Request(
            f"http://{self._where}/", data=urlencode(self._signed(action, parameters)).encode(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_S) as response:
                answer: dict[str, Any] = json.load(response)
        except urllib.error.HTTPError as refused:
            with refused:
                raise EnvironmentFault(f"{action} at {self._where}: {_reason(refused.read())}") from refused
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise EnvironmentFault(
                f"cloud calls at {self._where}: {reason}\n  the port, user and password are those that `run` prints"
            ) from error
        if not answer.get("Success"):
            raise EnvironmentFault(f"{action} at {self._where}: {answer.get('Code')}: {answer.get('ErrorMessage')}")
        return answer

    def _signed(self, action: str, parameters: dict[str, str]) -> dict[str, str]:
        fields = {
            "Action": action,
            "Format": "JSON",
            "Version": "2018-01-20",
            "AccessKeyId": self._key[0],
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": secrets.token_hex(16),
            "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **parameters,
        }
        text = rpc_string_to_sign("POST", fields.items())
        mac = hmac.new(f"{self._key[1]}&".encode(), text.encode(), hashlib.sha1).digest()
        return {**fields, "Signature": base64.b64encode(mac).decode()}


def _reason(body: bytes) -> str:
    try:
        answer = json.loads(body)
        return f"{answer['Code']}: {answer['Message']}"
    except (ValueError, KeyError, TypeError):
        return body[:200].decode(errors="replace")
