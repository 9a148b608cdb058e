"""What one broker lets the world take from it. Every bound of the room is here, with a default that is safe."""

from __future__ import annotations

from dataclasses import dataclass

from ..limit import limit, limits_of

__all__ = ["Limits"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one broker; sizes in bytes, times in seconds."""

    connections: int = limit(20_000, "open connections, logged in or not; MQTT over WebSocket and TLS included")
    connections_per_address: int = limit(
        2_000, "those of one address, of all doors together; this machine's do not count"
    )
    connect_timeout_s: float = limit(10.0, "from the accepted socket to a whole CONNECT")
    control_packet_bytes: int = limit(64 * _KIB, "a packet other than PUBLISH")
    payload_bytes: int = limit(_MIB, "a payload, from any sender")
    queue_bytes: int = limit(64 * _MIB, "what waits for one subscriber")
    total_queue_bytes: int = limit(512 * _MIB, "what waits for all subscribers together")
    offline_queue_bytes: int = limit(4 * _MIB, "what waits for a client that is not connected")
    socket_buffer_bytes: int = limit(256 * _KIB, "what a socket's own buffer holds before messages wait in the queue")
    high_water_bytes: int = limit(4 * _MIB, "above this a subscriber is behind, and a lossless publisher is paused")
    stalled_after_s: float = limit(1.0, "a subscriber that has taken nothing for so long is not waited for")
    unacknowledged: int = limit(100, "QoS 1 messages on their way to one subscriber (the platform's figure)")
    cached_topics: int = limit(400_000, "topics whose targets are remembered")
    cached_topic_bytes: int = limit(256, "a topic of which anything is remembered")
    known_topic_bytes: int = limit(
        256 * _KIB, "topics whose permission is remembered, of one connection, with all they cost"
    )
    retained_messages: int = limit(100_000, "retained messages")
    retained_bytes: int = limit(64 * _MIB, "these with all they cost: a level of a topic counts 300")
    retained_bytes_per_client: int = limit(32 * _MIB, "those of one client")
    filter_bytes: int = limit(512 * _MIB, "filters of all subscriptions with all they cost: a level counts 300")
    filter_bytes_per_client: int = limit(64 * _MIB, "those of one client")
    offline_sessions: int = limit(100_000, "sessions without a connection")
    session_expiry_s: int = limit(7 * 86_400, "how long one lasts (the platform keeps messages for 7 days)")
    receive_maximum: int = limit(100, "unfinished QoS 2 messages of one MQTT 5 client")
    topic_aliases: int = limit(20, "topic aliases either side may use (MQTT 5)")
    linger_s: float = limit(5.0, "time for a closing connection to take its last answer")

    def __post_init__(self) -> None:
        for name, value, _ in limits_of(self):
            if value <= 0:
                raise ValueError(f"limit {name} must be above 0, not {value}")
