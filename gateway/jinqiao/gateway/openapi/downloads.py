"""Files for devices: configurations and firmware over HTTP, whole or a byte range at a time (RFC 9110 § 14)."""

from __future__ import annotations

import re

from .http import Response

__all__ = ["download"]

_TYPE = "application/octet-stream"
#: One range; a request for several is answered with the whole file, as the RFC allows.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def download(content: bytes | None, byte_range: str = "") -> Response:
    """The response to GET for a file's content, None if there is no such file."""
    if content is None:
        return Response(404, b"no such file", "text/plain")
    size, found = len(content), _RANGE.fullmatch(byte_range.replace(" ", ""))
    taken = {"accept-ranges": "bytes"}
    if found is None or found.groups() == ("", ""):
        return Response(200, content, _TYPE, taken)
    first, last = found.groups()
    if not first:  # the last so many bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
    if start >= stop:
        return Response(416, b"", _TYPE, {**taken, "content-range": f"bytes */{size}"})
    return Response(206, content[start:stop], _TYPE, {**taken, "content-range": f"bytes {start}-{stop - 1}/{size}"})
