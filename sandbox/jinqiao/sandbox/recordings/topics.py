"""Where a topic of the platform names its device (docs/topics.md)."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["device_in"]

_SHAPES = tuple(
    re.compile(shape)
    for shape in (
        r"/sys/[^/]+/(?P<device>[^/]+)/",
        r"/[^/]+/(?P<device>[^/]+)/user/",
        r"/ext/(?:ntp|session)/[^/]+/(?P<device>[^/]+)/",
        r"/ota/device/[^/]+/[^/]+/(?P<device>[^/]+)$",
        r"/shadow/[^/]+/[^/]+/(?P<device>[^/]+)$",
    )
)


@lru_cache(maxsize=1 << 16)
def device_in(topic: str) -> tuple[str, slice | None]:
    """The topic, and where in it the device name stands, if it has one."""
    for shape in _SHAPES:
        found = shape.match(topic)
        if found is not None:
            return topic, slice(*found.span("device"))
    return topic, None
