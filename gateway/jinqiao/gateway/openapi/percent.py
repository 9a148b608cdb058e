"""Percent-encoding of a form's names and values, and the way back (RFC 3986 § 2), fast for long texts.

Whoever knows a key's name may have us canonicalise a body as large as there can be before the signature proves wrong.
The library works character by character, 0.4 µs for each; here a long text is one pass over arrays.
"""

from __future__ import annotations

import string
from urllib.parse import quote, unquote

import numpy as np

__all__ = ["decoded", "encoded"]

#: Characters from which on the arrays are faster.
_LONG = 256
_PERCENT = ord("%")
_UNRESERVED = np.zeros(256, dtype=bool)
_UNRESERVED[list((string.ascii_letters + string.digits + "-_.~").encode())] = True
#: Each byte as `%XX`, and which of these three are kept: an unreserved one stands for itself, in the first place.
_ESCAPED = np.frombuffer("".join(f"%{byte:02X}" for byte in range(256)).encode(), dtype=np.uint8).reshape(256, 3).copy()
_ESCAPED[_UNRESERVED, 0] = np.flatnonzero(_UNRESERVED)
_KEPT = np.ones((256, 3), dtype=bool)
_KEPT[_UNRESERVED, 1:] = False
#: A hexadecimal digit's value, 16 for every other byte.
_HEX = np.full(256, 16, dtype=np.uint8)
for _digit in string.hexdigits:
    _HEX[ord(_digit)] = int(_digit, 16)


def encoded(text: str) -> str:
    """Everything but letters, digits and `-_.~` escaped."""
    if text.isascii() and text.isalnum():
        return text
    if len(text) < _LONG:
        return quote(text, safe="~")
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    return _ESCAPED[data][_KEPT[data]].tobytes().decode("ascii")


def decoded(text: str) -> str:
    """A form's text: `+` is a space, `%XX` a byte; what is no UTF-8 becomes U+FFFD, what is no escape stays."""
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    if len(text) < _LONG:
        return unquote(text, errors="replace")
    data = np.frombuffer(text.encode(), dtype=np.uint8).copy()
    high, low = _HEX[data[1:-1]], _HEX[data[2:]]
    escapes = np.flatnonzero((data[:-2] == _PERCENT) & (high < 16) & (low < 16))
    data[escapes] = high[escapes] << 4 | low[escapes]
    kept = np.ones(len(data), dtype=bool)
    kept[escapes + 1] = kept[escapes + 2] = False
    return data[kept].tobytes().decode("utf-8", "replace")
