"""What the platform offers for download: configuration files and firmware, by a path that cannot be guessed.

Held in memory within a bound; the oldest go first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

__all__ = ["Downloads"]

#: Bytes of all files together.
_MOST_BYTES = 256 << 20
_USUAL_URL = "http://127.0.0.1:8080"


class Downloads:
    """Files by path `/download/{sha256}/{name}`."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._files: OrderedDict[str, bytes] = OrderedDict()
        self._most_bytes = most_bytes
        self._held = 0
        self._base_url = _USUAL_URL

    @property
    def base_url(self) -> str:
        """Where these files are served, without a slash at the end."""
        return self._base_url

    def served_at(self, base_url: str) -> None:
        """They are served there from now on."""
        self._base_url = base_url

    def offer(self, content: bytes, name: str = "file") -> str:
        """Keep a file; returns its path. Raises ValueError for one that is larger than everything may be."""
        if len(content) > self._most_bytes:
            raise ValueError(f"{len(content)} bytes, at most {self._most_bytes} can be offered")
        path = f"/download/{hashlib.sha256(content).hexdigest()}/{name}"
        if path not in self._files:
            self._held += len(content)
        self._files[path] = content
        self._files.move_to_end(path)
        while self._held > self._most_bytes:
            _, gone = self._files.popitem(last=False)
            self._held -= len(gone)
        return path

    def get(self, path: str) -> bytes | None:
        """The file, or None."""
        return self._files.get(path)
