"""How a consumer group stands, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ClientStatus", "GroupStatus"]


@dataclass(frozen=True, slots=True)
class ClientStatus:
    """One consumer; rates are acknowledged messages of the last minute."""

    client_id: str
    address: str
    joined_ms: int
    unsettled: int
    realtime_per_minute: int
    backlog_per_minute: int


@dataclass(frozen=True, slots=True)
class GroupStatus:
    """How a group stands. `accumulated` messages are waiting or unacknowledged, `held_bytes` is what they cost to keep.

    Since the start: `received`, `acknowledged` (of them `rejected`), `redelivered`, and dropped for want of room
    (`overflowed`) or for their age (`expired`). Rates are acknowledged messages of the last minute, of such as were
    delivered soon after they came, and of such as had accumulated.
    """

    accumulated: int
    unsettled: int
    held_bytes: int
    received: int
    acknowledged: int
    rejected: int
    redelivered: int
    overflowed: int
    expired: int
    realtime_per_minute: int
    backlog_per_minute: int
    last_acknowledged_ms: int
    clients: tuple[ClientStatus, ...]
