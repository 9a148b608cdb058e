"""What is logged of calls that are refused at the door: each reason once for each access key."""

from __future__ import annotations

import logging

from .errors import ApiError

__all__ = ["Refusals"]

_logger = logging.getLogger(__name__)
#: Keys and codes that are remembered to have been logged; then nothing more is.
_MOST = 1_000


class Refusals:
    """Remembers what was logged; bounded, whoever calls."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def note(self, key: str | None, error: ApiError) -> None:
        """Log it if it is the first of its kind. `key` is None for one that is not known here."""
        kind = key or "", error.code
        if kind in self._logged or len(self._logged) >= _MOST:
            return
        self._logged.add(kind)
        whose = "without a known access key" if key is None else f"with access key {key!r}"
        # Of a message the part that no caller has chosen.
        _logger.warning("cloud calls %s are refused: %s", whose, error.code)
