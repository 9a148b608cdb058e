"""What consumers, and strangers, can take of this port."""

from __future__ import annotations

from dataclasses import dataclass

from ..limit import limit

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Sizes in bytes, times in seconds. Those of a consumer are the platform's (document 142489)."""

    connections: int = limit(2_000, "open connections")
    client_connections: int = limit(128, "connections of one client id in a consumer group")
    login_s: float = limit(10.0, "from the accepted socket to a login and an open connection")
    receiver_s: float = limit(15.0, "from there to a receiver; also without one later")
    least_idle_s: float = limit(30.0, "the shortest idle time-out that a client may ask for")
    most_idle_s: float = limit(300.0, "the longest")
    frame_bytes: int = limit(16_384, "a frame that a client sends")
    flows_per_s: int = limit(50_000, "flows in a second, and acknowledgements in another form than the usual one")
    frames_per_s: int = limit(1_000, "other frames in a second")
    sessions: int = limit(8, "sessions of a connection, one of which has its link")
    refused_links: int = limit(16, "links of a connection that are refused before it is ended")
    unread_bytes: int = limit(1 << 20, "what waits to be sent before a consumer's credit is left alone")
    unread_frames: int = limit(20_000, "frames, but usual acknowledgements, that a client sends while that waits")
