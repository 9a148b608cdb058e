"""What all events are."""

from __future__ import annotations

__all__ = ["PlatformEvent"]


class PlatformEvent:
    """Anything that happened. Times are UTC milliseconds of the platform's clock."""

    __slots__ = ()
