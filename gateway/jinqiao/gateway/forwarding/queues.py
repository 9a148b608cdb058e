"""The queues as the platform's operations ask for them (`platform.subscriptions.queues`)."""

from __future__ import annotations

from jinqiao.gateway.platform.subscriptions.queues import ClientStatus, QueueStatus

from .groups import Groups

__all__ = ["GroupQueues"]


class GroupQueues:
    """Answers for `groups`."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups

    def status(self, key: str) -> QueueStatus:
        """How a queue stands."""
        group = self._groups.group(key)
        if group is None:
            return QueueStatus()
        found = group.status()
        clients = tuple(
            ClientStatus(
                client.client_id,
                client.address,
                client.joined_ms,
                client.realtime_per_minute,
                client.backlog_per_minute,
            )
            for client in found.clients
        )
        return QueueStatus(
            found.accumulated,
            found.realtime_per_minute,
            found.backlog_per_minute,
            found.last_acknowledged_ms,
            clients,
        )

    def clear(self, key: str) -> None:
        """Drop what waits."""
        group = self._groups.group(key)
        if group is not None:
            group.clear()
