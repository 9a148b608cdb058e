"""Outputs posted over HTTP: from a thread, over one connection that is kept alive, out of a queue within bounds.

What is not answered with 2xx is tried again, after 1, 2, 4 and 8 s; 4xx other than 408 and 429 is not. Redirects are
not followed.
"""

from __future__ import annotations

import asyncio
import http.client
import queue
import ssl
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from jinqiao.gateway.platform.rules.judge import ActionFault

from ..output import Output
from .base import Outcome, text_of

__all__ = ["MOST_WAITING", "Poster", "checked_url"]

#: Outputs that wait for one web server.
MOST_WAITING = 1_000
#: How long a server may take, and the pauses before it is asked again, s.
_TIMEOUT_S, _PAUSES_S = 10.0, (1.0, 2.0, 4.0, 8.0)
#: Of an answer's body, which nobody looks at.
_ANSWER_BYTES = 64 << 10
#: Client errors that may pass: time-out, too many requests.
_MAY_PASS = frozenset({408, 429})


class Poster(ABC):
    """Posts from a thread of its own, which begins with the first output. Kinds say what a request holds."""

    def __init__(self, url: str, outcome: Outcome) -> None:
        self._url = urlsplit(url)
        self._outcome = outcome
        self._waiting: queue.Queue[Output | None] = queue.Queue(MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    @abstractmethod
    def request(self, output: Output) -> tuple[bytes, dict[str, str]]:
        """Body and headers; raises ValueError for an output that cannot be sent. Called in the thread."""

    def send(self, output: Output) -> None:
        """Queue it."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._work, name="webhook", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(output)
        except queue.Full:
            self._outcome.dropped(output)

    def close(self) -> None:
        """What waits is dropped."""
        self._closed.set()
        while self._thread is not None:
            try:
                self._waiting.put_nowait(None)
                return
            except queue.Full:
                try:
                    output = self._waiting.get_nowait()
                except queue.Empty:
                    continue
                if output is not None:
                    self._outcome.dropped(output)

    # In the thread.

    def _work(self) -> None:
        while (output := self._waiting.get()) is not None and not self._closed.is_set():
            why = self._deliver(output)
            if why is None:
                self._report(self._outcome.sent, output)
            else:
                self._report(self._outcome.failed, output, why)
        if self._connection is not None:
            self._connection.close()

    def _deliver(self, output: Output) -> str | None:
        """Why it could not be sent; None when it was."""
        for pause_s in (*_PAUSES_S, None):
            why, may_pass = self._post(output)
            if why is None or not may_pass or pause_s is None:
                return why
            self._report(self._outcome.retried, output)
            if self._closed.wait(pause_s):
                return why
        return None

    def _post(self, output: Output) -> tuple[str | None, bool]:
        """Why it failed, and whether trying again may help."""
        try:
            body, headers = self.request(output)
        except ValueError as error:
            return str(error), False
        try:
            if self._connection is None:
                self._connection = self._connect()
            path = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            self._connection.request("POST", path, body, headers)
            with self._connection.getresponse() as response:
                response.read(_ANSWER_BYTES)
                status, ends = response.status, bool(response.length) or response.will_close
        except (OSError, http.client.HTTPException, ssl.SSLError) as error:
            self._drop_connection()
            return f"{type(error).__name__}: {error}"[:200], True
        if ends:
            self._drop_connection()
        if 200 <= status < 300:
            return None, False
        return f"HTTP {status}", status >= 500 or status in _MAY_PASS

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_S)
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _report(self, what: Callable[..., None], *of: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(what, *of)
        except RuntimeError:  # the loop has ended meanwhile
            return


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
