"""A client of `/control`, with a connection that it keeps."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Controller"]


class Controller:
    """`ask` returns status and answer; anything may be sent, whether it fits or not."""

    def __init__(self, ready: Mapping[str, Any], token: str | None = None) -> None:
        self.ready = ready
        url = urlsplit(ready["control_url"])
        assert url.hostname is not None
        self.address = url.hostname, url.port or 0
        self.token = ready["control_token"] if token is None else token
        #: Of the last answer.
        self.headers: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(*self.address, timeout=60)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """A body that is no bytes is sent as JSON; `path` is what follows `/control`."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            answer = self._send(method, path, data)
        except http.client.RemoteDisconnected:  # nobody has asked anything for some seconds
            self._connection.close()
            answer = self._send(method, path, data)
        self.headers = dict(answer.getheaders())
        return answer.status, json.loads(answer.read())

    def _send(self, method: str, path: str, data: bytes | None) -> http.client.HTTPResponse:
        self._connection.request(method, f"/control{path}", data, {"authorization": f"Bearer {self.token}"})
        return self._connection.getresponse()

    def get(self, path: str) -> Any:
        status, answer = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path: str, body: object = None) -> Any:
        status, answer = self.ask("POST", path, body)
        assert status in (200, 202), answer
        return answer

    def advance(self, for_: str) -> Any:
        return self.post("/advance", {"for": for_})

    def close(self) -> None:
        self._connection.close()
