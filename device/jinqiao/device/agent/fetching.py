"""Downloading a file as a T-Box does: a range at a time, its digest taken on the way. Blocking: meant for a thread."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Iterator
from threading import Event

from .files import RemoteFile, Verdict, digest

__all__ = ["fetch"]

_BLOCK = 1 << 20
_TIMEOUT_S = 10.0
_PARTIAL = 206


def fetch(file: RemoteFile, stop: Event | None = None, *, block: int = _BLOCK) -> tuple[Verdict, bytes]:
    """Whether the file is there and is what was signed; with its content if that is to be kept.

    Once `stop` is set no more is asked for.
    """
    taken, kept, size = digest(file.sign_method), [], 0
    try:
        for part in _parts(file, block):
            if stop is not None and stop.is_set():
                return "unreachable", b""
            taken.update(part)
            size += len(part)
            if file.keep:
                kept.append(part)
    except (OSError, ValueError, http.client.HTTPException):  # OSError is urllib's root, too
        return "unreachable", b""
    good = size == file.size and (not file.sign or taken.hexdigest() == file.sign)
    return ("good", b"".join(kept)) if good else ("forged", b"")


def _parts(file: RemoteFile, block: int) -> Iterator[bytes]:
    """The file, a block at a time; from a server that knows no ranges in one answer, of a byte too much at most."""
    at = 0
    while True:
        last = max(min(at + block, file.size), 1) - 1
        request = urllib.request.Request(file.url, headers={"Range": f"bytes={at}-{last}"})
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            if answer.status != _PARTIAL:
                if at:
                    raise OSError("the server knows ranges no more")
                yield from _whole(answer, file.size + 1, block)
                return
            part = answer.read(last - at + 1)
        if not part:
            raise OSError("the file is shorter than was said")
        yield part
        at += len(part)
        if at >= file.size:
            return


def _whole(answer: http.client.HTTPResponse, most: int, block: int) -> Iterator[bytes]:
    while most and (part := answer.read(min(block, most))):
        most -= len(part)
        yield part
