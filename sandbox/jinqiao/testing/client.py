"""The control API from outside: JSON over one HTTP connection that is kept.

A test that goes through a run second by second makes thousands of calls; a connection for each would take longer than
the simulation. What goes wrong in the middle of a call (Ctrl-C, a time-out) closes the connection, for what is read
next on it would be the answer to something else.
"""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from jinqiao.base.errors import InputError

from .errors import ControlError, SandboxFailed

__all__ = ["ControlClient"]

#: Seconds for an answer that asks for no simulation. An `advance` takes as long as it takes.
_PATIENCE_S = 60.0
#: What a refusal is told by. Other statuses are no answer of the control API.
_REFUSED = (400, 401, 403, 404, 405, 409, 413, 415, 422)
_PATH = "/control"


class ControlClient:
    """Calls to the run at `url`, which is the `control_url` of its `ready` line.

    Raises ControlError for what the run refuses, SandboxFailed when nobody answers. Not for several threads at once.
    """

    def __init__(self, url: str, token: str, *, patience_s: float = _PATIENCE_S) -> None:
        parts = urlsplit(url if "//" in url else f"//{url}", scheme="http")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in ("http", "https"):
            raise InputError(f"{url!r} is no address of a run, expected e.g. http://127.0.0.1:8080/control")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self._connection = kind(host, port, timeout=patience_s)
        self._patience_s = patience_s
        self._base = parts.path.rstrip("/") or _PATH
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def get(self, *path: str, **query: object) -> Any:
        """`GET /control/path…`; what is None in the query is left out."""
        asked = urlencode({name: value for name, value in query.items() if value is not None})
        return self._call("GET", path, query=asked)

    def post(self, *path: str, body: Mapping[str, Any] | None = None, patient: bool = False) -> Any:
        """`POST /control/path…`; a `patient` one waits for its answer as long as it takes."""
        return self._call("POST", path, {} if body is None else body, patient=patient)

    def delete(self, *path: str) -> Any:
        """`DELETE /control/path…`."""
        return self._call("DELETE", path)

    def close(self) -> None:
        """The next call opens a connection again."""
        self._connection.close()

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        body: Mapping[str, Any] | None = None,
        *,
        query: str = "",
        patient: bool = False,
    ) -> Any:
        target = "/".join([self._base, *(quote(part, safe="") for part in path)]) + (f"?{query}" if query else "")
        headers, content = self._headers, None
        if body is not None:
            content = json.dumps(body).encode()
            headers = {**headers, "Content-Type": "application/json"}
        try:
            self._ready(None if patient else self._patience_s)
            self._connection.request(method, target, content, headers)
            response = self._connection.getresponse()
            status, answer = response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            said = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            raise SandboxFailed(f"{method} {self.url}: {said}; does the run still run?") from error
        except BaseException:
            self.close()
            raise
        return _read(status, answer, f"{method} {target}")

    def _ready(self, timeout_s: float | None) -> None:
        """A connection that can be written to: one that the other end has closed meanwhile is opened again."""
        connection = self._connection
        if connection.sock is not None and _has_ended(connection.sock):
            connection.close()
        connection.timeout = timeout_s
        if connection.sock is None:
            connection.connect()
        else:
            connection.sock.settimeout(timeout_s)


def _has_ended(sock: Any) -> bool:
    """Whether there is something to read before anything was asked: the end, or what nobody can be waiting for."""
    poll = select.poll()  # unlike select(), for descriptors of any number
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _read(status: int, answer: bytes, what: str) -> Any:
    try:
        found = json.loads(answer) if answer else {}
    except ValueError:
        found = None
    if status < 300 and found is not None:
        return found
    error = found.get("error") if isinstance(found, dict) else None
    if status in _REFUSED and isinstance(error, dict):
        raise ControlError(status, str(error.get("pointer", "")), error.get("found"), str(error.get("expected", "")))
    if status in _REFUSED:
        raise ControlError(status, "", what, f"a call of the control API (it answers {status})")
    raise SandboxFailed(f"{what}: the run answers {status}: {answer[:200].decode(errors='replace')}")
