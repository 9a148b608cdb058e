"""One web server as actions post to it: a connection that is kept alive, bounded in time and in what is read."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from jinqiao.gateway.platform.rules.judge import ActionFault

from .base import text_of

__all__ = ["Poster", "checked_url"]

#: How long a server may take, s.
_TIMEOUT_S = 10.0
#: Of an answer's body, of which a line is shown.
_ANSWER_BYTES = 64 << 10
#: Client errors that may pass: time-out, too early, too many requests.
_MAY_PASS = frozenset({408, 425, 429})


def checked_url(configuration: Mapping[str, Any], keys: frozenset[str]) -> str:
    """The `url` of a configuration; raises ActionFault for what is none of http or https with a host."""
    url = text_of(configuration, "url", keys)
    try:
        found = urlsplit(url)
        usable = found.scheme in {"http", "https"} and bool(found.hostname) and found.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or any(letter.isspace() for letter in url):
        raise ActionFault(f"url must be http://… or https://…, found {url!r:.80}", "url")
    return url


class Poster:
    """Posts to `url`, from one thread. Redirects are not followed."""

    def __init__(self, url: str) -> None:
        self._url: SplitResult = urlsplit(url)
        self._path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[str | None, bool]:
        """Why it failed, None when the answer was 2xx; and whether trying again may help."""
        try:
            if self._connection is None:
                self._connection = self._connect()
            self._connection.request("POST", self._path, body, dict(headers))
            with self._connection.getresponse() as response:
                said = response.read(_ANSWER_BYTES)
                status, ends = response.status, bool(response.length) or response.will_close
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return f"{type(error).__name__}: {error}"[:200], True
        if ends:
            self.close()
        if 200 <= status < 300:
            return None, False
        line = said[:200].decode("utf-8", "replace").partition("\n")[0]
        return f"HTTP {status} {line}".rstrip(), status >= 500 or status in _MAY_PASS

    def close(self) -> None:
        """The next post opens another connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S)
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
