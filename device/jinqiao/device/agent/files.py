"""Files that the cloud lets vehicles fetch. For a whole fleet it is the same one: fetched once and judged once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from .car import Outgoing

__all__ = ["Files", "RemoteFile", "Verdict", "digest"]

Verdict = Literal["good", "unreachable", "forged"]

#: Files whose fate is remembered.
_REMEMBERED = 64
#: Bytes of an image (the cloud side takes no larger ones), characters of an address.
LARGEST, _LONGEST_URL = 1024**3, 2_048
#: Hexadecimal digits of a signature. Official SDKs know several spellings.
_DIGITS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """Where a file is, how long, and its digest; `keep` its content in memory (a configuration, not an image)."""

    url: str
    size: int
    sign_method: str
    sign: str
    keep: bool = False

    @classmethod
    def of(
        cls, notice: dict[str, Any], *, size: str = "size", largest: int = LARGEST, keep: bool = False
    ) -> RemoteFile:
        """Read a notice; raises ValueError saying what is wrong with it."""
        url, length = notice.get("url"), notice.get(size)
        if type(url) is not str or len(url) > _LONGEST_URL or not url.startswith(("http://", "https://")):
            raise ValueError("url is not an http address")
        if type(length) is not int or not 0 <= length <= largest:
            raise ValueError(f"{size} is not a number of bytes up to {largest}")
        method, sign = notice.get("signMethod", ""), notice.get("sign", "")
        if type(method) is not str or type(sign) is not str:
            raise ValueError("sign and signMethod are not strings")
        method = method.lower()
        if sign and (method not in _DIGITS or len(sign) != _DIGITS[method] or not _is_hex(sign)):
            raise ValueError("sign is not a hexadecimal MD5 or SHA256")
        return cls(url, length, method, sign.lower(), keep)


def _is_hex(text: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in text)


def digest(method: str) -> Any:
    """A digest to feed, of a file without signature too."""
    return hashlib.md5(usedforsecurity=False) if method == "md5" else hashlib.sha256()


Then = Callable[[Verdict, bytes], Iterable[Outgoing]]


class Files:
    """Who waits for which file. `fetch` is called once for each, and answers by `fetched`."""

    def __init__(self, fetch: Callable[[RemoteFile], None]) -> None:
        self._fetch = fetch
        self._waiting: dict[RemoteFile, list[Then]] = {}
        self._known: OrderedDict[RemoteFile, tuple[Verdict, bytes]] = OrderedDict()

    def want(self, file: RemoteFile, then: Then) -> Iterable[Outgoing]:
        """Go on with `then` once the file is there, or is not to be had."""
        known = self._known.get(file)
        if known is not None:
            return then(*known)
        first = file not in self._waiting
        self._waiting.setdefault(file, []).append(then)
        if first:
            self._fetch(file)
        return ()

    def fetched(self, file: RemoteFile, verdict: Verdict, content: bytes = b"") -> Iterable[Outgoing]:
        """The fate of a file. What could not be reached may be there the next time."""
        if verdict != "unreachable":
            self._known[file] = (verdict, content)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        for then in self._waiting.pop(file, ()):
            yield from then(verdict, content)
