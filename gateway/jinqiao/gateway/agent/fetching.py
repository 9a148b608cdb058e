"""Downloading a file as a T-Box does: a range at a time, its digest taken on the way. Blocking: meant for a thread."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request

from .files import RemoteFile, Verdict, digest

__all__ = ["fetch"]

_BLOCK = 1 << 20
_TIMEOUT_S = 10.0
_PARTIAL = 206


def fetch(file: RemoteFile, *, block: int = _BLOCK) -> tuple[Verdict, bytes]:
    """Whether the file is there and is what was signed; with its content if that is to be kept."""
    taken, kept, at = digest(file.sign_method), [], 0
    try:
        while at < file.size or not at:
            part, whole = _range(file.url, at, min(at + block, max(file.size, 1)) - 1, file.size)
            taken.update(part)
            if file.keep:
                kept.append(part)
            at += len(part)
            if whole:
                break
            if not part:
                return "unreachable", b""
    except (OSError, ValueError, urllib.error.URLError, http.client.HTTPException):
        return "unreachable", b""
    good = at == file.size and (not file.sign or taken.hexdigest() == file.sign)
    return ("good", b"".join(kept)) if good else ("forged", b"")


def _range(url: str, first: int, last: int, size: int) -> tuple[bytes, bool]:
    """Bytes `first` to `last`; whether that is the whole file, from a server that knows no ranges or has no more."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={first}-{last}"})
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            if answer.status == _PARTIAL:
                return answer.read(last - first + 1), last + 1 >= size
            # One byte more tells that the file is longer than was said.
            return answer.read(size + 1), True
    except urllib.error.HTTPError as error:
        error.close()
        raise
