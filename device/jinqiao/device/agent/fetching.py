"""Downloading a file as a T-Box does: a range at a time, its digest taken on the way. Blocking: meant for a thread.

A server may be slow, or mean to be: what it sends is taken as it comes, a fetch as a whole has a deadline, and once it
is to stop its connection is shut under it. Redirects are followed within http or within https, no further.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from .files import RemoteFile, Verdict, digest

__all__ = ["fetch"]

_BLOCK = 1 << 20
#: Seconds for a connection, and between two pieces of an answer.
_TIMEOUT_S = 5.0
#: A fetch may take a minute, and as long as a poor connection takes, bytes a second.
_PATIENCE_S, _SLOWEST = 60.0, 128 << 10
#: Bytes of a read, at most; seconds between looks at whether it is to stop.
_READ, _LOOK_S = 1 << 16, 0.1
_PARTIAL = 206


def fetch(
    file: RemoteFile, stop: Event | None = None, *, block: int = _BLOCK, patience_s: float | None = None
) -> tuple[Verdict, bytes]:
    """Whether the file is there and is what was signed; with its content if that is to be kept.

    Once `stop` is set, or after `patience_s`, no more is asked for and the file is unreachable.
    """
    taken, kept, size = digest(file.sign_method), [], 0
    if patience_s is None:
        patience_s = _PATIENCE_S + file.size / _SLOWEST
    try:
        with _limited(stop or Event(), time.monotonic() + patience_s) as limit:
            for part in _parts(_opener(limit), file, block):
                limit.check()
                taken.update(part)
                size += len(part)
                if file.keep:
                    kept.append(part)
    except (OSError, ValueError, http.client.HTTPException):  # OSError is urllib's root, too
        return "unreachable", b""
    good = size == file.size and (not file.sign or taken.hexdigest() == file.sign)
    return ("good", b"".join(kept)) if good else ("forged", b"")


def _parts(opener: urllib.request.OpenerDirector, file: RemoteFile, block: int) -> Iterator[bytes]:
    """The file, in pieces; from a server that knows no ranges in one answer, of a byte too much at most."""
    at = 0
    while True:
        last = max(min(at + block, file.size), 1) - 1
        request = urllib.request.Request(file.url, headers={"Range": f"bytes={at}-{last}"})
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            if answer.status != _PARTIAL:
                if at:
                    raise OSError("the server knows ranges no more")
                yield from _pieces(answer, file.size + 1)
                return
            before = at
            for piece in _pieces(answer, last - at + 1):
                at += len(piece)
                yield piece
        if at == before:
            raise OSError("the file is shorter than was said")
        if at >= file.size:
            return


def _pieces(answer: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
    """What an answer holds, as it comes, `most` bytes of it."""
    while most and (piece := answer.read1(min(_READ, most))):
        most -= len(piece)
        yield piece


class _Limit:
    """When a fetch is to stop; and what shuts its connection then, whatever waits for it."""

    def __init__(self, stop: Event, deadline: float) -> None:
        self._stop, self._deadline = stop, deadline
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None

    def is_over(self) -> bool:
        return self._stop.is_set() or time.monotonic() >= self._deadline

    def check(self) -> None:
        """Raises TimeoutError once it is over."""
        if self.is_over():
            raise TimeoutError("the fetch was stopped, or took too long")

    def connect(self, address: tuple[str, int], timeout: Any = None, source: Any = None) -> socket.socket:
        """A connection that can be shut from another thread, by a second handle: TLS takes the first for itself."""
        made = socket.create_connection(address, timeout, source)
        with self._lock:
            self._forget()
            self._connection = made.dup()
        return made

    def shut(self) -> None:
        """End the connection: its reader sees the end of the stream."""
        with self._lock, suppress(OSError):
            if self._connection is not None:
                self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _limited(stop: Event, deadline: float) -> Iterator[_Limit]:
    limit, done = _Limit(stop, deadline), Event()

    def watch() -> None:
        while not done.wait(_LOOK_S):
            if limit.is_over():
                limit.shut()

    watching = threading.Thread(target=watch, name="fetch-limit", daemon=True)
    watching.start()
    try:
        yield limit
    finally:
        done.set()
        watching.join()
        limit.close()


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """A redirect may lead to another host, as to a mirror, but not from one scheme to another."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != req.type:
            raise urllib.error.URLError(f"redirected from {req.type} to {newurl!r}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(limit: _Limit) -> urllib.request.OpenerDirector:
    """Opens http and https, on connections of `limit`, and nothing else."""

    def connection(kind: type[http.client.HTTPConnection], host: str, **more: Any) -> http.client.HTTPConnection:
        made = kind(host, **more)
        made._create_connection = limit.connect  # type: ignore[attr-defined]  # the library's own seam, for its tests
        return made

    class Plain(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(partial(connection, http.client.HTTPConnection), req)

    class Secured(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(partial(connection, http.client.HTTPSConnection), req)

    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        Plain(),
        Secured(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _SameScheme(),
    ):
        opener.add_handler(handler)
    return opener
