"""What strangers can take of the HTTP port."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["HttpBounds"]


@dataclass(frozen=True, slots=True)
class HttpBounds:
    """Bounds of the HTTP and HTTPS ports together; sizes in bytes, times in seconds."""

    connections: int = field(default=1_000, metadata={"what": "open connections, MQTT over WebSocket not counted"})
    header_s: float = field(
        default=10.0, metadata={"what": "from a connection, or a request's first byte, to its header"}
    )
    body_s: float = field(default=30.0, metadata={"what": "from the header to the whole body"})
    idle_s: float = field(default=5.0, metadata={"what": "silence between two requests of a connection"})
    unread_s: float = field(default=30.0, metadata={"what": "a response of which nothing is read"})
    header_bytes: int = field(default=64 * 1024, metadata={"what": "a request's header"})
