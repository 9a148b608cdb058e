"""What one broker lets the world take from it. Every bound of the room is here, with a default that is safe."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["Limits"]

_KIB = 1024
_MIB = 1024 * _KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one broker; sizes in bytes, times in seconds."""

    #: Open connections, logged in or not.
    connections: int = 20_000
    #: Those of one address; this machine's own addresses are not counted, the user sits there.
    connections_per_address: int = 2_000
    #: Time from the accepted socket to a whole CONNECT.
    connect_timeout_s: float = 10.0
    #: Longest packet that is not a PUBLISH: what a stranger's CONNECT can make the broker keep.
    control_packet_bytes: int = 64 * _KIB
    #: Longest payload, whatever a principal is allowed.
    payload_bytes: int = _MIB
    #: What may wait for one subscriber, and for all subscribers together.
    queue_bytes: int = 64 * _MIB
    total_queue_bytes: int = 512 * _MIB
    #: What may wait for a client that is not connected.
    offline_queue_bytes: int = 4 * _MIB
    #: What the socket's own buffer may hold before messages wait in the queue.
    socket_buffer_bytes: int = 256 * _KIB
    #: A lossless publisher is paused while more than this waits for a subscriber …
    high_water_bytes: int = 4 * _MIB
    #: … that has taken something within this time.
    stalled_after_s: float = 1.0
    #: QoS 1 messages on their way to one subscriber without PUBACK (the platform's figure).
    unacknowledged: int = 100
    #: Topics whose targets are remembered; longer topics than `cached_topic_bytes` never are.
    cached_topics: int = 400_000
    cached_topic_bytes: int = 256
    #: Topics whose permission is remembered, per connection: their bytes with all they cost.
    known_topic_bytes: int = 256 * _KIB
    #: Retained messages, and their bytes with all they cost.
    retained_messages: int = 100_000
    retained_bytes: int = 64 * _MIB
    retained_bytes_per_client: int = 32 * _MIB
    #: Filters of all subscriptions with all they cost, and those of one client; they last as long as sessions do.
    filter_bytes: int = 512 * _MIB
    filter_bytes_per_client: int = 64 * _MIB
    #: Sessions without a connection, and how long one lasts at most (the platform keeps messages for 7 days).
    offline_sessions: int = 100_000
    session_expiry_s: int = 7 * 86_400
    #: Unfinished messages one MQTT 5 client may send us at QoS 2, and topic aliases either side may use.
    receive_maximum: int = 100
    topic_aliases: int = 20
    #: How long a closing connection may take to flush its last answer.
    linger_s: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise ValueError(f"limit {field.name} must be above 0, not {getattr(self, field.name)}")
