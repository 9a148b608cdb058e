"""What the platform can ask of the queues of consumer groups, which are another room's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["NO_QUEUES", "ClientStatus", "NoQueues", "QueueStatus", "Queues"]


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """A consumer: rates are messages of the last minute, as they came and of those that had waited."""

    client_id: str
    address: str
    online_ms: int
    realtime_per_minute: int
    accumulated_per_minute: int


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """`accumulated` messages wait or are not acknowledged; times in UTC ms, 0 for never."""

    accumulated: int = 0
    realtime_per_minute: int = 0
    accumulated_per_minute: int = 0
    last_consumed_ms: int = 0
    clients: tuple[ClientStatus, ...] = ()


class Queues(Protocol):
    """The queues, by the key of their group."""

    def status(self, key: str) -> QueueStatus:
        """How a queue stands; nothing where there is none."""

    def clear(self, key: str) -> None:
        """Drop what waits."""


class NoQueues:
    """Of a platform that forwards to nobody."""

    def status(self, key: str) -> QueueStatus:  # noqa: ARG002
        return QueueStatus()

    def clear(self, key: str) -> None:
        """Nothing waits."""


NO_QUEUES = NoQueues()
