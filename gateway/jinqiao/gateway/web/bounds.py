"""What strangers can take of the HTTP port."""

from __future__ import annotations

from dataclasses import dataclass

from ..limit import limit

__all__ = ["ControlBounds", "HttpBounds"]


@dataclass(frozen=True, slots=True)
class HttpBounds:
    """Bounds of the HTTP and HTTPS ports together; sizes in bytes, times in seconds."""

    connections: int = limit(1_000, "open connections; MQTT over WebSocket counts as MQTT")
    header_s: float = limit(10.0, "from the connection, or a request's first byte, to its whole header")
    body_s: float = limit(30.0, "from the header to the whole body")
    idle_s: float = limit(5.0, "silence between two requests of a connection")
    unread_s: float = limit(30.0, "how long a response may wait of which nothing is read")
    header_bytes: int = limit(64 * 1024, "a request's header")


@dataclass(frozen=True, slots=True)
class ControlBounds:
    """Bounds of `/control` on both ports together."""

    at_once: int = limit(64, "requests to /control under way")
    body_bytes: int = limit(256 * 1024, "the body of a request to /control")
