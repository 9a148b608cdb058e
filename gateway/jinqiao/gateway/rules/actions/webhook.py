"""HTTP: a POST to a web server, `{"url": "https://…", "secret": "…"}`. Ours: the platform has none of this kind.

The body is the output. Headers name rule, topic and message; with a `secret` `X-Jinqiao-Signature` is `sha256=` and the
hex HMAC-SHA256 of `X-Jinqiao-Timestamp`, a dot, and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .posting import Poster, checked_url

__all__ = ["Webhook"]

_KEYS = frozenset({"url", "secret"})


@kind("HTTP")
class Webhook(Poster):
    """Posts each output by itself."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        super().__init__(str(configuration["url"]), outcome)
        secret = configuration.get("secret")
        self._secret = None if secret is None else str(secret).encode()

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A URL, and perhaps a secret."""
        checked_url(configuration, _KEYS)
        if "secret" in configuration:
            text_of(configuration, "secret", _KEYS)

    def request(self, output: Output) -> tuple[bytes, dict[str, str]]:
        """The output as it is, and who it is from."""
        headers = {
            "Content-Type": "application/json" if not isinstance(output.result, bytes) else "application/octet-stream",
            "X-Jinqiao-Rule": str(output.rule_id),
            "X-Jinqiao-Topic": output.topic.encode().decode("latin-1"),
            "X-Jinqiao-Message-Id": output.message_id,
        }
        if self._secret is not None:
            stamp = str(int(time.time()))
            mac = hmac.new(self._secret, f"{stamp}.".encode() + output.body, hashlib.sha256).hexdigest()
            headers |= {"X-Jinqiao-Timestamp": stamp, "X-Jinqiao-Signature": f"sha256={mac}"}
        return output.body, headers
