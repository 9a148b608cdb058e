"""What the queues of consumer groups may hold, in memory and on disk."""

from __future__ import annotations

from dataclasses import dataclass

from ..limit import limit

__all__ = ["Bounds"]

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of all groups together and of each; sizes in bytes with what it costs to keep a message, times in seconds.

    Clients a group, the time to acknowledge and the retention are the platform's figures.
    """

    clients: int = limit(64, "clients of one consumer group")
    redeliver_after_s: float = limit(30.0, "without an acknowledgement a message is delivered again")
    kept_s: float = limit(86_400.0, "how long a message waits for a consumer")
    backlog_after_s: float = limit(5.0, "what has waited for so long is delivered after what comes now")
    group_bytes: int = limit(256 * _MIB, "messages of one group, waiting or unacknowledged; the oldest waiting go")
    total_bytes: int = limit(1024 * _MIB, "messages of all groups together; the oldest of the largest group go")
    disk_bytes: int = limit(1024 * _MIB, "files of one group in the data folder; the messages of the oldest go")
    segment_bytes: int = limit(8 * _MIB, "one of these files, which is removed when all in it is acknowledged")
    client_bytes: int = limit(16 * _MIB, "messages on their way to one client, delivered and not acknowledged")
    client_messages: int = limit(20_000, "the same, counted")
