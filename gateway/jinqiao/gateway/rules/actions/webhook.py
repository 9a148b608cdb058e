"""HTTP: a POST to a web server, `{"url": "https://…", "secret": "…"}`. Ours: the platform has none of this kind.

The body is the output. Headers name rule, topic and message; with a `secret` `X-Jinqiao-Signature` is
`sha256=` and the hex HMAC-SHA256 of `X-Jinqiao-Timestamp`, a dot, and the body. What does not answer with 2xx is tried
again, at 1, 2, 4 and 8 s; 4xx other than 408, 425 and 429 is not. Redirects are not followed.

Each action has a thread, one connection that is kept alive, and a queue within bounds.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..output import Output
from .base import Context, Outcome, kind, text_of
from .behind import Behind
from .posting import Poster, checked_url

__all__ = ["Webhook"]

_KEYS = frozenset({"url", "secret"})


@kind("HTTP")
class Webhook:
    """Posts one output after the other."""

    def __init__(self, configuration: Mapping[str, Any], context: Context, outcome: Outcome) -> None:  # noqa: ARG002
        secret = configuration.get("secret")
        self._secret = None if secret is None else str(secret).encode()
        self._poster = Poster(str(configuration["url"]))
        self._behind = Behind("webhook", self._deliver, outcome, end=self._poster.close)

    @staticmethod
    def check(configuration: Mapping[str, Any]) -> None:
        """A URL of http or https with a host, and perhaps a secret."""
        checked_url(configuration, _KEYS)
        if "secret" in configuration:
            text_of(configuration, "secret", _KEYS)

    def send(self, output: Output) -> None:
        """Queue it."""
        self._behind.send(output)

    def close(self) -> None:
        """What waits is dropped."""
        self._behind.close()

    def _deliver(self, lot: Sequence[Output]) -> tuple[str | None, bool]:
        (output,) = lot
        return self._poster.post(output.body, self._headers(output))

    def _headers(self, output: Output) -> dict[str, str]:
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
        return headers
